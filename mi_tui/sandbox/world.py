"""The world of one sandbox: its store, its tenant, its speed, and the furniture that a new world starts with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mi_tui.sandbox import scenarios
from mi_tui.sandbox.profiles import Profile
from mi_tui.sandbox.scenarios.active import Active
from mi_tui.sandbox.sign_ins import SignIns
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import Issuer

TENANT = "5a9d7c1e-0b4e-4c0f-9d53-3f6a2c7e1b90"
REGION = "westeurope"


@dataclass
class World:
    """Everything a request handler needs. `loopback` is the plain http://127.0.0.1:PORT address of the identity endpoint.

    `scenario` names the scenarios that it is in; `active` is what they do, `profile` has their durations.
    """

    home: Path
    store: Store
    issuer: Issuer
    profile: Profile
    scenario: str = "none"
    loopback: str = ""
    proxy: str = ""
    ca_file: Path = Path()
    sign_ins: SignIns = field(default_factory=SignIns)
    active: Active = field(init=False)
    _calm: Profile = field(init=False)
    """The profile without the scenarios' durations."""

    def __post_init__(self) -> None:
        self.choose(self.profile, self.scenario)

    def choose(self, profile: Profile | None, scenario: str | None) -> None:
        """Go on at another speed or in other scenarios; None is as it is. ScenarioError when a scenario cannot be used.

        The furniture follows with `scenarios.overlays.settle`.
        """
        if scenario is not None:
            self.active = Active(scenarios.load(scenario), self.store)
            self.scenario = ",".join(self.active.scenarios) or scenarios.NONE
        self._calm = self._calm if profile is None else profile
        self.profile = self.active.timed(self._calm)
