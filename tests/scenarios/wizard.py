"""Each scenario by a person at the wizard: keys in a real terminal, from Welcome to the scored answer and to clean-up, and what they read there."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from mi_tui.model.answers import IdentityKind
from mi_tui.model.diagnosis import ChangeKind
from tests.campaign.world import differences
from tests.e2e.conftest import Shell
from tests.scenarios import reading
from tests.scenarios.at_terminal import CLEAR, DOWN, ENTER, ESC, F4, F5, NEXT, OPEN, SAVE, TAB, Person, Stuck
from tests.scenarios.guided import TRIES, Guided
from tests.scenarios.journey import Journey

_QUESTIONS = {
    "Where shall the endpoint live?": "workspace",
    "Which identity should the endpoint have?": "identity",
    "Which file shall the endpoint read?": "storage",
    "What shall the endpoint run?": "model",
}
_PLANNED, _NO_PLAN = "This is what will happen.", "There is no plan yet."
_FOREVER = "This cannot be changed once the endpoint exists."
_CHECKS, _REPAIRS = "Checks, what is wrong first.", "What mi-tui can change"
_LATE = "longer than usual"
"""What is said of a deployment that waits for something that does not come by itself."""
_OFFERED = "(enter shows the change)"
_SCORED = re.compile(r"✓200(?:,fromthescript\d+)?in\d+ms")


@dataclass
class Outside(Shell):
    """Starts mi-tui as from a shell that was there before this process pointed itself into the sandbox."""

    surroundings: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {**self.surroundings, "MI_TUI_HOME": str(self.home), "NO_COLOR": "1"}


@dataclass
class Seen:
    """What a walk showed, as it was read off the screen."""

    guided: Guided
    steps: list[str] = field(default_factory=list)
    """What a step before Review refused to go on for."""
    checks: str = ""
    failed: tuple[str, ...] = ()
    """The ids of the checks that Review showed as failed."""
    card: reading.Card = field(default_factory=reading.Card)
    """The first failure card."""
    rule: str = ""
    """The rule whose cause it said."""
    seconds: float = 0.0
    """From the first sign of the failure on the screen to its cause."""
    fixes: list[str] = field(default_factory=list)
    scored: bool = False
    ended: str = ""
    left: list[str] = field(default_factory=list)
    code: int = 0

    def faults(self) -> list[str]:
        """What does not hold; empty when all does."""
        guided, found = self.guided, list[str]()
        if guided.caught and guided.caught not in self.failed:
            found.append(f"Review shows no failed check {guided.caught}")
        if not guided.caught and self.failed:
            found.append(f"Review shows failed checks: {', '.join(self.failed)}")
        if guided.rule and self.rule not in filter(None, (guided.rule, guided.also)):
            found.append(
                f"the first diagnosis is {self.rule or 'none'}, not {guided.rule}: {' '.join(self.card.happened)}"
            )
        if guided.rule and not self.card.evidence:
            found.append("no line of evidence on the card")
        if not guided.rule and self.card.happened:
            found.append(f"it failed: {' '.join(self.card.happened)}")
        if guided.fixes and not self.fixes:
            found.append("no fix was applied")
        if not self.scored:
            found.append(f"no scored answer: {self.ended}")
        found += [f"left: {item}" for item in self.left if self.scored]
        if self.code:
            found.append(f"mi-tui ended with {self.code}")
        return found


def walk(
    journey: Journey, guided: Guided, folder: Path, outside: dict[str, str], size: tuple[int, int], keep: Path | None = None
) -> Seen:  # fmt: skip
    """Go through a scenario in a wizard of its own, in the world of `journey`, which is left without scenario and without what was made.

    `folder` takes files of the person's own, `keep` the screens; `outside` is the environment before the journey was opened.
    """
    seen, before = Seen(guided), journey.tree()
    home = journey.workflow.home
    person = Person(Outside(home, home, outside), *size, keep)
    try:
        _Walk(person, journey, seen, folder).go()
        seen.code = person.leave()
    except Stuck as error:
        seen.ended = seen.ended or str(error)
        person.keep("stuck")
    finally:
        person.close()
        journey.scenario("none")
        lines = [line for line in differences(before, journey.tree()) if line.startswith("left: ")]
        seen.left = [line[6:] for line in lines if not guided.left or guided.left not in line]
        _clear(journey)
    return seen


def _clear(journey: Journey) -> None:
    """What a walk that got stuck has made goes: the next one begins in the world as it was."""
    from mi_tui.engine.journal import RunState

    for record in journey.workflow.journal.runs():
        if record.state not in {RunState.REMOVED, RunState.PARTLY_REMOVED}:
            journey.runs.append(record.id)
    journey.down()


class _Walk:
    def __init__(self, person: Person, journey: Journey, seen: Seen, folder: Path) -> None:
        self._person, self._journey, self._seen, self._folder = person, journey, seen, folder
        self._guided = seen.guided
        self._by_hand = False
        self._failed_at = self._noticed_at = 0.0

    def go(self) -> None:
        """From Welcome to a cleaned world."""
        self._welcome()
        self._steps()
        if self._review():
            self._deploy()
            self._to_the_end()
        if self._seen.scored:
            self._clean()

    # ---- to the plan

    def _welcome(self) -> None:
        person, name = self._person, self._guided.scenario
        person.wait("Where do you want to deploy?")
        person.wait("Scenario")
        person.wait("Start")
        person.settle()
        person.go_to("the speed", lambda: "Speed" in person.line and "Scenario" in person.pointed)
        self._pick("instant")
        person.go_to("the scenario", lambda: "Speed" in person.line and "Scenario" not in person.pointed)
        self._pick(name)
        if not any("Speed" in line and re.search(rf"\s{name}\s", line) for line in person.display):
            raise Stuck(f"the scenario was not taken:\n{person.text}")
        person.keep("welcome")
        person.press(NEXT)

    def _pick(self, name: str) -> None:
        self._person.press(ENTER)
        self._person.type(name)
        self._person.press(ENTER)

    def _steps(self) -> None:
        for question, name in _QUESTIONS.items():
            self._person.wait(question)
            self._person.settle()
            match name:
                case "identity" if self._guided.kind is IdentityKind.UAI:
                    self._take_uai()
                case "storage" if account := self._guided.answers.get("storage", {}).get("account"):
                    self._take_account(account)
                case "model" if self._guided.by_hand is not None:
                    self._take_own_files()
            self._person.keep(name)
            if not self._onward(name):
                return

    def _take_uai(self) -> None:
        person = self._person
        person.go_to("the identity's cards", lambda: "◉ System-assigned" in person.text and "System" in person.pointed)
        person.press("\x1b[C")
        if "◉ User-assigned" not in person.text:
            raise Stuck(f"the user-assigned identity was not taken:\n{person.text}")

    def _take_account(self, account: str) -> None:
        person = self._person
        person.go_to("the storage account", lambda: "▸ Storage account" in person.pointed)
        person.press(ENTER)
        person.settle()
        person.type(account)
        person.press(ENTER)
        person.wait(lambda: any("▸ Storage account" in line and account in line for line in person.display), seconds=20)

    def _take_own_files(self) -> None:
        """The conda file or the code that the person is going to mend is their own."""
        person, answers = self._person, self._journey.answers()
        if ChangeKind.CONDA in self._guided.fixes:
            label, path = "Conda file", Path(shutil.copy(answers.deployment.conda, self._folder / "conda.yaml"))
        elif ChangeKind.CODE in self._guided.fixes:
            label, path = "Code", Path(shutil.copytree(answers.deployment.code, self._folder / "code"))
        else:
            return
        person.go_to(label, lambda: person.line.rpartition("▕")[2].strip().startswith(label))
        person.press(CLEAR)
        person.type(str(path))

    def _onward(self, name: str) -> bool:
        """To the next step. Where this one refuses what was asked for, it is asked for by an answers file, of which Review has to tell; False."""
        person = self._person
        before = self._complaint()

        def gone() -> bool:
            return f"●{name.capitalize()}" not in reading.squeezed(person.text)

        person.press(NEXT)
        if person.wait(gone, lambda: self._complaint() not in {"", before}, seconds=60) == 0:
            return True
        self._seen.steps.append(self._complaint())
        person.keep("refused")
        person.press(NEXT)
        if gone():
            raise Stuck(f"what was refused goes on when it is asked for again:\n{person.text}")
        file = str(self._folder / "answers.yaml")
        for key, title, done in ((SAVE, "Save your answers", "Saved as"), (OPEN, "Open an answers file", _NO_PLAN)):
            person.press(key)
            person.wait(title, seconds=10)
            person.press(CLEAR)
            person.type(file)
            person.press(ENTER)
            person.wait(done, seconds=30)
        return False

    def _complaint(self) -> str:
        lines = reading.main_part(self._person.display)[-9:]
        return " ".join(line.strip() for line in lines if line.strip().startswith("▲") and _FOREVER not in line)

    # ---- Review

    def _review(self) -> bool:
        """What the checks say; whether there is a plan, if need be after the fix that is offered."""
        person, seen = self._person, self._seen
        refused = person.wait(_PLANNED, _NO_PLAN) == 1
        if refused:
            self._told("✗ No plan", time.monotonic())
        person.wait(lambda: bool(reading.counted(person.display)), seconds=60)
        seen.checks = reading.counted(person.display)
        person.keep("review")
        person.press("d")
        person.wait(_CHECKS)
        person.keep("review checks")
        seen.failed = reading.failed_checks(person.pages(lambda: reading.main_part(person.display)))
        person.press("d")
        person.wait(lambda: _CHECKS not in person.text)
        if "x repair" in " ".join(person.text.split()):
            person.press("x")
            person.wait(_REPAIRS)
            person.keep("review repairs")
            person.press(ESC)
            person.wait(lambda: _REPAIRS not in person.text)
        for _ in range(TRIES if refused else 0):
            if _NO_PLAN not in person.text:
                break
            self._mend_plan()
        return _PLANNED in person.text

    def _mend_plan(self) -> None:
        """Apply the first change that the card offers, or else the first repair."""
        person = self._person
        if self._guided.by_hand is not None and not self._by_hand:
            self._help()
            person.press(NEXT)  # Retry
            person.wait(_PLANNED, seconds=60)
            return
        if not self._take_offer("✗ No plan", TAB):
            person.press("x")
            person.wait(_REPAIRS, seconds=10)
            self._seen.fixes.append(" ".join(person.pointed.split()))
            person.press(ENTER)
        self._confirm("Change the plan", lambda: _NO_PLAN not in person.text)
        person.wait(_PLANNED, _NO_PLAN, seconds=60)

    # ---- the run

    def _deploy(self) -> None:
        person = self._person
        person.press(NEXT)
        if person.wait("Deploy all the same", lambda: _PLANNED not in person.text, seconds=60) == 0:
            person.keep("asked before deploying")
            person.go_to("Deploy all the same", lambda: person.pointed.startswith("Deploy all the same"))
            person.press(ENTER)
            person.wait(lambda: _PLANNED not in person.text, seconds=60)

    def _to_the_end(self) -> None:
        """Until it is done; each failure is read and mended with what is offered first."""
        person, seen = self._person, self._seen
        for _ in range(TRIES + 1):
            title, outcome = "✗ Failed", self._ended()
            if outcome == "done":
                person.keep("done")
                self._endpoint()
                return
            if outcome == "late":
                self._stop_waiting()
                title = "– Cancelled"
            else:
                self._told(title, self._failed_at)
            if not self._go_on(title):
                seen.ended = "no fix is offered"
                return
        seen.ended = "every fix uncovered another fault"

    def _ended(self) -> str:
        """How the run ended. Notes when the first sign of a failure was on the screen."""
        person = self._person
        self._failed_at = self._noticed_at = 0.0

        def failed() -> bool:
            if not self._failed_at and "✗" in person.text:
                self._failed_at = time.monotonic()
            if not self._noticed_at and reading.noticed(person.display):
                self._noticed_at = time.monotonic()
                person.keep("noticed")
            return bool(reading.box(person.display, "✗ Failed"))

        # Said of any deployment on a slow machine; a person waits on, unless it is for what does not come by itself.
        waits = self._guided.rule == "no-capacity" and not self._seen.fixes
        late = [lambda: _LATE in " ".join(person.text.split())] if waits else []
        return ("failed", "done", "late")[person.wait(failed, "✓ Done", *late, seconds=300)]

    def _told(self, title: str, since: float) -> None:
        """The first diagnosis: wait until the card says a cause, and read it."""
        seen, person = self._seen, self._person
        if seen.card.happened:
            return
        person.wait(lambda: bool(reading.card(reading.box(person.display, title)).happened), seconds=30)

        def explained() -> bool:
            # On a small screen the cause may stand below what is seen at first; a change is offered by a diagnosis alone.
            lines = reading.box(person.display, title)
            return bool(reading.card(lines).rule) or "enter shows" in " ".join(lines)

        with contextlib.suppress(Stuck):
            person.wait(explained, seconds=10)
        seen.seconds = max(0.0, (self._noticed_at or time.monotonic()) - since)
        person.settle()
        seen.card = self._read_card(title)
        seen.rule = seen.card.rule

    def _read_card(self, title: str) -> reading.Card:
        person = self._person
        person.keep("card")
        return reading.card(person.pages(lambda: reading.box(person.display, title)))

    # ---- fixes

    def _go_on(self, title: str) -> bool:
        """What a person does by hand, and then the first change that is offered; without one the run is resumed. False: neither."""
        person = self._person
        helped = self._guided.by_hand is not None and not self._by_hand
        if helped:
            self._help()
        if (not helped or self._guided.fixes) and self._take_offer(title):
            self._confirm("Change the plan, and go on", lambda: not reading.box(person.display, title))
            return True
        if helped:
            person.go_to("Resume", lambda: "Resume: what is done" in person.pointed, key=DOWN)
            person.press(ENTER)
            person.wait(lambda: not reading.box(person.display, title), seconds=30)
        return helped

    def _help(self) -> None:
        assert self._guided.by_hand is not None
        self._guided.by_hand(self._journey, self._folder)
        self._by_hand = True
        self._seen.fixes.append("by hand")

    def _take_offer(self, title: str, key: str = DOWN) -> bool:
        """Press Enter on the first change that a card offers."""
        person = self._person
        offers = reading.card(person.pages(lambda: reading.box(person.display, title))).offers
        offer = next((words for words in offers if _OFFERED in words), "")
        if not offer:
            return False
        number = offer.partition(" ")[0]
        person.go_to(offer, lambda: person.pointed.startswith(f"{number} "), key=key)
        self._seen.fixes.append(offer.replace(_OFFERED, "").strip())
        person.press(ENTER)
        return True

    def _confirm(self, title: str, gone: object) -> None:
        """The dialog of a change: give the value that it asks for, read what it would change, and say so."""
        person = self._person
        person.wait(title, seconds=20)
        person.settle()
        if "Which value is the tag" in person.text:
            person.keep("asked for a value")
            person.type("4711")
            person.press(ENTER)
        person.wait(lambda: "Looking what that would change" not in person.text and self._may_confirm(), seconds=60)
        person.keep("change")
        person.press(ENTER)
        assert callable(gone)
        person.wait(gone, seconds=60)

    def _may_confirm(self) -> bool:
        return self._person.pointed.startswith("Change it")

    def _stop_waiting(self) -> None:
        """A deployment that waits for ever: read why, cancel it, and go on with the change that is offered."""
        person, seen = self._person, self._seen
        began = time.monotonic()
        person.keep("late")
        person.press(F4)
        person.wait("Troubleshoot: the run, so far", seconds=20)
        lines = person.pages(lambda: reading.above_buttons(person.display)[1:])
        seen.card = reading.card(lines)
        seen.rule = seen.card.rule
        seen.seconds = time.monotonic() - began
        person.keep("troubleshoot")
        person.press(ESC, "\x03")
        person.wait("Cancel the run")
        person.go_to("Cancel the run", lambda: person.pointed.startswith("Cancel the run"))
        person.press(ENTER)
        person.wait("Nothing is under way any more", seconds=90)
        person.press(ESC)
        person.wait(lambda: bool(reading.box(person.display, "– Cancelled")), seconds=10)
        person.keep("cancelled")

    # ---- the answer, and the end

    def _endpoint(self) -> None:
        person, seen = self._person, self._seen
        person.press(NEXT)
        person.wait("The blob was read with", seconds=60)
        person.press(F5)
        person.wait(lambda: _SCORED.search(reading.squeezed(person.text)) is not None, seconds=60)
        person.keep("endpoint")
        seen.scored, seen.ended = True, "scored"

    def _clean(self) -> None:
        person = self._person
        person.press(NEXT)
        person.wait("What goes, and what stays?", seconds=30)
        person.wait("Ticked things go", seconds=60)
        person.keep("clean-up")
        person.press(NEXT)
        ends = (
            "Nothing of this run is left",
            "Removed, but for",
            "Not everything could be removed",
            "Removed, each seen",
        )
        person.wait(*ends, seconds=180)
        person.settle()
        person.keep("cleaned")
