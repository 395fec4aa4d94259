"""Review: the plan as tables, the busy sign, every reason against it with the stage that mends it, and that nothing begins by itself."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from mi_tui.app import MiTui
from mi_tui.engine.planner import PlanError
from mi_tui.fixing import Fixing, Mended, StillRefused
from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.model.capacity import Fit
from mi_tui.model.commands import script
from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.draft import Stage
from mi_tui.model.failure import BROKEN_ENDPOINT, Failure
from mi_tui.model.plan import Grant, Plan
from mi_tui.services.errors import ServiceError
from mi_tui.widgets.card import FixLine
from mi_tui.widgets.field import Field
from mi_tui.workflow import Target, Waiter
from screens.checking import DeployAnyway
from screens.mending import MendDraft
from screens.review import ReviewScreen
from tests.screens.plans import (
    CALM,
    NARROW,
    NO_QUOTA,
    RUN,
    SUBSCRIPTION,
    Scripted,
    a_plan,
    check,
    drive,
    screen_text,
    until,
)

NO_REGISTRY = Diagnosis(
    "registry-absent",
    "There is no registry yet.",
    Confidence.CERTAIN,
    (Evidence("workspace [red]ml-dev", "containerRegistry is empty"), Evidence("failure", "mi-tui/no-registry: No registry.")),
    (Fix("Take the other identity.", change=Change(ChangeKind.IDENTITY, ("sai",))), Fix("Or by hand.", "az one\naz two")),
)  # fmt: skip


def state(app: MiTui) -> str:
    screen = app.screen
    return screen._state if isinstance(screen, ReviewScreen) else ""


def whole(app: MiTui) -> str:
    """All lines of the plan, also those below the window, blanks folded."""
    parts = [screen_text(app)]
    for name in ("resources", "grants", "warnings", "all-checks", "details", "commands"):
        parts.append(str(app.screen.query_one(f"#{name}").render()))
    return " ".join(" ".join(parts).split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_plan_is_shown_before_anything_happens(tmp_path: Path, size: tuple[int, int]) -> None:
    flow = Scripted(tmp_path, a_plan(warnings=("Shared keys are off on [bold]stdemo[/].",)))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        await pilot.pause(0.2)
        text = whole(app)
        assert "Nothing was changed yet" in text
        assert "5 to create, 1 used, 1 grant to make" in text
        assert "0.29 USD an hour" in text
        assert "2026-10" in text
        assert "+ create storage account stdemo" in text
        assert "= use workspace ml-dev" in text
        assert "+ create ep-demo Storage Blob Data Reader" in text
        assert "= by Azure ep-demo AcrPull" in text
        assert "▲ warning Shared keys are off on [bold]stdemo[/]." in text
        assert app.focused is app.screen.query_one("#primary", Button)
        assert flow.runs == []

    drive(flow, Stage.REVIEW, look, size=size)


def test_esc_leads_from_the_details_to_the_plan_and_from_there_back(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        for key, name in (("d", "#details"), ("c", "#commands")):
            await pilot.press(key)
            assert app.screen.query_one(name).display
            await pilot.press("escape")
            assert app.wizard.stage is Stage.REVIEW
            assert app.screen.query_one("#tables").display
            assert not app.screen.query_one(name).display
        await pilot.press("escape")
        await until(app, pilot, lambda: app.wizard.stage is Stage.MODEL)

    drive(flow, Stage.REVIEW, look)


def test_the_quota_stands_with_the_deployment(tmp_path: Path) -> None:
    plan = a_plan(warnings=("Quota: too little.",))
    *others, last = plan.resources
    last = msgspec.structs.replace(last, detail="Standard_DS3_v2 x 1, quota: needs 8 cores, 92 free")
    plan = msgspec.structs.replace(plan, resources=(*others, last), fit=Fit(8, 92))
    flow = Scripted(tmp_path, plan)

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        await pilot.pause(0.2)
        assert "quota: needs 8 cores, 92 free ✓" in whole(app)
        assert "▲ warning Quota: too little." in whole(app)

    drive(flow, Stage.REVIEW, look)


def test_the_commands_are_exported_and_nothing_is_overwritten(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.held.clear()
    target = tmp_path / "deploy.sh"

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await pilot.press("e")
        await pilot.pause()
        assert "There is no plan to export yet" in screen_text(app)
        flow.held.set()
        await until(app, pilot, lambda: state(app) == "planned")
        for mine in ("", "mine"):
            if mine:
                target.write_text(mine)
            await pilot.press("e")
            await pilot.pause()
            field = app.screen.query_one("#path", Input)
            assert field.value == "ep-demo.sh"
            field.value = str(target)
            await pilot.press("enter")
            if mine:
                await until(app, pilot, lambda: "Replace it" in screen_text(app))
                assert target.read_text() == "mine"
                await pilot.press("escape")
            else:
                await until(app, pilot, target.exists)
                await until(app, pilot, lambda: "Saved as" in screen_text(app))
                assert target.read_text() == script(a_plan())
        assert flow.runs == []

    drive(flow, Stage.REVIEW, look)


def test_exists_and_skipped_grants_say_so(tmp_path: Path) -> None:
    plan = a_plan(IdentityKind.UAI)
    first, second, third = plan.grants
    held = (msgspec.structs.replace(first, exists=True), msgspec.structs.replace(second, skipped=True), third)
    flow = Scripted(tmp_path, msgspec.structs.replace(plan, grants=held))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        await pilot.pause(0.2)
        text = whole(app)
        assert "= exists id-demo Storage Blob Data Reader" in text
        assert "- skipped id-demo AcrPull" in text

    drive(flow, Stage.REVIEW, look)


def test_while_the_plan_is_made_there_is_a_busy_sign_and_enter_does_nothing(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.held.clear()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: "Reading what exists" in screen_text(app))
        assert app.focused is app.screen.query_one("#plan")
        primary = app.screen.query_one("#primary", Button)
        assert primary.disabled
        await pilot.press("enter", "ctrl+n")
        assert flow.runs == []
        assert app.wizard.stage is Stage.REVIEW
        flow.held.set()
        await until(app, pilot, lambda: state(app) == "planned" and app.focused is primary)
        assert "Reading what exists" not in screen_text(app)

    drive(flow, Stage.REVIEW, look)


def test_deploy_begins_the_run_once(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        await pilot.press("enter")
        await until(app, pilot, lambda: app.wizard.stage is Stage.DEPLOY)
        await pilot.pause(0.2)
        app.go(Stage.REVIEW)
        await until(app, pilot, lambda: state(app) == "begun")
        assert f"run {RUN}" in screen_text(app)
        await pilot.press("ctrl+n")
        await until(app, pilot, lambda: app.wizard.stage is Stage.DEPLOY)
        assert flow.runs == [RUN]
        assert len(flow.asked) == 1

    drive(flow, Stage.REVIEW, look)


def test_every_reason_stands_on_the_card_with_the_stage_that_mends_it(tmp_path: Path) -> None:
    failures = [
        Failure("mi-tui/no-blob", "There is no blob [red]x\x1b[31m.", "Set storage.upload."),
        Failure("mi-tui/deployment-exists", "The endpoint already has a deployment.", "Take another name."),
    ]
    flow = Scripted(tmp_path, PlanError(failures))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: bool(app.screen.query(FixLine)))
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert "2 things are in the way of a plan." in text
        assert "Enter goes to Storage." in text
        assert "Enter goes to Model." in text
        reasons = " ".join(str(line.render()) for line in app.screen.query(".reason"))
        assert "1. There is no blob [red]x." in reasons
        assert "2. The endpoint already has a deployment." in reasons
        assert "Retry" in text
        flow.given = a_plan()
        app.screen.query_one("#primary", Button).press()
        await until(app, pilot, lambda: state(app) == "planned")
        assert app.wizard.stage is Stage.REVIEW

    drive(flow, Stage.REVIEW, look)


def test_why_stands_below_a_reason_when_it_is_known_and_what_helps_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = msgspec.structs.replace(a_plan().answers, tags={"changed": "yes"})

    def show(*_: object, **__: object) -> Mended:
        raise StillRefused([Failure("mi-tui/no-blob", "There is no blob.")], changed, ("Identity: a -> b",))

    monkeypatch.setattr(Fixing, "show_new", show)
    flow = Scripted(tmp_path, PlanError([Failure("mi-tui/no-registry", "No registry.", "Take sai.")]))
    flow.told.known = (NO_REGISTRY,)
    flow.told.held.clear()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        assert "Take sai. Enter goes to Identity." in " ".join(screen_text(app).split()), "nobody waits for the cause"
        flow.told.held.set()
        await until(app, pilot, lambda: "Why we think so (certain)" in screen_text(app))
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert "No registry." in text
        assert "workspace [red]ml-dev: containerRegistry is empty" in text
        assert "1. Take the other identity. (enter shows the change)" in text
        assert "2. Or by hand. (enter copies the command) az one az two" in text
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, MendDraft))
        await until(app, pilot, lambda: not app.screen.query_one("#confirm", Button).disabled)
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert "Identity: a -> b" in text
        assert "Then this is still in the way of a plan: There is no blob." in text
        assert len(flow.asked) == 1
        await pilot.press("enter")
        await until(app, pilot, lambda: [answers.tags for answers in flow.asked] == [{}, {"changed": "yes"}])
        await until(
            app, pilot, lambda: isinstance(app.focused, FixLine) and "enter shows the change" in screen_text(app)
        )
        await pilot.press("down", "down", "enter")
        await until(app, pilot, lambda: app.wizard.stage is Stage.IDENTITY)

    drive(flow, Stage.REVIEW, look)


def test_a_broken_leftover_is_planned_to_be_replaced_on_the_persons_word(tmp_path: Path) -> None:
    broken = Failure(BROKEN_ENDPOINT, "The endpoint 'ep-demo' exists but was never made completely.", advice="Set it.")
    flow = Scripted(tmp_path, PlanError([broken]))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        assert "Delete the broken endpoint and make it again" in screen_text(app)
        flow.given = a_plan()
        await pilot.press("enter")
        await until(app, pilot, lambda: state(app) == "planned")
        assert [answers.endpoint.replace_broken for answers in flow.asked] == [False, True]

    drive(flow, Stage.REVIEW, look)


def test_a_network_failure_is_tried_again_from_the_card(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, ServiceError(Failure("mi-tui/network", "The server did not answer.", "Check the proxy.")))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        assert "Check the proxy. Enter tries again." in " ".join(screen_text(app).split())
        flow.given = a_plan()
        await pilot.press("enter")
        await until(app, pilot, lambda: state(app) == "planned")
        assert len(flow.asked) == 2

    drive(flow, Stage.REVIEW, look)


def test_what_is_missing_is_said_without_asking_azure(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        app.wizard.draft.endpoint = ""
        app.go(Stage.REVIEW)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        assert "Enter goes to Model." in screen_text(app)
        assert len(flow.asked) == 1

    drive(flow, Stage.REVIEW, look)


def test_a_changed_draft_is_planned_again_and_a_late_plan_is_ignored(tmp_path: Path) -> None:
    flow = Waiting(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: len(flow.asked) == 1)
        await pilot.press("escape")
        # In the field: until it is there and has said what it holds, the draft is not the test's to change.
        await until(app, pilot, lambda: bool(app.screen.query("#endpoint")) and app.wizard.stage is Stage.MODEL)
        app.screen.query_one("#endpoint", Field).value = "ep-other"
        await until(app, pilot, lambda: app.wizard.draft.endpoint == "ep-other")
        app.go(Stage.REVIEW)
        await until(app, pilot, lambda: state(app) == "planned")
        assert [answers.endpoint.name for answers in flow.asked] == ["ep-demo", "ep-other"]
        assert flow.stopped.is_set(), "nobody waits for the first plan any more"
        flow.goes_on.set()
        await until(app, pilot, flow.over.is_set)
        await pilot.pause()
        assert app.wizard.run == RUN
        assert app.wizard.planned_from == app.wizard.draft

    drive(flow, Stage.REVIEW, look)


def test_what_planning_waits_for_is_said_until_it_goes_on(tmp_path: Path) -> None:
    flow = Waiting(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: "Waiting: The connection broke off" in screen_text(app))
        assert "Nothing was changed yet" in screen_text(app)
        flow.goes_on.set()
        await until(app, pilot, lambda: state(app) == "planned")
        assert "Waiting" not in screen_text(app)

    drive(flow, Stage.REVIEW, look)


class Waiting(Scripted):
    """Whose first plan waits for the network until the test says that it goes on."""

    def __init__(self, home: Path, plan: Plan) -> None:
        super().__init__(home, plan)
        self.goes_on, self.over, self.stopped = threading.Event(), threading.Event(), threading.Event()

    def plan(self, target: Target, answers: Answers, waiter: object = None) -> tuple[str, Plan]:
        if self.asked:
            return super().plan(target, answers)
        assert isinstance(waiter, Waiter)
        self.asked.append(answers)
        self.stopped = waiter.stop  # type: ignore[assignment]
        waiter.say("Waiting: The connection broke off; trying again in 4 s. Nothing was changed yet; Esc goes back.")
        assert self.goes_on.wait(60)
        waiter.say("")
        self.over.set()
        return "another", a_plan()


def test_commands_and_details_behind_their_keys_and_ids_masked(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        await pilot.press("c")
        await pilot.pause(0.2)
        assert "az account set" in screen_text(app)
        assert SUBSCRIPTION in whole(app)
        await pilot.press("f2")
        await pilot.pause(0.2)
        assert SUBSCRIPTION not in whole(app)
        await pilot.press("d")
        await pilot.pause(0.2)
        assert "waits for storage account" in whole(app)
        assert "az account set" not in screen_text(app)
        await pilot.press("d")
        await pilot.pause(0.2)
        assert "Resources" in screen_text(app)

    drive(flow, Stage.REVIEW, look)


def test_hostile_names_are_shown_as_they_are(tmp_path: Path) -> None:
    plan = a_plan()
    nasty = "[bold]x[/] \x1b]52;c;eA==\x07\u202e[/nothing]"
    resources = tuple(msgspec.structs.replace(item, name=nasty, detail=nasty) for item in plan.resources)
    grants: tuple[Grant, ...] = tuple(msgspec.structs.replace(grant, principal=nasty) for grant in plan.grants)
    flow = Scripted(tmp_path, msgspec.structs.replace(plan, resources=resources, grants=grants))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        await pilot.pause(0.2)
        assert "[bold]x[/] \\x202e[/nothing]" in whole(app)
        assert "\x1b" not in whole(app)

    drive(flow, Stage.REVIEW, look)


# ---- checks


def checks_line(app: MiTui) -> str:
    return " ".join(str(app.screen.query_one("#checks").render()).split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_checks_stand_over_the_plan_and_each_behind_its_key(tmp_path: Path, size: tuple[int, int]) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.told.checks = (CALM[0], NARROW, NO_QUOTA)

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned" and "failed" in checks_line(app))
        assert (
            "✗ 3 checks: 1 ok, 1 warning, 1 failed. Quota: Standard_DS3_v2 x 1 needs 8 cores, 6 free."
            in checks_line(app)
        )
        assert "az ml compute" not in screen_text(app)
        await pilot.press("d")
        await pilot.pause(0.2)
        text = whole(app)
        assert text.index("✗ failed Quota") < text.index("▲ warning Granting roles") < text.index("✓ ok Signed in")
        for words in (
            "why it matters: Azure refuses",
            "what to do: Take a smaller type",
            "by hand: az ml compute list-usage",
        ):
            assert words in text
        assert "mi-tui can take Standard_F2s_v2 instead" in text
        assert "waits for storage account" in text, "the steps stand below"
        assert SUBSCRIPTION in text
        await pilot.press("f2")
        await pilot.pause(0.2)
        assert SUBSCRIPTION not in whole(app)
        assert [answers.endpoint.name for answers in flow.told.looked] == ["ep-demo"]

    drive(flow, Stage.REVIEW, look, size=size)


def test_deploy_asks_where_a_check_failed_and_not_to_is_the_default(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.told.checks = (CALM[0], NO_QUOTA)

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned" and "failed" in checks_line(app))
        await pilot.press("ctrl+n")
        await until(app, pilot, lambda: isinstance(app.screen, DeployAnyway))
        assert "1 check says that this run would fail" in screen_text(app)
        assert "needs 8 cores, 6 free" in screen_text(app)
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, ReviewScreen))
        assert flow.runs == []
        await pilot.press("ctrl+n")
        await until(app, pilot, lambda: isinstance(app.screen, DeployAnyway))
        await pilot.press("tab", "enter")
        await until(app, pilot, lambda: app.wizard.stage is Stage.DEPLOY)
        assert flow.runs == [RUN]

    drive(flow, Stage.REVIEW, look)


def test_nobody_waits_for_checks(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.told.held.clear()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        assert "Checks: under way" in checks_line(app)
        await pilot.press("ctrl+n")
        await until(app, pilot, lambda: app.wizard.stage is Stage.DEPLOY)
        assert flow.runs == [RUN]
        flow.told.held.set()
        await pilot.pause(0.2)

    drive(flow, Stage.REVIEW, look)


def test_checks_say_more_where_there_is_no_plan(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, PlanError([Failure("mi-tui/no-registry", "No registry.", "Take sai.")]))
    flow.told.checks = (NO_QUOTA, check("hostile", NO_QUOTA.status, "[red]x[/]\x1b[31m \u202ey", advice="[b]z[/]"))

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: isinstance(app.focused, FixLine) and "2 failed" in checks_line(app))
        assert "No registry." in screen_text(app)
        await pilot.press("d")
        await pilot.pause(0.2)
        assert "✗ failed Quota" in whole(app)
        assert "[red]x[/] \\x202ey" in whole(app)
        assert "No registry." not in screen_text(app)
        await pilot.press("d")
        await pilot.pause(0.2)
        assert "No registry." in screen_text(app)

    drive(flow, Stage.REVIEW, look)


def test_checks_of_an_earlier_draft_are_not_shown(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.told.checks = (NO_QUOTA,)
    flow.told.held.clear()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned")
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        flow.told.checks = CALM
        screen._make_plan()
        assert len(flow.told.looked) <= 2
        await until(app, pilot, lambda: len(flow.told.looked) == 2)
        flow.told.held.set()
        await until(app, pilot, lambda: "6 checks: 6 ok" in checks_line(app))
        await pilot.pause(0.3)
        assert "6 checks: 6 ok" in checks_line(app)

    drive(flow, Stage.REVIEW, look)


def test_checks_that_cannot_be_made_keep_nobody_from_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = Scripted(tmp_path, a_plan())

    def refuses(*_: object) -> None:
        raise ServiceError(Failure("mi-tui/network", "The server did not answer."))

    monkeypatch.setattr(flow.told, "preflight", refuses)

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await until(app, pilot, lambda: state(app) == "planned" and "could not be made" in checks_line(app))
        assert "The server did not answer." in checks_line(app)
        await pilot.press("ctrl+n")
        await until(app, pilot, lambda: app.wizard.stage is Stage.DEPLOY)

    drive(flow, Stage.REVIEW, look)
