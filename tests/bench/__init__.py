"""Benchmarks, run by hand. They print figures and judge nothing: what counts is the ratio within one run on one machine."""
