"""The crash campaign. Rounds are drawn from the seed and their number: `--only N` plays one of them again."""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


def main() -> int:
    """Do what was asked; 0 only without a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--rounds", type=int, metavar="N", help="play rounds 1 to N")
    parser.add_argument("--only", type=int, metavar="N", action="append", help="play this round; may be repeated")
    parser.add_argument("--seed", default="1", metavar="S", help="what the rounds are drawn from (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="so many worlds side by side (default: 1)")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="a state file: rounds in it are not played again")
    parser.add_argument(
        "--every-point", choices=("sai", "uai"), help="die once at every point of a run with fresh parts"
    )
    parser.add_argument("--together", type=int, metavar="N", help="so many mi-tui at once in one sandbox")
    parser.add_argument(
        "--long-haul", type=float, metavar="MINUTES", help="one run left polling: memory, handles, threads"
    )
    parser.add_argument("--home", type=Path, help="where the worlds lie (default: a new temporary folder)")
    given = parser.parse_args()
    home = given.home or Path(tempfile.mkdtemp(prefix="campaign-"))
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if given.long_haul:
        from tests.campaign.long_haul import haul

        return haul(given.long_haul, home)
    if given.together:
        from tests.campaign.together import together

        return together(given.together, home, say)
    if not given.rounds and not given.only and not given.every_point:
        parser.error("say what to do: --rounds, --only, --every-point, --together or --long-haul")
    from tests.campaign import exhaustive
    from tests.campaign.campaign import Campaign
    from tests.campaign.rounds import Job

    points, script, seed, numbers = None, None, given.seed, given.only or range(1, (given.rounds or 0) + 1)
    if given.every_point:
        job = Job(home / "count", seed)
        try:
            points = exhaustive.count(job, given.every_point)
        finally:
            job.close()
        say(f"{len(points.up)} points of up, {len(points.down)} of down.")
        script = partial(exhaustive.script, points, given.every_point)
        seed, numbers = f"every point, {given.every_point}", given.only or points.first_pass()
    campaign = Campaign(home, seed, given.jobs, given.resume or home / "state.jsonl", say, script)
    say(f"Worlds, and what rounds with violations left, lie in {home}.")
    figures = campaign.play(numbers)
    if points and not given.only and not campaign.cut:
        for attempt in range(exhaustive.TRIES):
            if (missed := points.missed(campaign.met)) and not campaign.cut:
                say(f"{len(missed)} points were not met so far and get a round of their own.")
                figures = campaign.play([number + attempt * exhaustive.AGAIN for number in missed])
        left = points.missed(campaign.met).values()
        say(f"points {len(points.up) + len(points.down)}  not met {len(left)}: {'; '.join(left) or 'none'}")
    if campaign.cut:
        say(f"Ended early: {campaign.cut}.")
    say(str(figures))
    return 1 if figures.violations or campaign.cut else 0


if __name__ == "__main__":
    sys.exit(main())
