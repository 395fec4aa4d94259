"""Many mi-tui at once with one home and one sandbox: half with names of their own, half who all want the same ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from tests.campaign import checks, plans
from tests.campaign.nursery import Ended, Nursery
from tests.campaign.world import World


class _Person:
    """One of them."""

    def __init__(self, nursery: Nursery, folder: Path, choice: plans.Choice) -> None:
        folder.mkdir(mode=0o700)
        self.choice = choice
        self._nursery, self._folder = nursery, folder
        self.answers = choice.write(folder)
        self.commands: list[Ended] = []
        self.run = ""

    def up(self) -> None:
        """Plan and run."""
        arguments = ("up", "--sandbox", str(self.answers), "--yes", "--json")
        ended = self._nursery.run(*arguments, limit=600, folder=self._folder)
        self.commands.append(ended)
        told = checks.event(ended)
        self.run = str(told.get("run", ""))

    def down(self) -> None:
        """Clean up; again where somebody else's run still needed something."""
        for _ in range(3):
            ended = self._nursery.run("down", self.run, "--yes", "--json", limit=600, folder=self._folder)
            self.commands.append(ended)
            if ended.code == 0:
                return


def together(count: int, folder: Path, say: Callable[[str], None]) -> int:
    """Let `count` run at once, then clean up at once; 0 when nothing is corrupt, refusals are honest and nothing is left."""
    home = folder / "home"
    world = World(home)
    nursery = Nursery(home, folder)
    violations: list[str] = []
    people: list[_Person] = []
    try:
        # A machine for each: who is refused for want of quota is refused for no fault of being many.
        scenario = folder / "quota.yaml"
        scenario.write_text("about: room for everybody\nfurniture: {quotas: {'*': 10000}}\n")
        world.scenario(str(scenario))
        before = world.tree()
        for number in range(count):
            same = number % 2 == 1
            name = "same" if same else f"own{number:02}"
            kind = "uai" if number % 4 >= 2 else "sai"
            place = folder / f"person-{number:02}"
            people.append(_Person(nursery, place, plans.fresh("sai" if same else kind, name, place)))
        _at_once([person.up for person in people])
        during, secrets = world.tree(), world.secrets()
        violations += checks.untouched(before, during)
        for person in people:
            ended = person.commands[0]
            name = person.choice.answers["endpoint"]["name"]
            say(f"{name}: {ended.code} in {ended.seconds:.0f} s  {checks.sentence(ended) if ended.code else 'scored'}")
            if name != "ep-same" and ended.code:
                violations.append(f"{name} has names of its own and failed: {checks.sentence(ended)}")
        _at_once([person.down for person in people if person.run])
        for person in people:
            # What others of the same content still used is told as left, and goes once they are gone.
            if any(item["kind"] == "uploaded files" for item in checks.event(person.commands[-1]).get("left", [])):
                person.down()
        violations += checks.same(before, world.tree())
        texts = {f"{p.choice.words} {i}": e.said.encode() for p in people for i, e in enumerate(p.commands)}
        violations += checks.kept_secret({**texts, **checks.files_of(home)}, secrets)
        violations += [text for person in people for ended in person.commands for text in checks.spoken(ended)]
        violations += checks.whole(home / "journal.db")
        violations += _journal(nursery, people)
        made = sum(1 for person in people if not person.commands[0].code)
        scored = sum(1 for p in people if not p.commands[0].code and p.choice.answers["endpoint"]["name"] == "ep-same")
    finally:
        nursery.close()
        world.close()
    for text in violations:
        say(f"VIOLATION {text}")
    say(f"at once {count}  scored {made}, of them {scored} with the same names  violations {len(violations)}")
    return 1 if violations else 0


def _journal(nursery: Nursery, people: list[_Person]) -> list[str]:
    """What is odd about the one journal that all of them wrote."""
    listed = nursery.run("runs", "--json")
    runs = {str(row["run"]): str(row["state"]) for row in map(json.loads, listed.out.splitlines())}
    known = {person.run for person in people if person.run}
    found = [f"the journal has a run {run} that nobody began" for run in runs.keys() - known]
    found += [f"the run {run} is not in the journal" for run in known - runs.keys()]
    return found + [f"the run {run} is {state} after its clean-up" for run, state in runs.items() if state != "removed"]


def _at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
