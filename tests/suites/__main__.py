"""`python -m tests.suites NAME [PATH ...] [--excluded] [-- PYTEST ARGUMENTS]`: run one of Microsoft's SDK test suites against a sandbox.

PATH are files of the suite (all of them when left out). `--excluded` runs what is excluded as well, to see whether the reasons still
hold. Ends with 1 when a test fails that nothing explains. Without NAME it lists the suites.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.suites import fetch, outcome, world
from tests.suites.catalog import HERE, Suite, lay_files, suites


def main(arguments: list[str]) -> int:
    """Run a suite and print the table; returns the exit code."""
    ours, theirs = _split(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m tests.suites", description="Run Microsoft's SDK tests in a sandbox."
    )
    parser.add_argument("name", nargs="?", choices=sorted(suites()))
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--excluded", action="store_true", help="run what is excluded as well")
    options = parser.parse_args(ours)
    if options.name is None:
        for suite in suites().values():
            print(f"{suite.name:20} {suite.package} {suite.version}")
        return 0
    return run(suites()[options.name], options.paths, theirs, everything=options.excluded)


def run(suite: Suite, paths: list[str], pytest_arguments: list[str], *, everything: bool) -> int:
    """Fetch the suite, open its world, run the tests, print the table; 0 when nothing unexplained failed."""
    tests, python = fetch.sources(suite) / "tests", fetch.environment(suite)
    lay_files(suite.name, tests)
    with tempfile.TemporaryDirectory(prefix="mi-tui-suite-") as temporary:
        told = Path(temporary) / "told"
        command = [
            str(python), "-m", "pytest", "-c", str(HERE / "shim" / "pytest.ini"), "--rootdir", str(tests),
            "-p", "suite_plugin", "-p", "no:cacheprovider", *suite.arguments, *pytest_arguments, *(paths or suite.paths or ["."]),
        ]  # fmt: skip
        with world.opened(Path(temporary) / "sandbox", suite) as variables:
            kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
            places = [str(HERE / "shim"), str(HERE.parents[1]), str(tests)]
            subprocess.run(
                command,
                cwd=tests.parent / suite.folder,
                env=kept
                | variables
                | {
                    "PYTHONPATH": os.pathsep.join(places),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "SUITE_NAME": suite.name,
                    "SUITE_LONGEST_SLEEP": "" if suite.longest_sleep is None else str(suite.longest_sleep),
                    "SUITE_TOLD": str(told),
                    "SUITE_EXCLUDED": "run" if everything else "",
                },
                check=False,
            )
        seen = outcome.read(told)
    print(outcome.table(seen))
    return 0 if seen.whole else 1


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What is ours, and what stands after `--`."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
