"""The local files that answers name: made absolute, seen to exist, and read far enough to find what Azure would find minutes later."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from mi_tui.model.answers import Answers
from mi_tui.model.answers_file import AnswersError, Fault


def resolve(answers: Answers, folder: Path) -> Answers:
    """The answers with absolute paths. Raises AnswersError that lists every file that is missing or cannot work."""

    unreachable: list[Fault] = []

    def absolute(path: str) -> str:
        try:
            return str((folder / Path(path).expanduser()).resolve())
        except (RuntimeError, OSError, ValueError) as error:  # no such user's home, links in a circle, no path at all
            unreachable.append(Fault(path, 0, f"this is no path that can be followed: {str(error).rstrip('.')}."))
            return path

    deployment = msgspec.structs.replace(
        answers.deployment,
        model=absolute(answers.deployment.model),
        code=absolute(answers.deployment.code),
        conda=absolute(answers.deployment.conda),
    )
    upload = answers.storage.upload
    resolved = msgspec.structs.replace(
        answers,
        deployment=deployment,
        storage=msgspec.structs.replace(answers.storage, upload=absolute(upload) if upload else None),
        request=absolute(answers.request) if answers.request else None,
    )
    faults = unreachable or list(_faults(resolved))
    if faults:
        raise AnswersError(faults)
    return resolved


def _faults(answers: Answers) -> Iterator[Fault]:
    deployment = answers.deployment
    model = Path(deployment.model)
    if not model.exists():
        yield Fault("deployment.model", 0, f"there is no {model}.")
    elif not model.is_dir() and not model.is_file():
        yield Fault("deployment.model", 0, f"{model} is neither a file nor a folder.")
    elif model.is_dir() and not any(path.is_file() for path in model.rglob("*")):
        yield Fault("deployment.model", 0, f"the folder {model} has no file in it.")
    code = Path(deployment.code)
    if not code.is_dir():
        yield Fault("deployment.code", 0, f"there is no folder {code}.")
    else:
        yield from _script_faults(code / deployment.scoring_script)
    yield from _conda_faults(Path(deployment.conda))
    if answers.storage.upload and not Path(answers.storage.upload).is_file():
        yield Fault("storage.upload", 0, f"there is no file {answers.storage.upload}.")
    if answers.request:
        yield from _request_faults(Path(answers.request))


def _script_faults(script: Path) -> Iterator[Fault]:
    place = "deployment.scoring_script"
    if not script.is_file():
        yield Fault(place, 0, f"there is no file {script}.")
        return
    try:
        tree = ast.parse(script.read_bytes(), str(script))
    except OSError as error:
        yield Fault(place, 0, f"{script} cannot be read: {error.strerror or error}.")
        return
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        yield Fault(
            place, 0, f"{script} is no valid Python{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}."
        )
        return
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    defined |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for function in ("init", "run"):
        if function not in defined:
            yield Fault(
                place, 0, f"{script} has no {function}(); the inference server calls init() once and run() per request."
            )


def _conda_faults(conda: Path) -> Iterator[Fault]:
    place = "deployment.conda"
    if not conda.is_file():
        yield Fault(place, 0, f"there is no file {conda}.")
        return
    try:
        content = yaml.safe_load(conda.read_text("utf-8"))
        text = json.dumps(content, default=str)
    except OSError as error:
        yield Fault(place, 0, f"{conda} cannot be read: {error.strerror or error}.")
        return
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        yield Fault(place, 0, f"{conda} is no valid YAML: {str(error).splitlines()[0]}.")
        return
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        yield Fault(place, 0, f"{conda} has no list of dependencies.")
    elif "azureml-inference-server-http" not in text and "azureml-defaults" not in text:
        yield Fault(
            place,
            0,
            f"{conda} does not install azureml-inference-server-http, which every deployment with a scoring script needs.",
        )


def _request_faults(request: Path) -> Iterator[Fault]:
    if not request.is_file():
        yield Fault("request", 0, f"there is no file {request}.")
        return
    try:
        json.loads(request.read_bytes())
    except OSError as error:
        yield Fault("request", 0, f"{request} cannot be read: {error.strerror or error}.")
    except (ValueError, RecursionError) as error:
        yield Fault("request", 0, f"{request} is no valid JSON: {error}.")
