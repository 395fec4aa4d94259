"""Fixes that become plan changes: what a change makes of answers and plan, computed against the world, and what its steps need."""
