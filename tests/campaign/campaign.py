"""Many rounds in several jobs, with a state file from which a campaign goes on."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.campaign.nursery import NurseryGone
from tests.campaign.rounds import Job, Result, Script

FRESH_WORLD = 100
"""After so many rounds a job begins with a new home: its log of requests, and its journal, would only grow."""


@dataclass
class Figures:
    """What a campaign did."""

    rounds: int = 0
    kills: int = 0
    resumes: int = 0
    scored: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    violations: int = 0

    def add(self, told: dict[str, Any]) -> None:
        """One round more."""
        self.rounds += 1
        self.kills += len(told["kills"])
        self.resumes += told["resumes"]
        self.scored += told["ended"] == "scored"
        self.seconds += told["seconds"]
        self.faults.update(told["faults"])
        self.violations += len(told["violations"])

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items())) or "none"
        mean = self.seconds / self.rounds if self.rounds else 0.0
        return (
            f"rounds {self.rounds}  scored {self.scored}  kills {self.kills}  faults {self.faults.total()} ({kinds})  "
            f"resumes {self.resumes}  {mean:.1f} s a round  violations {self.violations}"
        )


class Campaign:
    """Rounds on `jobs` threads. `state` keeps each round's result, one a line; those in it are not played again."""

    def __init__(
        self,
        folder: Path,
        seed: str,
        jobs: int,
        state: Path,
        say: Callable[[str], None],
        script: Callable[[int, Path], Script] | None = None,
    ) -> None:
        self.figures = Figures()
        self.met: set[str] = set()
        """Every kill that hit: the command and the point."""
        self.cut = ""
        """Why it ended before its last round, in words; empty when it did not."""
        self._script = script
        self._folder, self._seed, self._jobs, self._state, self._say = folder, seed, jobs, state, say
        self._lock = threading.Lock()
        self._done: set[int] = set()
        self._read()

    def _read(self) -> None:
        if not self._state.exists():
            self._state.write_text(json.dumps({"seed": self._seed}) + "\n")
            return
        head, *rows = [json.loads(line) for line in self._state.read_text().splitlines()]
        if head["seed"] != self._seed:
            raise SystemExit(f"{self._state} belongs to the seed {head['seed']!r}.")
        for told in rows:
            self._done.add(told["number"])
            self.figures.add(told)
            self.met.update(told["kills"])

    def play(self, numbers: Iterable[int]) -> Figures:
        """Play those of the rounds that are not in the state file."""
        left = [number for number in numbers if number not in self._done]
        threads = [
            threading.Thread(target=self._work, args=(left, index), name=f"job-{index}") for index in range(self._jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.figures

    def _work(self, left: list[int], index: int) -> None:
        era, job, played = 0, None, 0
        try:
            while True:
                with self._lock:
                    if not left:
                        return
                    number = left.pop(0)
                if job is None or played == FRESH_WORLD:
                    if job is not None:
                        job.close()
                    job, era, played = self._job(index, era), era + 1, 0
                played += 1
                self._told(job.round(number, partial(self._script, number) if self._script else None))
        except NurseryGone as error:
            with self._lock:
                left.clear()
                self.cut = f"{error}; what was played before it is kept, the round under way is not counted"
        finally:
            if job is not None:
                job.close()

    def _job(self, index: int, era: int) -> Job:
        folder = self._folder / f"job-{index}-{era}-{time.strftime('%H%M%S')}"
        folder.mkdir(parents=True, mode=0o700)
        return Job(folder, self._seed)

    def _told(self, result: Result) -> None:
        told = result.as_json()
        with self._lock:
            self.figures.add(told)
            self.met.update(told["kills"])
            with self._state.open("a") as file:
                file.write(json.dumps(told) + "\n")
            mark = "VIOLATION" if result.violations else "ok"
            self._say(
                f"{mark} round {result.number}: {result.seconds:.0f} s, {result.words}; kills: {', '.join(result.kills) or 'none'}; "
                f"faults: {', '.join(result.faults) or 'none'}; commands: {', '.join(result.commands)}; {result.ended}"
            )
            for text in result.violations:
                self._say(f"    {text}")
