"""All drives against one tapped sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.drives import (
    authorization,
    blob,
    blob_sdk,
    core,
    journeys,
    login,
    ml,
    ml_workspaces,
    replay,
    sdk,
    storage,
    tail,
)
from tests.conformance.exchange import Exchange
from tests.conformance.tapped import Tapped, tapped_sandbox

BY_HAND = (core, storage, authorization, tail, ml, ml_workspaces, login, blob, blob_sdk)


def drive_all(folder: Path, recorded: Sequence[Exchange]) -> Path:
    """Start a sandbox in an empty folder, run every drive, and return the file of exchanges. `recorded` are sent again, too."""
    with tapped_sandbox(folder) as sandbox, ThreadPoolExecutor(2) as pool:
        # The SDK's test compares the world before with the world after, so it has it for itself.
        sdk.drive(sandbox)
        for work in (pool.submit(journeys.drive, sandbox), pool.submit(_by_hand, sandbox, recorded)):
            work.result()
        return sandbox.recording


def drive_by_hand(folder: Path) -> Path:
    """As `drive_all`, without the journeys and the SDK: seconds, and every operation and refusal that needs no deployment."""
    with tapped_sandbox(folder) as sandbox:
        _by_hand(sandbox)
        return sandbox.recording


def _by_hand(sandbox: Tapped, recorded: Sequence[Exchange] = ()) -> None:
    for drive in BY_HAND:
        drive.drive(sandbox)
    replay.drive(sandbox, recorded)
