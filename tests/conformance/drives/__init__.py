"""Clients that exercise the sandbox while the tap records: journeys, SDKs, and every operation with its errors by hand."""
