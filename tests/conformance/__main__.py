"""`python -m tests.conformance`: drive a sandbox, hold every answer against Azure's files and recordings, print the table.

`--keep FOLDER` leaves the exchanges there (they hold secrets of a throw-away world), `--from FILE` compares kept ones again.
Ends with 1 when something differs without a reason, 2 without the material.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.conformance import material
from tests.conformance.comparison import compare
from tests.conformance.drive import drive_all
from tests.conformance.exchange import read
from tests.conformance.report import table


def main() -> int:
    """Run the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="Hold the sandbox against Azure.")
    parser.add_argument("--keep", type=Path, help="an empty folder for the exchanges")
    parser.add_argument("--from", dest="recording", type=Path, help="compare the exchanges of this file instead")
    options = parser.parse_args()
    place = material.folder()
    if place is None:
        print(material.missing(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        file = options.recording or drive_all(options.keep or Path(temporary), material.recordings(place))
        outcome = compare(read(file), place)
    print(table(outcome))
    return 0 if outcome.whole else 1


if __name__ == "__main__":
    sys.exit(main())
