"""Faults of a scoring script, each deployed for real: the diagnosis comes from the log that the inference server then writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mi_tui.model.answers import IdentityKind
from tests.e2e.conftest import environment_cache
from tests.scenarios.journey import Journey, opened

pytestmark = [pytest.mark.e2e, pytest.mark.long]

__all__ = ["environment_cache"]


@dataclass(frozen=True)
class Fault:
    """A change of the example's script, and the rule that must come first; `said` stands in the evidence."""

    name: str
    old: str
    new: str
    rule: str
    said: str
    kind: IdentityKind = IdentityKind.SAI


_CLIENT, _READ, _DONE = (
    'return os.environ.get("UAI_CLIENT_ID") or None',
    "read_by_rest(*place)",
    'log.info("Init complete")',
)

FAULTS = (
    Fault(
        "another client id", _CLIENT, 'return "11111111-2222-3333-4444-555555555555"',
        "identity-token-refused", "no token for client id 11111111", IdentityKind.UAI,
    ),
    Fault(
        "no identity endpoint", 'os.environ.get("MSI_ENDPOINT")', 'os.environ.get("NO_SUCH")',
        "identity-endpoint-absent", "MSI_ENDPOINT and MSI_SECRET are not set",
    ),
    Fault(
        "a resource in capitals", 'STORAGE = "https://storage.azure.com"', 'STORAGE = "https://STORAGE.azure.com"',
        "token-resource-unknown", "AADSTS500011",
    ),
    Fault("another blob", _READ, 'read_by_rest(place[0], place[1], "nope.txt")', "blob-missing", "BlobNotFound"),
    Fault(
        "another container", _READ, 'read_by_rest(place[0], "nope", place[2])', "grant-elsewhere", "could not read nope/hello.txt"
    ),
    Fault(
        "an account that is not there", _READ, 'read_by_rest("stnobodyhasthis", place[1], place[2])',
        "storage-account-gone", "ResourceNotFound",
    ),
    Fault(
        "a placeholder", _READ, 'read_by_rest("storage_place_holder", place[1], place[2])', "variable-placeholder", "storage_place_holder"
    ),
    Fault(
        "no token", '"Authorization": f"Bearer {token}", ', "", "storage-no-token", "PublicAccessNotPermitted"
    ),
    Fault("an error outside of the functions", "log = _own_logger()", "log = _own_logger()\nnp.zeros(3)", "import-error", "NameError"),
    Fault("an error in init()", _DONE, "1 / 0", "init-raised", "ZeroDivisionError: division by zero"),
    Fault(
        "an error in run()", "def run(", "def run(raw_data):\n    raise ValueError('boom')\n\n\ndef _run(", "run-raised", "ValueError: boom"
    ),
    Fault("an endless init()", _DONE, "time.sleep(100)", "probe-too-early", "Readiness probe failed"),
)  # fmt: skip


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
        with opened(tmp_path_factory.mktemp("scripts") / "home") as found:
            yield found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_script_is_told_from_its_log(journey: Journey, fault: Fault, tmp_path: Path) -> None:
    code = tmp_path / "code"
    shutil.copytree(journey.answers().deployment.code, code)
    script = code / "score.py"
    text = script.read_text()
    assert fault.old in text
    script.write_text(text.replace(fault.old, fault.new))
    try:
        ended = journey.up(journey.answers(fault.kind, deployment={"code": str(code)}))
        assert ended.finished is not None, ended.refused
        found = ended.finished.diagnosis
        assert found is not None
        assert found.rule == fault.rule
        assert any(fault.said in one.text for one in found.evidence)
        assert found.fixes
    finally:
        journey.down()
