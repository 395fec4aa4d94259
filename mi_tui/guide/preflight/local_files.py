"""Local files: the conda file, the first request, and the variables that the script gets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from mi_tui.guide.preflight.finding import Finding, failed, listed, ok, skipped, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.diagnosis import Change, ChangeKind

SERVER = "azureml-inference-server-http"
"""What every deployment with a scoring script needs ("Troubleshoot online endpoints", 2025-10-06)."""
_BRINGS_SERVER = "azureml-defaults"
_OLDEST_PYTHON = (3, 8)
"""With 3.7, setuptools itself cannot be installed any more (mslearn-azure-ml#41)."""
_OLD_SERVER = (0, 7)
"""Before it, the server breaks with the Flask that pip takes today ("Troubleshoot online endpoints")."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_VERSION = re.compile(r"(===?|=|~=|>=|<=|!=|<|>|\s)\s*v?(\d+(?:\.\d+)*)")


def conda(reads: Reads) -> Finding:
    """It is YAML with dependencies, and its Python is not too old."""
    path = Path(reads.answers.deployment.conda)
    found = _dependencies(path)
    if isinstance(found, Finding):
        return found
    version = found.get("python", "")
    number = _number(version)
    if _only_older(version, _OLDEST_PYTHON):
        return failed(
            f"{path} asks for python{version}.",
            "Take Python 3.9 or newer, such as python=3.11, and versions of the packages that run on it.",
        )
    return ok(
        f"{path.name}: {len(found)} packages, "
        + (f"python {'.'.join(map(str, number))}" if number else "no python named")
    )


def server(reads: Reads) -> Finding:
    """The inference server is among the packages, and is not one that breaks."""
    path = Path(reads.answers.deployment.conda)
    found = _dependencies(path)
    if isinstance(found, Finding):
        return skipped("because the conda file cannot be read")
    change = Change(ChangeKind.CONDA, (SERVER,))
    if SERVER in found:
        if _only_older(found[SERVER], _OLD_SERVER) and "<" not in found.get("flask", ""):
            return warning(
                f"{path.name} asks for {SERVER}{found[SERVER]}, which breaks with a newer Flask.",
                f"Take {SERVER} 1.5 or newer.",
                change=Change(ChangeKind.CONDA, (f"{SERVER}>=1.5",)),
            )
        return ok(f"{SERVER}{found[SERVER]}")
    if _BRINGS_SERVER in found:
        return ok(f"{_BRINGS_SERVER}{found[_BRINGS_SERVER]} brings it")
    if "-r" in found:
        return skipped("because packages are named in a requirements file of the image, which is not read")
    return failed(f"{path} does not install {SERVER}.", f"Add {SERVER} to its pip packages.", change=change)


def _dependencies(path: Path) -> dict[str, str] | Finding:
    """Each package with what is asked of its version; `-r` stands for a file of requirements. A Finding says why there are none."""
    advice = "Write it as 'conda env create' takes it; 'mi-tui answers --sandbox' names one that works."
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        return failed(
            f"{path} cannot be read: {error.strerror or error}.", "Name the file that is meant (deployment.conda)."
        )
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        return failed(f"{path} is no valid YAML{where}: {str(error).splitlines()[0]}.", advice)
    entries = content.get("dependencies") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return failed(f"{path} has no list of dependencies.", advice)
    return dict(_packages(entries))


def _packages(entries: list[object]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if isinstance(entry, dict):
            inner = entry.get("pip")
            yield from _packages(inner if isinstance(inner, list) else [])
        elif isinstance(entry, str) and entry.strip().startswith(("-r", "--requirement")):
            yield "-r", entry
        elif isinstance(entry, str) and (parts := _REQUIREMENT.fullmatch(entry.partition("::")[2] or entry)):
            yield parts[1].lower().replace("_", "-"), parts[2].partition("#")[0].strip()


def _number(asked: str) -> tuple[int, ...]:
    """The first version in what is asked for; empty for none."""
    found = _VERSION.search(f" {asked}")
    return _parts(found[2]) if found else ()


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _only_older(asked: str, than: tuple[int, int]) -> bool:
    """Whether every version that fits what is asked for is older. What has no upper end, such as `>=3.6` or `=3`, takes the newest."""
    for sign, version in _VERSION.findall(f" {asked}"):
        number = _parts(version)
        if sign == "~=":
            number = number[:-1]
        if sign in {">", ">=", "!="} or (sign not in {"<", "<="} and len(number) < 2):
            continue
        if number < than or (sign == "<" and number == than):
            return True
    return False


def request(reads: Reads) -> Finding:
    """The first request is JSON."""
    path = reads.answers.request
    if path is None:
        return ok("the answers name none")
    try:
        json.loads(Path(path).read_bytes())
    except OSError as error:
        return failed(f"{path} cannot be read: {error.strerror or error}.", "Name the file that is meant (request).")
    except (ValueError, RecursionError) as error:
        return failed(f"{path} is no valid JSON: {error}.", "Mend it, or leave 'request' out.")
    return ok(f"{Path(path).name} is JSON")


_PLACEHOLDER = re.compile(r"_place_?holder|\A\s*<[^<>]+>\s*\Z|\$\{\{", re.IGNORECASE)
_SECRET = re.compile(r"\A\s*\$\{\{\s*(azureml://connections/|keyvault:)", re.IGNORECASE)


def variables(reads: Reads) -> Finding:
    """No variable holds what somebody was to fill in."""
    given = reads.answers.deployment.environment_variables
    if not given:
        return ok("the answers set none; those of storage and identity are set by the run")
    secret = [name for name, value in given.items() if _SECRET.match(value)]
    left = [name for name, value in given.items() if name not in secret and _PLACEHOLDER.search(value)]
    if left:
        return failed(
            f"These still hold a placeholder: {listed([f'{name}={given[name]}' for name in left])}.",
            "Write what is meant (deployment.environment_variables).",
        )
    if secret:
        return warning(
            f"{listed(secret)} refer to a secret, which Azure puts in when the container starts.",
            "The endpoint's identity must be allowed to read it: the role Azure Machine Learning Workspace Connection Secrets Reader on the "
            "workspace, or Key Vault Secrets User on the vault.",
        )
    return ok(f"{len(given)} set, none is a placeholder")


def client_id(reads: Reads) -> Finding:
    """A user-assigned identity is named by its client id; its principal id gets no token."""
    if not reads.uai:
        return ok("a system-assigned identity needs no name")
    found = reads.identity.result()
    if found is None:
        return ok("UAI_CLIENT_ID is set by the run once the identity is made")
    given = reads.answers.deployment.environment_variables
    wrong = [name for name, value in given.items() if value.strip().lower() == found.principal_id.lower()]
    if wrong:
        return failed(
            f"{listed(wrong)} holds the identity's principal id {found.principal_id}; tokens are asked for by its client id.",
            f"Set it to {found.client_id}.",
            change=Change(ChangeKind.VARIABLE, tuple(f"{name}={found.client_id}" for name in wrong)),
        )
    return ok(f"UAI_CLIENT_ID will be {found.client_id}, the client id of {found.name}")
