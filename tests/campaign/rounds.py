"""One round: a plan, trouble, up to three kills; resumed until it ends, cleaned up, and looked at."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaign import checks, faults, plans
from tests.campaign.nursery import Ended, Nursery, NurseryGone
from tests.campaign.victim import KINDS, Kill
from tests.campaign.world import Tree, World

TRIES = 7
"""How often a phase is tried; the last two without trouble and without kills."""

MOST_KILLS = 3
UP_POINTS, LATER_POINTS = 65, 25
"""About how many points a whole run has, and a resume or a clean-up."""


@dataclass
class Result:
    """What a round was, and what it found."""

    number: int
    words: str = ""
    kills: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    commands: list[str] = field(default_factory=list)
    resumes: int = 0
    ended: str = ""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain data, for the state file."""
        return {**vars(self), "faults": dict(self.faults)}


class Job:
    """A home with a sandbox and a nursery, in which rounds follow each other."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home = folder / "home"
        self._seed = seed
        self.world = World(self.home)
        self.nursery = Nursery(self.home, folder)

    def close(self) -> None:
        """End what was started."""
        self.nursery.close()
        self.world.close()

    def round(self, number: int, begin: Callable[[Path], Script] | None = None) -> Result:
        """Do one round. What it left stays to be read when it found a violation."""
        folder = self.folder / f"round-{number:05}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.nursery.folder = folder
        result = Result(number)
        began = time.monotonic()
        dice = random.Random(f"{self._seed}/{number}")
        try:
            drawn = f"{number:05}{dice.randrange(16**4):04x}"
            script = begin(folder) if begin else Drawn(dice, folder, drawn)
            if script.new_journal:
                for path in self.home.glob("journal.db*"):
                    path.unlink()
            _Round(self, folder, result, script).play()
        except NurseryGone:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of the campaign itself must not end the night
            result.violations.append(f"the campaign itself failed: {type(error).__name__}: {error}")
        result.seconds = round(time.monotonic() - began, 1)
        if result.violations:
            (folder / "violations.txt").write_text(
                "\n".join([result.words, *result.commands, *result.kills, *result.violations])
            )
            self.world.anew()
        else:
            shutil.rmtree(folder)
        return result


class Script:
    """What a round does: the plan, and for each try what goes wrong."""

    choice: plans.Choice
    cold = False
    """Whether mi-tui is started as a person starts it, imports and all."""
    new_journal = False
    """Whether it begins with no journal's file, and so makes one."""

    def trouble(self, *, removing: bool) -> faults.Trouble:
        """The faults of a phase."""
        return faults.Trouble()

    def kill(self, command: str) -> Kill:
        """Where the next command dies."""
        return Kill()

    def ended(self, ended: Ended) -> None:
        """A command ended."""


class Drawn(Script):
    """A round of dice. All are thrown at the beginning: what happens in between must not change what is drawn later."""

    def __init__(self, dice: random.Random, folder: Path, name: str) -> None:
        self.choice = plans.pick(dice, name, folder)
        self.cold = dice.random() < 0.04
        self._left = dice.randint(0, MOST_KILLS)
        self._troubles = [faults.draw(dice, name, removing=removing) for removing in (False, True)]
        self._kills = [_kill(dice) for _ in range(2 * TRIES)]

    def trouble(self, *, removing: bool) -> faults.Trouble:
        """Some faults."""
        return self._troubles[removing]

    def kill(self, command: str) -> Kill:
        """Mostly one, while there are any left."""
        kind, share = self._kills.pop(0)
        if not self._left or kind not in KINDS:
            return Kill()
        at = 1 + int(share * (UP_POINTS if command == "up" else LATER_POINTS))
        return Kill(kind, at if kind not in {"sent", "effect"} else 1 + at // 3)

    def ended(self, ended: Ended) -> None:
        """A kill that hit is one less."""
        self._left -= ended.killed


def _kill(dice: random.Random) -> tuple[str, float]:
    """How to die, and how far in the command; at times not at all."""
    return dice.choice((*KINDS, "not")), dice.random()


class _Round:
    def __init__(self, job: Job, folder: Path, result: Result, script: Script) -> None:
        self._job, self._folder, self._result, self._script = job, folder, result, script
        self._said: dict[str, bytes] = {}
        self._secrets: set[str] = set()
        self._run = ""

    def play(self) -> None:
        """The whole round."""
        before = self._job.world.tree()
        processes = self._job.world.processes()
        choice = self._script.choice
        self._result.words = choice.words
        answers = choice.write(self._folder)
        scored = self._up(answers, before)
        during = self._job.world.tree()
        self._note(checks.untouched(before, during))
        if scored:
            workspace = next(r for r in before["resources"] if r["id"].lower().endswith("/workspaces/ml-dev"))
            self._note(checks.nothing_twice(before, during, workspace["body"]["properties"]["storageAccount"]))
        self._look_at_processes()
        if self._run:
            self._down()
            self._note(checks.settled(self._status(), before, scored=scored))
        after = self._job.world.tree()
        self._note(checks.same(before, after))
        left = [pid for pid in self._job.world.processes() if pid not in processes]
        self._note([f"a scoring server outlived the clean-up: {self._job.world.shown(pid)[:100]!r}" for pid in left])
        if (journal := self._job.home / "journal.db").exists():
            self._note(checks.whole(journal))
        self._note(checks.kept_secret({**self._said, **checks.files_of(self._job.home)}, self._secrets))
        self._note(checks.modes(self._job.home))

    def _up(self, answers: Path, before: Tree) -> bool:
        """Plan and run, and resume until it ends; whether it ended in a scored answer."""
        for last, kill in self._tries(removing=False):
            if not self._run:
                ended = self._do("up", "--sandbox", str(answers), "--yes", "--json", kill=kill)
                self._run = self._begun()
                if not self._run and not ended.killed and ended.code in {0, 3}:
                    self._note([f"up ended with {ended.code} and began no run"])
            else:
                self._result.resumes += 1
                ended = self._do("resume", self._run, "--json", kill=kill)
            if ended.killed:
                continue
            if not self._run:
                # Nothing was begun, so nothing may be there.
                self._note(checks.same(before, self._job.world.tree()))
                if last:
                    self._note([f"without trouble, up still failed: {checks.sentence(ended)}"])
                continue
            told = checks.event(ended)
            if ended.code == 0:
                self._result.ended = "scored"
                if not told.get("response") or not told.get("proof"):
                    self._note(
                        [
                            f"{ended.arguments[0]} ended with 0 and without an answer or its proof: {json.dumps(told)[:300]}"
                        ]
                    )
                return True
            self._result.ended = checks.sentence(ended)
            if not self._script.choice.scores and told.get("missing_grants"):
                return False
            if last:
                self._note([f"without trouble, resume still failed: {self._result.ended}"])
        return False

    def _down(self) -> None:
        for last, kill in self._tries(removing=True):
            ended = self._do("down", self._run, "--yes", "--json", kill=kill)
            if ended.code == 0:
                return
            if last and not ended.killed:
                self._note(
                    [
                        f"without trouble, down still failed: {checks.sentence(ended)} {json.dumps(checks.event(ended).get('left'))}"
                    ]
                )

    def _tries(self, *, removing: bool) -> Iterator[tuple[bool, Kill]]:
        """For each try, whether it is the last and where it dies. The last two are calm."""
        trouble = self._script.trouble(removing=removing)
        name = trouble.write(self._folder / f"{'down' if removing else 'up'}.yaml")
        if trouble.kinds:
            self._result.faults += trouble.kinds
            self._job.world.scenario(name)
        for number in range(TRIES):
            calm = number >= TRIES - 2
            if calm and trouble.kinds:
                self._job.world.scenario("none")
                trouble = faults.Trouble()
            command = "down" if removing else "resume" if self._run else "up"
            yield number == TRIES - 1, Kill() if calm else self._script.kill(command)
        if trouble.kinds:
            self._job.world.scenario("none")

    def _do(self, *arguments: str, kill: Kill) -> Ended:
        ended = self._job.nursery.run(*arguments, kill=kill, cold=self._script.cold)
        if ended.killed and kill.at:
            self._result.kills.append(f"{arguments[0]}: {kill}")
        self._script.ended(ended)
        if ended.killed and not kill.at:
            self._note([f"{arguments[0]} was killed by somebody else"])
        self._result.commands.append(f"{arguments[0]} {ended.code} in {ended.seconds:.1f} s")
        self._note(checks.spoken(ended))
        place = f"the output of {arguments[0]} ({len(self._said)})"
        self._said[place] = ended.said.encode()
        for text in ended.processes:
            self._said[f"a process of {arguments[0]} ({len(self._said)})"] = text.encode()
        self._secrets |= self._job.world.secrets()
        return ended

    def _begun(self) -> str:
        """The run of this round's endpoint; empty while there is none."""
        listed = self._job.nursery.run("runs", "--json")
        self._note(checks.spoken(listed))
        name = self._script.choice.answers["endpoint"]["name"]
        rows = [json.loads(line) for line in listed.out.splitlines()]
        found = [str(row["run"]) for row in rows if row["endpoint"] == name]
        if len(found) > 1:
            self._note([f"there are {len(found)} runs of {name}"])
        return found[0] if found else ""

    def _status(self) -> dict[str, Any]:
        ended = self._job.nursery.run("status", self._run, "--json")
        self._note(checks.spoken(ended))
        told: dict[str, Any] = json.loads(ended.out)
        return told

    def _look_at_processes(self) -> None:
        for pid in self._job.world.processes():
            self._said[f"a scoring server's command line or environment ({pid})"] = self._job.world.shown(pid).encode()

    def _note(self, violations: list[str]) -> None:
        self._result.violations += [text for text in violations if text not in self._result.violations]
