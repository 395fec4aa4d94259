"""A deployment's conda file as requirements for PyPI: the sandbox has no conda, and what scoring scripts pin is on PyPI too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

SERVER = "azureml-inference-server-http"
"""Microsoft's inference server; an environment without it cannot be hosted, here as in Azure."""

# Packages whose conda name is not their name on PyPI.
_ALIASES = {
    "pytorch": "torch", "pytorch-cpu": "torch", "matplotlib-base": "matplotlib", "py-xgboost": "xgboost",
    "msgpack-python": "msgpack", "pytables": "tables", "opencv": "opencv-python-headless",
}  # fmt: skip
# What a virtual environment brings or never needs: installing these from PyPI would be wrong or useless.
_LEFT_OUT = frozenset(
    {"pip", "conda", "ca-certificates", "openssl", "libgcc-ng", "libstdcxx-ng", "libgomp", "nomkl", "mkl", "blas"}
)

_SPEC = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^\]]*\])?\s*(?P<version>.*)")


class CondaError(Exception):
    """The conda file cannot be used; the text says what is wrong, as a build log would."""


@dataclass(frozen=True)
class CondaFile:
    """What a conda file asks for: the interpreter as `3.12` (None: any), requirement lines, and packages that were left out."""

    python: str | None
    requirements: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def parse(text: str) -> CondaFile:
    """Read a conda file. CondaError when it is no conda file."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CondaError(f"CondaValueError: the conda file is not valid YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        raise CondaError("CondaValueError: the conda file has no list of 'dependencies'")
    python: str | None = None
    requirements: list[str] = []
    left_out: list[str] = []
    for entry in document["dependencies"]:
        if isinstance(entry, dict):
            requirements += _pip_section(entry)
            continue
        if not isinstance(entry, str):
            raise CondaError(f"CondaValueError: invalid package specification: {entry!r}")
        found = _SPEC.fullmatch(entry.strip())
        if found is None:
            raise CondaError(f"InvalidMatchSpec: invalid package specification: {entry!r}")
        name = found["name"].lower()
        if name == "python":
            python = _minor(found["version"])
        elif name in _LEFT_OUT:
            left_out.append(name)
        else:
            requirements.append(_ALIASES.get(name, name) + (found["extras"] or "") + _version(found["version"], entry))
    return CondaFile(python, tuple(requirements), tuple(left_out))


def changed(text: str, more: tuple[str, ...], without: tuple[str, ...]) -> str:
    """A conda file with further pip requirements and without some packages; as it is when there is nothing to change."""
    if not more and not without:
        return text
    parse(text)
    document = yaml.safe_load(text)
    kept: list[Any] = []
    for entry in document["dependencies"]:
        if isinstance(entry, dict):
            kept.append({"pip": [line for line in entry["pip"] if _package(line) not in without]})
        elif _package(entry) not in without:
            kept.append(entry)
    if more:
        kept.append({"pip": list(more)})
    return yaml.safe_dump({**document, "dependencies": kept}, sort_keys=False)


def _package(entry: str) -> str:
    found = _SPEC.fullmatch(entry.strip())
    return re.sub(r"[-_.]+", "-", found["name"].lower()) if found else ""


def _pip_section(entry: dict[str, Any]) -> list[str]:
    if (
        set(entry) != {"pip"}
        or not isinstance(entry["pip"], list)
        or not all(isinstance(line, str) for line in entry["pip"])
    ):
        raise CondaError(
            f"CondaValueError: the only section inside 'dependencies' is a 'pip' list, not {sorted(map(str, entry))}"
        )
    return [line.strip() for line in entry["pip"] if line.strip()]


def _minor(version: str) -> str | None:
    found = re.search(r"(\d+)\.(\d+)", version)
    return None if found is None else f"{found[1]}.{found[2]}"


def _version(text: str, entry: str) -> str:
    """conda's version as PyPI's: `=1.2.3` is exact, `=1.2` means 1.2 and what follows it, comparisons are the same."""
    version = text.strip()
    if not version:
        return ""
    if version[0] in "<>!~" or version.startswith("=="):
        return re.sub(r"\s+", "", version.partition(" ")[0] if "," not in version else version)
    # `=version=build`, or `version build` parted by spaces: PyPI knows no builds.
    parts = re.split(r"[=\s]+", version.lstrip("= "))
    number = parts[0]
    if not re.fullmatch(r"[\w.*+!]+", number):
        raise CondaError(f"InvalidVersionSpec: invalid version in {entry!r}")
    if number == "*":
        return ""
    if number.endswith(".*") or number.count(".") >= 2:
        return f"=={number}"
    return f"=={number.rstrip('*')}.*"
