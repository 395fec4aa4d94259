"""Every kind of change, in the whole journey: what failed ends in a scored answer once the change is made, and clean-up leaves nothing."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mi_tui.engine import adopting
from mi_tui.engine.context import Stop
from mi_tui.engine.journal import RunState, Verdict
from mi_tui.engine.mending.uploaded import MADE_FROM, content
from mi_tui.engine.planner import PlanError, code_name
from mi_tui.fixing import Fixing, Mended
from mi_tui.model.answers import Answers, GrantPolicy
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.model.plan import ResourceKind
from mi_tui.sandbox import client
from tests.campaign.world import differences
from tests.e2e.conftest import environment_cache
from tests.scenarios.cases import until
from tests.scenarios.journey import Journey, Outcome, opened

pytestmark = pytest.mark.e2e

__all__ = ["environment_cache"]


@dataclass(frozen=True)
class Case:
    """A scenario, the changes that are made one after the other, and what the last of them says of itself."""

    scenario: str
    fixes: tuple[str, ...]
    says: str
    grants: GrantPolicy = GrantPolicy.MAKE


BEGUN = (
    Case("missing-role", ("grant",), "+ Storage Blob Data Reader for"),
    Case("no-quota", ("instance-type=Standard_DS2_v2",), "Quota: needs 4 cores, 6 free"),
    Case("no-quota", ("instance-type",), "Price: about 0."),
    Case("provider-unregistered", ("register=Microsoft.PolicyInsights,Microsoft.Cdn",), "+ register Microsoft.Cdn"),
    Case("policy-denied", ("tag=cost-center=4711",), "cost-center=4711"),
    Case("missing-package", ("conda=azure-storage-blob",), "is kept beside it as conda.before-mi-tui.yaml"),
    Case("missing-server", ("conda=azureml-inference-server-http",), "is deleted and made again"),
    Case("out-of-memory", ("instance-type=Standard_DS4_v2",), "instead of 0.29"),
    Case("service-error", ("retry",), "Nothing of the plan changes"),
    Case("slow-propagation", ("wait",), "10 minutes"),
    Case("none", ("grant",), "+ Storage Blob Data Reader for", GrantPolicy.SKIP),
    Case("none", ("variable=LOG_LEVEL=debug",), "+ LOG_LEVEL=debug"),
    Case("none", ("variable=FILE_NAME=other.txt",), "FILE_NAME -> other.txt"),
    Case("none", ("deployment-name=green",), "- the deployment blue, which this run made, is deleted"),
    Case("none", ("endpoint-name",), "- the online endpoint"),
    Case("none", ("storage-account",), "stays until clean-up"),
    Case("none", ("storage-account", "endpoint-name", "conda=requests==2.32.3"), "stays until clean-up"),
)
"""Of a run that has begun."""

PLANNED = (
    Case("name-taken", ("storage-account", "endpoint-name"), "Endpoint: "),
    Case("endpoint-exists-other-identity", ("identity",), "Identity: system-assigned -> user-assigned id-ml-scoring"),
    Case("endpoint-exists-other-identity", ("endpoint-name",), "Endpoint: "),
    Case("endpoint-broken-leftover", ("replace-broken",), "is deleted and made again"),
)
"""Of answers that the plan refuses."""

IN_CI = {("no-quota", "instance-type=Standard_DS2_v2"), ("missing-package", "conda=azure-storage-blob")}


@pytest.fixture(scope="module")
def opened_journey(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
        with opened(tmp_path_factory.mktemp("fixes") / "home") as found:
            yield found


@pytest.fixture
def journey(opened_journey: Journey) -> Iterator[Journey]:
    """Each test begins and ends in the plain world, whatever became of the one before."""
    yield opened_journey
    opened_journey.down()
    opened_journey.scenario("none")


def answers(journey: Journey, folder: Path, grants: GrantPolicy = GrantPolicy.MAKE) -> Answers:
    """The example's answers with a conda file that may be changed."""
    made = journey.answers(grants=grants)
    own = folder / "conda.yaml"
    shutil.copy(made.deployment.conda, own)
    return journey.answers(grants=grants, deployment={"conda": str(own)})


def fixed(journey: Journey, text: str) -> tuple[Mended, Outcome]:
    """The last run, changed and gone on with."""
    fixing, record = Fixing(journey.workflow), journey.workflow.journal.run(journey.runs[-1])
    mended = fixing.show(journey.target, record, fixing.change(record, text))
    return mended, journey._watched(lambda emit: fixing.resume(journey.target, record, mended, emit, Stop()))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=f"{case.scenario}-{'-'.join(case.fixes)}", marks=() if (case.scenario, *case.fixes) in IN_CI else pytest.mark.long
        )
        for case in BEGUN
    ],
)  # fmt: skip
def test_a_run_that_failed_is_changed_and_answers(journey: Journey, case: Case, tmp_path: Path) -> None:
    journey.scenario(case.scenario)
    before = journey.tree()
    ended = journey.up(answers(journey, tmp_path, case.grants))
    assert ended.scored == (case.scenario in {"none", "slow-propagation"} and case.grants is GrantPolicy.MAKE)
    mended, ended = fixed(journey, case.fixes[0])
    for text in case.fixes[1:]:
        mended, ended = fixed(journey, text)
    assert ended.scored, f"{ended.code} {ended.message}"
    assert case.says in "\n".join(mended.lines)
    assert "Changed: " in ended.said, "the run itself says what was changed"
    journey.down()
    assert differences(before, journey.tree()) == []


@pytest.mark.long
def test_of_the_example_a_copy_is_changed_and_what_was_not_carried_out_yet_is_kept(journey: Journey) -> None:
    journey.scenario("missing-package")
    before, wanted, journal = journey.tree(), journey.answers(), journey.workflow.journal
    example = Path(wanted.deployment.conda)
    text = example.read_text()
    assert not journey.up(wanted).scored
    fixing, record = Fixing(journey.workflow), journal.run(journey.runs[-1])
    mended = fixing.show(journey.target, record, fixing.change(record, "conda=azure-storage-blob"))
    # As a process that dies right after its change was journalled leaves it.
    journal.take(record.id)
    journal.mend(record.id, mended.plan, mended.facts)
    journal.end_run(record.id, RunState.FAILED)
    mended, ended = fixed(journey, "conda=requests==2.32.3")
    assert ended.scored, f"{ended.code} {ended.message}"
    with pytest.raises(PlanError, match="as it was when its environment was registered"):
        fixed(journey, "conda")
    copy = Path(mended.answers.deployment.conda)
    copy.write_text(copy.read_text().replace("name: mi-tui-scoring", "name: by-hand"))
    mended, ended = fixed(journey, "conda")
    assert ended.scored
    assert copy.parent == journey.workflow.home / "mended"
    assert "requests=2.32.3" in copy.read_text()
    assert example.read_text() == text
    journey.down()
    assert differences(before, journey.tree()) == []


@pytest.mark.long
@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.scenario}-{case.fixes[0]}") for case in PLANNED])
def test_answers_that_the_plan_refuses_are_changed_and_the_run_answers(
    journey: Journey, case: Case, tmp_path: Path
) -> None:
    journey.scenario(case.scenario)
    wanted = answers(journey, tmp_path)
    assert journey.up(wanted).refused
    before = journey.tree()
    fixing = Fixing(journey.workflow)
    change = Change(ChangeKind(case.fixes[0]))
    mended = fixing.show_new(journey.target, "abc234", wanted, change)
    ended = journey.up(mended.answers)
    for text in case.fixes[1:]:
        assert not ended.scored
        mended, ended = fixed(journey, text)
    assert ended.scored, f"{ended.code} {ended.message}"
    assert case.says in "\n".join(mended.lines)
    journey.down()
    left = [line for line in differences(before, journey.tree()) if "createdBy" not in line]
    broken = f"{journey.workspace}/onlineEndpoints/{wanted.endpoint.name}".lower()
    assert left == ([f"gone: {broken}"] if case.scenario == "endpoint-broken-leftover" else [])


@pytest.mark.long
def test_a_deployment_that_waits_for_a_machine_for_ever_is_made_on_another_size(journey: Journey) -> None:
    journey.scenario("no-capacity")
    before = journey.tree()
    wanted, stop, found = journey.answers(), Stop(), list[Outcome]()
    attempt = threading.Thread(target=lambda: found.append(journey.up(wanted, stop)))
    attempt.start()
    deployment = f"{journey.workspace}/onlineEndpoints/{wanted.endpoint.name}/deployments/blue"
    try:
        until(lambda: journey.arm("GET", deployment)[0] == 200)
        until(
            lambda: len([row for row in client.log(journey.connection) if "mfeOperationsStatus/od:" in row["path"]]) > 5
        )
    finally:
        stop.set()
        attempt.join()
    mended, ended = fixed(journey, "instance-type=Standard_F4s_v2")
    assert ended.scored, f"{ended.code} {ended.message}"
    assert "is deleted and made again" in "\n".join(mended.lines)
    journey.down()
    assert differences(before, journey.tree()) == []


@pytest.mark.long
def test_who_may_not_grant_gets_the_command(journey: Journey, tmp_path: Path) -> None:
    journey.scenario("no-role-assignment-right")
    assert not journey.up(answers(journey, tmp_path, GrantPolicy.SKIP)).scored
    fixing, record = Fixing(journey.workflow), journey.workflow.journal.run(journey.runs[-1])
    with pytest.raises(PlanError) as refused:
        fixing.show(journey.target, record, fixing.change(record, "grant"))
    (failure,) = refused.value.failures
    assert "You may not grant Storage Blob Data Reader" in failure.message
    assert "az role assignment create --role 'Storage Blob Data Reader' --assignee-object-id " in failure.advice


def test_a_value_may_have_commas_of_its_own(journey: Journey, tmp_path: Path) -> None:
    run, plan = journey.workflow.plan(journey.target, answers(journey, tmp_path))
    journey.workflow.journal.add_run(run, "sandbox", plan)
    record, fixing = journey.workflow.journal.run(run), Fixing(journey.workflow)
    for text, values in {
        "variable=A=1,2,B=x": ("A=1,2", "B=x"),
        "tag=team=a, b": ("team=a, b",),
        "register=Microsoft.Cdn, Microsoft.PolicyInsights": ("Microsoft.Cdn", "Microsoft.PolicyInsights"),
        "retry": (),
    }.items():
        assert fixing.change(record, text).values == values
    journey.workflow.journal.end_run(run, RunState.FAILED)


def test_a_change_that_cannot_be_says_why_and_changes_nothing(journey: Journey, tmp_path: Path) -> None:
    run, plan = journey.workflow.plan(journey.target, answers(journey, tmp_path))
    journey.workflow.journal.add_run(run, "sandbox", plan)
    journey.workflow.journal.end_run(run, journey.workflow.journal.run(run).state)
    record = journey.workflow.journal.run(run)
    before, fixing = journey.tree(), Fixing(journey.workflow)
    for text, words in {
        "grant": "no-grant-missing",
        "1": "has no fix 1",
        "everything": "There is no fix 'everything'",
        "wait=soon": "no number of seconds",
        "register": "was not said",
        "register=Microsoft.Nothing": "Azure knows no provider",
        "instance-type=Standard_X": "is not among the sizes",
        "endpoint-name=-": "no valid endpoint name",
        "storage-account=NO": "no valid storage account name",
        "identity": "There is no endpoint",
        "identity=uai,id-x": "is no resource id",
        "replace-broken=other": "The plan's endpoint is",
        "code=score.py": "takes no value",
        "variable": "was not said",
        "variable=NOT_THERE=": "There is no variable",
        "variable=FILE_NAME=": "the script finds nothing",
        "tag=mi-tui-run=x": "mi-tui sets this tag itself",
        "tag=cost-center": "has no value yet",
    }.items():
        with pytest.raises(PlanError) as refused:
            fixing.show(journey.target, record, fixing.change(record, text))
        assert words in str(refused.value), text
    assert journey.workflow.journal.run(run).plan == plan
    assert journey.tree() == before


def own_script(journey: Journey, folder: Path) -> tuple[Answers, Path]:
    """The example's answers with a code folder that may be changed, and the script in it."""
    code = shutil.copytree(journey.answers().deployment.code, folder / "code")
    return journey.answers(deployment={"code": str(code)}), code / "score.py"


def test_a_script_that_was_mended_is_uploaded_under_another_name_and_what_cannot_help_is_refused(
    journey: Journey, tmp_path: Path
) -> None:
    wanted, script = own_script(journey, tmp_path)
    run, plan = journey.workflow.plan(journey.target, wanted)
    journey.workflow.journal.add_run(run, "sandbox", plan)
    fixing, change = Fixing(journey.workflow), Change(ChangeKind.CODE)
    journey.workflow.journal.note(run, MADE_FROM["code"], content(script.parent))
    record = journey.workflow.journal.run(run)
    with pytest.raises(PlanError, match="as it was when it was uploaded"):
        fixing.show(journey.target, record, change)
    whole = script.read_text()
    script.write_text(f"{whole}\ndef broken(:\n")
    with pytest.raises(PlanError, match=rf"line {whole.count(chr(10)) + 2}: .*: def broken\(:"):
        fixing.show(journey.target, record, change)
    script.write_text(f"{whole}# mended\n")
    mended = fixing.show(journey.target, record, change)
    code = mended.plan.resource("code")
    assert (code.name, mended.plan.resource("model")) == (code_name(run, 2), plan.resource("model"))
    assert code.id == plan.resource("code").id.replace(code_name(run), code_name(run, 2))
    assert "~ score.py is other than it was" in mended.lines
    assert f"+ create code {code.name} (was {code_name(run)})" in mended.lines
    with pytest.raises(PlanError, match="Nothing was uploaded yet"):
        fixing.show_new(journey.target, run, wanted, change)


@pytest.mark.long
def test_a_script_that_fails_at_the_first_request_is_mended_and_put_back_and_so_is_the_model(
    journey: Journey, tmp_path: Path
) -> None:
    before = journey.tree()
    wanted, script = own_script(journey, tmp_path)
    model = Path(shutil.copytree(wanted.deployment.model, tmp_path / "model"))
    wanted = journey.answers(deployment={"code": str(script.parent), "model": str(model)})
    whole = script.read_text()
    first = f"{whole}\ndef run(data):\n    raise ValueError(data)\n"
    script.write_text(first)
    ended = journey.up(wanted)
    assert ended.code == "HTTP 424"
    assert ended.finished is not None
    assert ended.finished.diagnosis is not None
    assert Change(ChangeKind.CODE) in [fix.change for fix in ended.finished.diagnosis.fixes]
    script.write_text(whole)
    mended, ended = fixed(journey, "code")
    assert ended.scored, f"{ended.code} {ended.message}"
    assert "is deleted and made again" in "\n".join(mended.lines)
    # Azure answers with the asset that it has of the same content: this run's own first one.
    script.write_text(first)
    mended, ended = fixed(journey, "code")
    assert ended.code == "HTTP 424"
    resumed = journey.resume()
    assert resumed.code == "HTTP 424"
    script.write_text(f"{whole}# mended\n")
    assert fixed(journey, "code")[1].scored
    (model / "more.txt").write_text("more")
    mended, ended = fixed(journey, "model")
    assert ended.scored, f"{ended.code} {ended.message}"
    assert "+ more.txt is new" in mended.lines
    # Without the journal they are found by their names alone; one number of the code was left out, as its content was there.
    marked = adopting.find(
        journey.target.session, journey.connection.resource_group, journey.connection.workspace, journey.runs[-1]
    ).marked
    ledger = journey.workflow.journal.ledger(journey.runs[-1])
    for kind, number in {ResourceKind.CODE: 3, ResourceKind.MODEL: 2}.items():
        known = {entry.id.lower() for entry in ledger if entry.kind is kind and entry.verdict is Verdict.CREATED}
        assert {one.id.lower() for one in marked if one.kind is kind} == known
        assert len(known) == number
    journey.down()
    assert differences(before, journey.tree()) == []


def test_a_plan_that_somebody_changed_meanwhile_is_not_changed_again(journey: Journey, tmp_path: Path) -> None:
    journal = journey.workflow.journal
    run, plan = journey.workflow.plan(journey.target, answers(journey, tmp_path))
    journal.add_run(run, "sandbox", plan)
    record, fixing = journal.run(run), Fixing(journey.workflow)
    shown = fixing.show(journey.target, record, Change(ChangeKind.DEPLOYMENT_NAME, ("green",)))
    other = fixing.show(journey.target, record, Change(ChangeKind.DEPLOYMENT_NAME, ("red",)))
    journal.mend(run, other.plan, other.facts)
    journal.end_run(run, RunState.FAILED)
    with pytest.raises(Exception, match="was changed meanwhile"):
        fixing.resume(journey.target, record, shown, lambda _event: None, Stop())
    assert journal.run(run).plan == other.plan
