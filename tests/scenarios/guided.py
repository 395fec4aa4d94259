"""Each scenario as a person meets it: what preflight says before anything is made, what the diagnosis says after, and what its fix does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mi_tui.engine.context import Stop
from mi_tui.engine.planner import new_run_id
from mi_tui.fixing import Fixing, asks_for, with_values
from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis
from mi_tui.model.events import Event, Notice, RunFinished, StepFailed
from mi_tui.model.plan import Plan
from mi_tui.sandbox import furnish
from mi_tui.services.errors import ServiceError
from mi_tui.workflow import PlanError
from tests.scenarios.journey import Journey

SAI, UAI = IdentityKind.SAI, IdentityKind.UAI
LATEST = 1.0
"""Seconds from the failure to its diagnosis."""
TRIES = 4
"""How many fixes are taken one after the other: a fix may uncover the next fault."""


@dataclass(frozen=True)
class Guided:
    """What is expected of a scenario. `caught`: the check that fails before anything is made, or empty and `unseen` says why it cannot.

    `rule` is the first diagnosis of the run, or of the plan that is refused; empty where the run ends in a scored answer. `fixes` are the
    changes that are applied one after the other, each the first that the diagnosis (or the failed check) offers; empty where only a
    person can help, by a command.
    """

    scenario: str
    caught: str = ""
    unseen: str = ""
    rule: str = ""
    also: str = ""
    """Another rule that may be told first: of two steps that fail side by side, either may be the first."""
    fixes: tuple[ChangeKind, ...] = ()
    left: str = ""
    """What stays in the world after clean-up, as it may: a part of its id."""
    kind: IdentityKind = SAI
    answers: dict[str, Any] = field(default_factory=dict)
    by_hand: Callable[[Journey, Path], None] | None = None
    """What a person does where the fix is a command or an edit of a file; then the run is resumed, with the fix where there is one."""


@dataclass
class Walked:
    """What was seen."""

    guided: Guided
    failed: tuple[str, ...] = ()
    changed_before: bool = False
    """Whether anything was other after preflight."""
    diagnosis: Diagnosis | None = None
    seconds: float = 0.0
    """From the failure to its diagnosis."""
    fixes: tuple[ChangeKind, ...] = ()
    by_hand: bool = False
    scored: bool = False
    ended: str = ""


def walk(journey: Journey, guided: Guided, folder: Path) -> Walked:
    """Go through a scenario, with a conda file and a code folder of one's own in `folder`; the sandbox is left without it and without what was made."""
    seen = Walked(guided)
    journey.scenario(guided.scenario)
    try:
        answers = journey.answers(guided.kind, **guided.answers)
        # A fix may change the one, and a person the other: they are not to be the example's own.
        conda = Path(shutil.copy(answers.deployment.conda, folder / "conda.yaml"))
        code = shutil.copytree(answers.deployment.code, folder / "code")
        deployment = msgspec.structs.replace(answers.deployment, conda=str(conda), code=str(code))
        answers = msgspec.structs.replace(answers, deployment=deployment)
        if guided.scenario.startswith("endpoint-"):
            journey.workflow.advice.preflight(journey.target, answers)  # its endpoint appears with the first look at it
        before = journey.tree()
        checks = journey.workflow.advice.preflight(journey.target, answers)
        seen.changed_before = journey.tree() != before
        seen.failed = tuple(check.id for check in checks if check.status is CheckStatus.FAILED)
        _Walk(journey, seen, checks, folder).go(answers)
    finally:
        journey.down()
        journey.scenario("none")
    return seen


class _Walk:
    def __init__(self, journey: Journey, seen: Walked, checks: list[Check], folder: Path) -> None:
        self._journey, self._guided, self._seen, self._folder = journey, seen.guided, seen, folder
        self._repairs = [check.change for check in checks if check.status is CheckStatus.FAILED and check.change]
        self._fixing = Fixing(journey.workflow)

    def go(self, answers: Answers) -> None:
        """Plan and carry out, whatever preflight said, and go on with the fixes that are offered."""
        workflow, target = self._journey.workflow, self._journey.target
        run, plan = self._planned(answers)
        if plan is None:
            return
        self._journey.runs.append(run)
        end = self._watch(lambda emit, stop: workflow.up(target, run, plan, emit, stop))
        for _ in range(TRIES):
            if self._seen.scored or not (again := self._next(run, end)):
                return
            end = self._watch(again)

    def _planned(self, answers: Answers) -> tuple[str, Plan | None]:
        """The plan; where it is refused, the one after the repairs that preflight offers (or else the diagnosis), or after what is done by
        hand. None where there is neither."""
        workflow, target = self._journey.workflow, self._journey.target
        try:
            return workflow.plan(target, answers)
        except (PlanError, ServiceError) as error:
            failure = error.failures[0] if isinstance(error, PlanError) else error.failure
        began = time.monotonic()
        found = workflow.advice.refused(target, answers, [failure])[0]
        self._told(found, time.monotonic() - began)
        self._seen.ended = failure.sentence()
        if self._guided.by_hand is not None:
            self._by_hand()
            return workflow.plan(target, answers)
        run, plan = new_run_id(), None
        for change in self._repairs or filter(None, [_offered(found)]):
            mended = self._fixing.show_new(target, run, answers, change)
            answers, plan = mended.answers, mended.plan
            self._seen.fixes += (change.kind,)
        return run, plan

    def _by_hand(self) -> None:
        assert self._guided.by_hand is not None
        self._guided.by_hand(self._journey, self._folder)
        self._seen.by_hand = True

    def _next(self, run: str, end: RunFinished) -> Any:
        """What goes on after a failure: the first fix that mi-tui can make, or what a person does by hand."""
        workflow, target = self._journey.workflow, self._journey.target
        record = workflow.journal.run(run)
        if self._guided.by_hand is not None and not self._seen.by_hand:
            self._by_hand()
            if not self._guided.fixes:
                return lambda emit, stop: workflow.resume(target, record, emit, stop)
        change = _offered(end.diagnosis)
        if change is None:
            return None
        if names := asks_for(change):
            change = with_values(change, dict.fromkeys(names, "4711"))
        mended = self._fixing.show(target, record, change)
        self._seen.fixes += (change.kind,)
        return lambda emit, stop: self._fixing.resume(target, record, mended, emit, stop)

    def _told(self, diagnosis: Diagnosis | None, seconds: float) -> None:
        if self._seen.diagnosis is None:
            self._seen.diagnosis, self._seen.seconds = diagnosis, seconds

    def _watch(self, work: Callable[[Callable[[Event], None], Stop], RunFinished]) -> RunFinished:
        stop, failed = Stop(), list[float]()

        def emit(event: Event) -> None:
            match event:
                case StepFailed():
                    failed.append(time.monotonic())
                case Notice() if event.diagnosis is not None:
                    self._told(event.diagnosis, 0.0)
                    stop.set()  # it waits for something that does not come by itself
                case RunFinished() if failed:
                    self._told(event.diagnosis, time.monotonic() - failed[0])
                case _:
                    pass

        end = work(emit, stop)
        self._seen.scored = end.outcome.value == "succeeded" and bool(end.response)
        self._seen.ended = end.failure.sentence() if end.failure else end.outcome.value
        return end


def _offered(diagnosis: Diagnosis | None) -> Change | None:
    """The first fix that mi-tui can make."""
    fixes = diagnosis.fixes if diagnosis else ()
    return next((fix.change for fix in fixes if fix.change is not None), None)


def sure(diagnosis: Diagnosis | None) -> bool:
    """Whether a diagnosis names a cause, and says why it thinks so."""
    return diagnosis is not None and diagnosis.confidence is not Confidence.UNKNOWN and bool(diagnosis.evidence)


def _administrator(journey: Journey, _folder: Path) -> None:
    # Somebody who may gives the person the right; in the sandbox that is the end of the scenario.
    journey.scenario("none")


def _open(property_: str, value: object) -> Callable[[Journey, Path], None]:
    def by_hand(journey: Journey, _folder: Path) -> None:
        accounts = f"/subscriptions/{journey.connection.subscription}/providers/Microsoft.Storage/storageAccounts"
        for account in journey.arm("GET", accounts, version="2023-05-01")[1]["value"]:
            body = {"properties": {property_: value}}
            assert journey.arm("PATCH", account["id"], body, version="2023-05-01")[0] == 200

    return by_hand


def _other_conda(_journey: Journey, folder: Path) -> None:
    conda = folder / "conda.yaml"
    conda.write_text(conda.read_text().replace("name: mi-tui-scoring", "name: mended"))


def _other_script(_journey: Journey, folder: Path) -> None:
    with (folder / "code" / "score.py").open("a") as script:
        script.write("# mended\n")


PASSES = "it passes by itself"
NOTHING = "nothing is wrong"

GUIDED = (
    Guided(
        "missing-role",
        rule="storage-role-missing",
        fixes=(ChangeKind.GRANT,),
        unseen="the role is taken away after it was granted",
    ),
    Guided("slow-propagation", unseen="nothing is wrong; time passes"),
    Guided("no-role-assignment-right", rule="grant-right-missing", caught="rights-grants", by_hand=_administrator),
    Guided("conditional-rbac-admin", rule="grant-condition", caught="rights-grants", by_hand=_administrator),
    Guided(
        "reader-only",
        left="/localupload/",  # who may not list the workspace's storage has no evidence that the model's files are new
        rule="right-missing",
        caught="rights-group",
        by_hand=_administrator,
    ),
    Guided("provider-unregistered", rule="provider-unregistered", fixes=(ChangeKind.REGISTER,), caught="providers"),
    Guided("no-quota", rule="quota-family", fixes=(ChangeKind.INSTANCE_TYPE,), caught="quota"),
    Guided(
        "no-capacity",
        rule="no-capacity",
        fixes=(ChangeKind.INSTANCE_TYPE,),
        unseen="quota is permission; Azure tells nowhere whether a machine is left",
    ),
    Guided("policy-denied", rule="policy-tag", fixes=(ChangeKind.TAG,), caught="policy"),
    Guided(
        "key-access-disabled",
        rule="workspace-keys-off",
        also="upload-role-missing",
        caught="workspace-storage",
        by_hand=_open("allowSharedKeyAccess", True),
    ),
    Guided(
        "storage-network-closed",
        rule="storage-network-closed",
        caught="storage-network",
        by_hand=_open("publicNetworkAccess", "Enabled"),
        answers={"storage": {"account": furnish.DATA_ACCOUNT}},
    ),
    Guided(
        "registry-missing",
        left="microsoft.containerregistry/registries/",  # Azure's own, made at the first build
        rule="registry-absent",
        fixes=(ChangeKind.IDENTITY,),
        caught="registry",
        kind=UAI,
    ),
    Guided(
        "name-taken",
        rule="storage-name-taken",
        fixes=(
            ChangeKind.STORAGE_ACCOUNT,
            ChangeKind.ENDPOINT_NAME,
        ),
        caught="storage-account",
    ),
    Guided(
        "endpoint-exists-other-identity",
        left="/onlineendpoints/",  # the scenario's own
        rule="identity-immutable",
        fixes=(ChangeKind.IDENTITY,),
        caught="endpoint-identity",
    ),
    Guided(
        "endpoint-broken-leftover",
        rule="endpoint-broken",
        fixes=(ChangeKind.REPLACE_BROKEN,),
        caught="endpoint-leftover",
    ),
    Guided("delete-lag", unseen="that a deleted name is still held is told by the PUT alone"),
    Guided("stuck-updating", unseen="the endpoint is not there yet"),
    Guided(
        "image-build-failure",
        left="/imagelogs/",  # Azure's own
        rule="package-conflict",
        unseen="the packages are resolved when the image is built",
        fixes=(ChangeKind.CONDA,),
        by_hand=_other_conda,
    ),
    Guided(
        "missing-package",
        rule="module-missing",
        fixes=(ChangeKind.CONDA,),
        unseen="the conda file names the package; the sandbox's build drops it",
    ),
    Guided(
        "missing-server",
        rule="server-missing",
        fixes=(ChangeKind.CONDA,),
        unseen="the conda file names the server; the sandbox's build drops it",
    ),
    Guided(
        "bad-scoring-script",
        rule="file-not-found",
        fixes=(ChangeKind.CODE,),
        by_hand=_other_script,
        unseen="the container breaks the script; the local one is whole",
    ),
    Guided(
        "out-of-memory",
        rule="out-of-memory",
        fixes=(ChangeKind.INSTANCE_TYPE,),
        unseen="what a model needs is known when it runs",
    ),
    Guided("throttled", unseen=PASSES),
    Guided("flaky-network", unseen=PASSES),
    Guided("expired-token", unseen="the token expires in the middle of the run"),
    Guided(
        "service-error", rule="internal-error", fixes=(ChangeKind.RETRY,), unseen="Azure fails in the middle of the run"
    ),
    Guided("subscription-owner", unseen=NOTHING),
)
