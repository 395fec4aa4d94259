"""Random trouble, written as a scenario of the sandbox: every fault ends after a few hits, so that a run can end too."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CHANGING = (
    ("management", "PUT", "*/storageAccounts/{name}"),
    ("management", "PUT", "*/containers/{name}"),
    ("management", "PUT", "*/userAssignedIdentities/{name}"),
    ("management", "PUT", "*/roleAssignments/{name}"),
    ("management", "PUT", "*/onlineEndpoints/{name}"),
    ("management", "PUT", "*/deployments/{name}"),
    ("management", "PUT", "*/models/*"),
    ("management", "PUT", "*/codes/*"),
    ("management", "PUT", "*/environments/*"),
    ("management", "POST", "*/startPendingUpload"),
    ("management", "POST", "*/listKeys"),
    ("management", "POST", "*/getLogs"),
    ("blob", "PUT", "*"),
    ("inference", "POST", "*"),
)
_REMOVING = (
    ("management", "DELETE", "*/onlineEndpoints/{name}"),
    ("management", "DELETE", "*/deployments/{name}"),
    ("management", "DELETE", "*/roleAssignments/{name}"),
    ("management", "DELETE", "*/storageAccounts/{name}"),
    ("management", "DELETE", "*/containers/{name}"),
    ("management", "DELETE", "*/userAssignedIdentities/{name}"),
    ("management", "DELETE", "*/versions/*"),
    ("management", "DELETE", "*/models/{name}"),
    ("management", "DELETE", "*/codes/{name}"),
    ("management", "POST", "*/listKeys"),
    ("blob", "DELETE", "*"),
)
_READING = (
    ("management", "GET", "*"),
    ("management", "GET", "*/mfeOperationsStatus/*"),
    ("management", "GET", "*/asyncoperations/*"),
    ("management", "GET", "*/onlineEndpoints/*"),
    ("management", "GET", "*/storageAccounts/*"),
    ("management", "GET", "*/roleAssignments*"),
    ("blob", "GET|HEAD", "*"),
    ("login", "POST", "*/token"),
)
_MADE = (
    "*/storageAccounts/st{}",
    "*/containers/c-{}",
    "*/userAssignedIdentities/id-{}",
    "*/onlineEndpoints/ep-{}",
    "*/onlineEndpoints/ep-{}/deployments/*",
)
KINDS = ("reset before", "reset after", "429", "5xx", "slow", "expired token", "lag", "stale read", "broken operation")
"""What can go wrong. Lag: grants, directory, endpoint and names that follow only later. Stale read: a replica of Azure's that does not
know yet what was made, and answers 404."""


@dataclass
class Trouble:
    """The faults of one phase of a round."""

    rules: list[dict[str, Any]] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    operations: list[dict[str, Any]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def write(self, path: Path) -> str:
        """The scenario's file, as the sandbox wants it named; `none` when nothing is to go wrong."""
        if not self.kinds:
            return "none"
        text = {
            "about": "what a round of the campaign drew",
            "rules": self.rules,
            "timings": self.timings,
            "operations": self.operations,
        }
        path.write_text(json.dumps(text, indent=1))
        return str(path)


def draw(dice: random.Random, name: str, *, removing: bool, most: int = 4) -> Trouble:
    """Some faults, at times none; `name` stands in the names of what the round makes."""
    trouble = Trouble()
    for _ in range(dice.randint(0, most)):
        kind = dice.choice(KINDS)
        if removing and kind == "broken operation":
            continue
        trouble.kinds[kind] += 1
        if kind == "lag":
            name, seconds = dice.choice(
                (
                    ("role_propagation", 3.0),
                    ("directory_replication", 2.0),
                    ("endpoint_settling", 2.0),
                    ("name_release", 2.0),
                )
            )
            trouble.timings[name] = seconds
        elif kind == "broken operation":
            trouble.operations.append(
                {"operation": dice.choice(("endpoint.create", "deployment.create")), "code": "InternalServerError",
                 "message": "An internal error occurred. Please try again.", "times": 1}
            )  # fmt: skip
        else:
            trouble.rules.append(_rule(dice, kind, name, removing=removing))
    return trouble


def _rule(dice: random.Random, kind: str, name: str, *, removing: bool) -> dict[str, Any]:
    if kind == "stale read":
        return {
            "on": {"method": "GET", "path": dice.choice(_MADE).format(name)},
            "when": {"skip": dice.randint(0, 3), "times": dice.choice((1, 1, 2))},
            "answer": {"status": 404, "code": "ResourceNotFound", "message": "The resource was not found."},
        }
    changes = _REMOVING if removing else _CHANGING
    service, method, path = dice.choice(changes if kind == "reset after" or dice.random() < 0.6 else _READING)
    rule: dict[str, Any] = {
        "on": {"service": service, "method": method, "path": path},
        "when": {"skip": dice.choice((0, 0, 1, 2, 5)), "times": dice.choice((1, 1, 2, 3, 6))},
    }
    match kind:
        case "reset before":
            rule["reset"] = "before"
        case "reset after":
            rule["reset"] = "after"
        case "429":
            rule["answer"] = {
                "status": 429, "code": "TooManyRequests", "message": "Too many requests. Please try again later.",
                "headers": {"Retry-After": "1"},
            }  # fmt: skip
        case "5xx":
            status = dice.choice((500, 502, 503, 504))
            rule["answer"] = {"status": status, "code": "ServerError", "message": "The service is unavailable now."}
        case "slow":
            rule["delay"] = dice.choice((0.3, 1.0, 2.0))
        case _:
            rule["expire"] = True
            rule["on"]["service"] = service if service in {"management", "blob"} else "management"
    return rule
