"""Runs in the Azure CLI's own environment: one command line a line of standard input (a JSON list), one answer a line of output.

`az` spends most of its time on importing; here that is spent once. What is called is the entry that the `az` script itself calls.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # The CLI's log handlers keep the stream that they find first, so there is one for all commands.
    told = sys.stderr = io.StringIO()
    from azure.cli.core import get_default_cli

    for line in sys.stdin:
        out = sys.stdout = io.StringIO()
        told.seek(0)
        told.truncate()
        try:
            code = get_default_cli().invoke(json.loads(line), out_file=out)
        except SystemExit as end:
            code = end.code
        except BaseException:  # noqa: BLE001  # what a command does must not end the others
            traceback.print_exc(file=told)
            code = 70
        answers.write(json.dumps({"code": code or 0, "out": out.getvalue(), "err": told.getvalue()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
