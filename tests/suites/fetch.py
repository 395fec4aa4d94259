"""Fetches a suite: its source distribution, and an environment in which its tests run; both are kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
from pathlib import Path

import platformdirs
from uv import find_uv_bin

from tests.suites.catalog import CONSTRAINTS, Suite

FOLDER = Path(os.environ.get("MI_TUI_TEST_SUITES") or platformdirs.user_cache_path("mi-tui-test-suites"))
"""Where they are kept between runs; the variable names another place."""

RUNNER = ["pytest>=8,<10", "pytest-asyncio", "pytest-timeout", "pytest-xdist", "pyyaml", "msgspec", "requests"]


def sources(suite: Suite) -> Path:
    """The unpacked source distribution; downloaded the first time. Raises CalledProcessError, OSError, ValueError."""
    where = FOLDER / "sources"
    whole = where / f"{suite.package.replace('-', '_')}-{suite.version}"
    if not whole.is_dir():
        lock = subprocess.run(
            [find_uv_bin(), "pip", "compile", "-q", "--no-deps", "--format", "pylock.toml", "-"],
            input=f"{suite.package}=={suite.version}", text=True, capture_output=True, check=True,
        )  # fmt: skip
        sdist = tomllib.loads(lock.stdout)["packages"][0]["sdist"]
        with urllib.request.urlopen(sdist["url"], timeout=60) as answer:
            packed = answer.read()
        if hashlib.sha256(packed).hexdigest() != sdist["hashes"]["sha256"]:
            raise ValueError(f"the source distribution of {suite.package} {suite.version} does not have its hash")
        where.mkdir(parents=True, exist_ok=True)
        archive = where / f"{whole.name}.tar.gz"
        archive.write_bytes(packed)
        with tarfile.open(archive) as opened:
            opened.extractall(where, filter="data")
    return whole


def environment(suite: Suite) -> Path:
    """The Python of the suite's environment, with the SDK's release and what the tests import. Raises CalledProcessError."""
    needs = [f"{suite.package}=={suite.version}", *suite.needs, *RUNNER]
    pins = [
        line
        for line in CONSTRAINTS.read_text("utf-8").splitlines()
        if not line.startswith((f"{suite.package}==", "pytest"))
    ]
    key = hashlib.sha256("\n".join([sys.version, *needs, *pins]).encode()).hexdigest()[:12]
    where = FOLDER / "environments" / f"{suite.name}-{key}"
    python = where / "bin" / "python"
    if not (where / "whole").is_file():
        subprocess.run([find_uv_bin(), "venv", "-q", "--clear", "--python", sys.executable, str(where)], check=True)
        (where / "constraints.txt").write_text("\n".join(pins), "utf-8")
        install = [find_uv_bin(), "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*install, "-c", str(where / "constraints.txt"), *needs], check=True)
        (where / "whole").touch()
    return python
