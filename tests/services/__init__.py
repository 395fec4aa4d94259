"""Tests of the fronts over the Azure SDK."""
