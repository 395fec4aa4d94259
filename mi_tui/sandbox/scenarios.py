"""Scenarios: worlds with something set up to go wrong. Light, because the client reads the names too."""

from __future__ import annotations

from mi_tui.sandbox.profiles import PROFILES

SCENARIOS = {
    "none": "nothing goes wrong",
    "slow-grants": "a role assignment takes 30 seconds to count",
}
"""Name -> what is different, in words."""


def fault(profile: str | None, scenario: str | None) -> str | None:
    """A sentence about an unknown profile or scenario, or None. None as a name means "as it is"."""
    if profile is not None and profile not in PROFILES:
        return f"There is no profile '{profile}'. Choose one of: {', '.join(PROFILES)}."
    if scenario is not None and scenario not in SCENARIOS:
        return f"There is no scenario '{scenario}'. Choose one of: {', '.join(SCENARIOS)}."
    return None
