"""Conda files as requirements, and the environments that are built of them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mi_tui.sandbox.hosting import environments, pins
from mi_tui.sandbox.hosting.conda import CondaError, parse
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import Issuer
from mi_tui.sandbox.world import TENANT, World

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    store = Store(tmp_path)
    return World(tmp_path, store, Issuer(store, TENANT), PROFILES["instant"], proxy="http://127.0.0.1:4444")


@pytest.mark.parametrize(
    ("entry", "requirement"),
    [
        ("numpy=2.3.1", "numpy==2.3.1"),
        ("numpy==2.3.1", "numpy==2.3.1"),
        ("numpy=2.3", "numpy==2.3.*"),
        ("numpy=2.3.*", "numpy==2.3.*"),
        ("numpy=2.3.1=py311_0", "numpy==2.3.1"),
        ("numpy 2.3.1 py311_0", "numpy==2.3.1"),
        ("numpy>=2,<3", "numpy>=2,<3"),
        ("numpy >=2, <3", "numpy>=2,<3"),
        ("numpy", "numpy"),
        ("numpy=*", "numpy"),
        ("conda-forge::Scikit-Learn=1.7.0", "scikit-learn==1.7.0"),
        ("pytorch=2.5.1", "torch==2.5.1"),
    ],
)
def test_conda_entries(entry: str, requirement: str) -> None:
    assert parse(f"dependencies:\n  - {entry}\n").requirements == (requirement,)


def test_conda_file() -> None:
    text = "name: x\ndependencies:\n- python=3.12.4\n- pip=25.1\n- joblib=1.5.1\n- pip:\n  - a[b]~=1.0 ; python_version > '3'\n  - --pre\n"
    found = parse(text)
    assert found.python == "3.12"
    assert found.requirements == ("joblib==1.5.1", "a[b]~=1.0 ; python_version > '3'", "--pre")
    assert found.left_out == ("pip",)


@pytest.mark.parametrize(
    "text",
    ["", "- a", "dependencies: x", "dependencies: [{npm: [x]}]", "dependencies: [1]", "a: [", "dependencies: ['=1']"],
)
def test_bad_conda_files(text: str) -> None:
    with pytest.raises(CondaError):
        parse(text)


def test_builds_once_and_keeps_a_lock_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environments.CACHE_VARIABLE, raising=False)
    text = "dependencies:\n  - python=99.1\n  - pip\n  - pip:\n    - iniconfig==2.1.0\n"

    async def build() -> list[environments.Environment]:
        return list(await asyncio.gather(*(environments.build(world, text) for _ in range(3))))

    built = asyncio.run(build())
    # Three at once: one builds, the others wait for it.
    assert sorted(e.cached for e in built) == [False, True, True]
    folder = built[0].folder
    assert folder.parent == world.home / "environments"
    assert {e.folder for e in built} == {folder}
    assert built[0].version == OWN
    assert built[0].notes == (f"python=99.1 is not on this machine: python {OWN} is used instead",)
    assert not built[0].has_server
    assert list(folder.glob("lib/python*/site-packages/iniconfig"))
    assert "iniconfig==2.1.0" in folder.with_suffix(".txt").read_text()
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(f".{folder.name}")]
    again = asyncio.run(environments.build(world, text))
    assert again.cached


def test_a_failed_build_tells_why_and_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.CACHE_VARIABLE, str(world.home / "elsewhere"))
    text = "dependencies:\n  - pip:\n    - iniconfig==0.0.0.dev99\n"
    with pytest.raises(environments.BuildError) as error:
        asyncio.run(environments.build(world, text))
    assert "iniconfig" in error.value.log
    assert "exit code 1" in error.value.log
    assert not [path for path in (world.home / "elsewhere").iterdir() if path.is_dir() and path.name != "uv-cache"]


def test_pins() -> None:
    requirements = ("numpy==1.23.5", "A_b[x]==1.2.* ; python_version > '3'", "joblib", "scipy>=1", "--pre")
    assert pins.loosened(requirements) == ("numpy>=1.23.5", "A_b[x]>=1.2 ; python_version > '3'")
    lock = "numpy==1.23.5\na-b==1.4.1\njoblib==1.5.1\n"
    assert pins.repinned(requirements, lock) == (
        "numpy==1.23.5",
        "A_b[x]==1.4.1 ; python_version > '3'",
        "joblib",
        "scipy>=1",
        "--pre",
    )
    assert pins.replaced(requirements, lock) == ["a-b==1.2.* cannot be had for this Python: 1.4.1 is used instead"]
    assert pins.replaced(requirements, lock.replace("1.4.1", "1.2.9")) == []


@pytest.mark.parametrize(
    ("python", "more", "brought"),
    [
        ("3.9", "scipy=1.10.1", ("setuptools<81",)),
        ("3.11.4", "setuptools-scm", ("setuptools<81",)),
        ("3.9", "setuptools=65.0.0", ()),
        ("3.12", "scipy", ()),
    ],
)
def test_what_conda_brings_along(python: str, more: str, brought: tuple[str, ...]) -> None:
    assert pins.brought_along(parse(f"dependencies:\n  - python={python}\n  - {more}\n")) == brought


def test_a_pin_without_a_build_for_the_python_that_stands_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environments.CACHE_VARIABLE, raising=False)
    pinned = "dependencies:\n  - python={}\n  - pip:\n    - iniconfig==2.0.0.dev7\n    - packaging\n"
    with pytest.raises(environments.BuildError):
        asyncio.run(environments.build(world, pinned.format(OWN)))
    built = asyncio.run(environments.build(world, pinned.format("99.1")))
    note = "iniconfig==2.0.0.dev7 cannot be had for this Python: 2.0.0 is used instead"
    assert built.notes == (f"python=99.1 is not on this machine: python {OWN} is used instead", note)
    assert (built.folder.with_suffix(".txt").read_text()).startswith("iniconfig==2.0.0\npackaging==")
    log = (built.folder / "build.log").read_text()
    assert "No solution found" in log
    assert "NOTE: once more" in log
    # It is known of the cached one too.
    assert asyncio.run(environments.build(world, pinned.format("99.1"))).notes == built.notes


def test_build_variables(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) or "proxy" in name.lower():
            monkeypatch.delenv(name)
    for name, value in {
        "HTTPS_PROXY": world.proxy,
        "SSL_CERT_FILE": str(world.home / "ca" / "ca.pem"),
        "NO_PROXY": "10.0.0.1",
        "PIP_INDEX_URL": "https://packages.contoso.example/simple",
        "UV_HTTP_TIMEOUT": "77",
        "AZURE_CLIENT_SECRET": "not to be passed on",
    }.items():
        monkeypatch.setenv(name, value)
    found = environments.build_variables(world)
    assert "HTTPS_PROXY" not in found
    assert "SSL_CERT_FILE" not in found
    assert "AZURE_CLIENT_SECRET" not in found
    assert found["NO_PROXY"] == "10.0.0.1"
    assert found["UV_DEFAULT_INDEX"] == "https://packages.contoso.example/simple"
    assert found["UV_HTTP_TIMEOUT"] == "77"
    assert found["UV_PYTHON_DOWNLOADS"] == "never"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.contoso.example:8080")
    assert environments.build_variables(world)["HTTPS_PROXY"] == "http://proxy.contoso.example:8080"
