"""What the SDKs print goes to the log, and the terminal gets its streams back."""

from __future__ import annotations

import contextlib
import io
import logging
import subprocess
import sys
import threading

import pytest

from mi_tui.services.quiet import SDK_LOG, Prints, hush


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger=SDK_LOG)
    return caplog


def test_prints_are_logged_clean(lines: pytest.LogCaptureFixture) -> None:
    before = sys.stdout, sys.stderr
    with Prints() as prints:
        assert (prints.stdout, prints.stderr) == before
        sys.stdout.write("..")
        sys.stdout.write(".\n")
        sys.stderr.write("\rUploading:  10%\rUploading: 100%|\x1b[32m####\x1b[0m|\n\x1b[39m\n")
        sys.stderr.write("sig=abcdef123 left open")
        prints.stdout.write("")
    assert (sys.stdout, sys.stderr) == before
    assert lines.messages == ["stdout: ...", "stderr: Uploading: 100%|####|", "stderr: sig=*** left open"]


def test_entered_twice_and_left_by_an_exception() -> None:
    before = sys.stdout
    with contextlib.suppress(ValueError), Prints():
        inner = sys.stdout
        with Prints() as again:
            assert sys.stdout is inner
            assert again.stdout is before
        assert sys.stdout is inner
        raise ValueError
    assert sys.stdout is before


def test_a_stream_that_somebody_else_put_there_stays() -> None:
    before, other = sys.stdout, io.StringIO()
    try:
        with Prints():
            sys.stdout = other
        assert sys.stdout is other
    finally:
        sys.stdout = before


def test_threads_do_not_mix_their_lines(lines: pytest.LogCaptureFixture) -> None:
    def chatter(letter: str) -> None:
        for _ in range(200):
            for _ in range(5):
                sys.stdout.write(letter)
            sys.stdout.write("\n")

    with Prints():
        threads = [threading.Thread(target=chatter, args=(letter,)) for letter in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(lines.messages) == sorted(f"stdout: {letter * 5}" for letter in "abcd" for _ in range(200))


def test_colorama_around_the_capture_is_taken_off_too() -> None:
    import colorama

    before = sys.stdout, sys.stderr
    with Prints():
        colorama.init()  # azure-ai-ml calls this when it raises a validation error
    assert (sys.stdout, sys.stderr) == before


def test_logs_of_the_sdks_are_forwarded_without_secrets(lines: pytest.LogCaptureFixture) -> None:
    hush()
    hush()
    logging.getLogger("azure.core.some").warning("retrying %s", "https://x?sig=abcdef")
    # pytest's own handler hears the SDK's logger before ours does; what counts is what our log gets.
    ours = [record.getMessage() for record in lines.records if record.name == SDK_LOG]
    assert ours == ["WARNING azure.core.some: retrying https://x?sig=***"]


CODE = """
import logging, sys
from mi_tui.services.quiet import load_ml
ml = load_ml()
assert load_ml() is ml and ml.MLClient
for name in ("azure.ai.ml", "azure.ai.ml.operations._online_deployment_operations", "azure.ai.ml.entities", "azure.core", "urllib3"):
    logging.getLogger(name).warning("must not be seen")
handlers = [
    (name, handler) for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)
    for handler in logger.handlers if isinstance(handler, logging.StreamHandler) and name.startswith("azure")
]
print(handlers)
"""


def test_azure_ai_ml_writes_nothing_to_the_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


@pytest.mark.parametrize("collecting", [True, False])
def test_nothing_is_collected_while_azure_ai_ml_is_imported_and_what_came_is_left_alone(collecting: bool) -> None:
    code = f"""
import gc
from mi_tui.services import quiet
gc.{"enable" if collecting else "disable"}()
seen = []
gc.callbacks.append(lambda phase, told: seen.append(told["generation"]))
quiet.load_ml()
print(len(seen), gc.isenabled(), gc.get_freeze_count() > 100_000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    few, *rest = done.stdout.split()
    assert int(few) < 20, "a hundred and more when the collector runs"
    assert rest == [str(collecting), "True"]
