"""The scenarios that a world is in, put together: what the rest of the sandbox asks while it works."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mi_tui.sandbox.profiles import Profile
from mi_tui.sandbox.scenarios.description import Broken, Existing, Hosting, Policy, Scenario
from mi_tui.sandbox.scenarios.rules import Running
from mi_tui.sandbox.store import Store

_MEMORY = "scenario_memory"


class Active:
    """Several scenarios as one. `expired` holds the hashes of tokens that count as expired."""

    def __init__(self, scenarios: Mapping[str, Scenario], store: Store) -> None:
        self.scenarios = dict(scenarios)
        self._store = store
        self.rules = [Running(name, rule) for name, scenario in self.scenarios.items() for rule in scenario.rules]
        self.expired: set[str] = set()
        self._broken: dict[Broken, int] = {}
        # Kept here too: a request that is refused takes back what it wrote.
        self._memory: dict[str, str] = json.loads(store.value(_MEMORY) or "{}")

    @property
    def fingerprint(self) -> str:
        """What tells one set of scenarios from another, also when a file of one's own has changed."""
        return hashlib.sha256(repr(self.scenarios).encode()).hexdigest() if self.scenarios else ""

    def timed(self, profile: Profile) -> Profile:
        """A profile with the durations of these scenarios."""
        changed: dict[str, float] = {}
        for scenario in self.scenarios.values():
            for name, value in scenario.timings.items():
                seconds = value.get(profile.name) if isinstance(value, Mapping) else value
                if seconds is not None:
                    changed[name] = float(seconds)
        return dataclasses.replace(profile, **changed)  # type: ignore[arg-type]

    def quota(self, family: str) -> int | None:
        """Cores that a VM family may use, where a scenario says so."""
        given = [
            cores
            for scenario in self.scenarios.values()
            for name, cores in scenario.furniture.quotas.items()
            if name == "*" or name.lower() == family.lower()
        ]
        return min(given, default=None)

    def full(self, family: str) -> bool:
        """Whether the region has no machine of a family left."""
        return any(name == "*" or name.lower() == family.lower() for one in self._hosting() for name in one.full)

    def new_account(self) -> dict[str, Any]:
        """Properties that every new storage account comes back with, whatever was asked for."""
        return {
            name: value
            for scenario in self.scenarios.values()
            for name, value in scenario.furniture.data_accounts.items()
        }

    def policies(self) -> list[Policy]:
        """The policies that are assigned to the first subscription."""
        return [policy for scenario in self.scenarios.values() for policy in scenario.furniture.policies]

    def taken(self, kind: str, name: str) -> bool:
        """Whether a name is somebody else's: the first that was asked for, where a scenario says so."""
        return any(kind in scenario.furniture.taken for scenario in self.scenarios.values()) and self.first(
            f"taken {kind}", name.lower()
        )

    def existing(self, name: str) -> Existing | None:
        """The endpoint that turns out to be there when one of this name is asked for first."""
        for scenario in self.scenarios.values():
            for endpoint in scenario.furniture.endpoints:
                if not endpoint.name and self.first("existing endpoint", name.lower()):
                    return endpoint
        return None

    def loses(self, role: str, principal: str) -> bool:
        """Whether a role's first assignment to a principal is taken away again; from the second time on it stays."""
        lost = any(name == role for scenario in self.scenarios.values() for name in scenario.furniture.rights.lost)
        return lost and self._once(f"lost {role} of {principal.lower()}")

    def broken(self, operation: str) -> Broken | None:
        """The failure that this long operation meets; it counts."""
        for scenario in self.scenarios.values():
            for one in scenario.operations:
                if one.operation == operation and (not one.times or self._broken.get(one, 0) < one.times):
                    self._broken[one] = self._broken.get(one, 0) + 1
                    return one
        return None

    def required(self, conda: str) -> tuple[str, ...]:
        """Requirements that an environment asks for besides its own."""
        return tuple(
            r for one in self._hosting() if one.require and self._same("environment", conda) for r in one.require
        )

    def dropped(self, conda: str) -> tuple[str, ...]:
        """Packages that an environment lacks."""
        return tuple(p for one in self._hosting() if one.drop and self._same("packages", conda) for p in one.drop)

    def script(self, text: str) -> str:
        """Python lines that a scoring script ends with."""
        return "".join(one.script for one in self._hosting() if one.script and self._same("script", text))

    def memory_share(self) -> float:
        """Part of the instance type's memory that a container may use; 1 is no limit of ours."""
        return min((one.memory_share for one in self._hosting()), default=1.0)

    def first(self, what: str, value: str) -> bool:
        """Whether this is the value that was met first for `what`; remembered with the world."""
        if what not in self._memory:
            self._memory[what] = value
            self._store.set_value(_MEMORY, json.dumps(self._memory))
        return self._memory[what] == value

    def forget(self) -> None:
        """Begin anew: nothing was met yet."""
        self._memory.clear()
        self._store.set_value(_MEMORY, "{}")

    def _hosting(self) -> Iterator[Hosting]:
        return (scenario.hosting for scenario in self.scenarios.values())

    def _same(self, what: str, text: str) -> bool:
        """What is broken stays broken until the file changes: then somebody has mended it."""
        return self.first(what, hashlib.sha256(text.encode()).hexdigest())

    def _once(self, what: str) -> bool:
        new = what not in self._memory
        return new and self.first(what, "done")
