"""What goes to the debug log has no secret in it, whoever logged it and however."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mi_tui.engine import debuglog
from mi_tui.model.secret import Secret


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    logger = logging.getLogger("mi_tui")
    before, logger.handlers = logger.handlers, []
    propagate, level = logger.propagate, logger.level
    try:
        assert debuglog.begin(tmp_path) == ""
        yield tmp_path / "debug.log"
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers, logger.propagate = before, propagate
        logger.setLevel(level)


def test_no_secret_is_written_in_messages_arguments_or_tracebacks(log: Path) -> None:
    value = f"plain {uuid.uuid4().hex[:12]}"
    Secret(value)
    logger = logging.getLogger("mi_tui.somewhere")
    logger.debug("the key %s", value)
    try:
        raise ValueError(f"sig={uuid.uuid4().hex} {value}")
    except ValueError:
        logger.exception("it broke")
    text = log.read_text()
    assert "it broke" in text
    assert "Traceback" in text
    assert value not in text
    assert "sig=***" in text
    assert log.stat().st_mode & 0o777 == 0o600
