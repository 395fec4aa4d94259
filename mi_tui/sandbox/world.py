"""The world of one sandbox: its store, its tenant, its speed, and the furniture that a new world starts with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mi_tui.sandbox.profiles import Profile
from mi_tui.sandbox.sign_ins import SignIns
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import Issuer

TENANT = "5a9d7c1e-0b4e-4c0f-9d53-3f6a2c7e1b90"
REGION = "westeurope"


@dataclass
class World:
    """Everything a request handler needs. `loopback` is the plain http://127.0.0.1:PORT address of the identity endpoint."""

    home: Path
    store: Store
    issuer: Issuer
    profile: Profile
    scenario: str = "none"
    loopback: str = ""
    proxy: str = ""
    ca_file: Path = Path()
    sign_ins: SignIns = field(default_factory=SignIns)
