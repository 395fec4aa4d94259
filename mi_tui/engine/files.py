"""The local files that answers name: made absolute, seen to exist, and read far enough to find what Azure would find minutes later."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import yaml

from mi_tui.model.answers import Answers
from mi_tui.model.answers_rules import AnswersError, Fault

FOLDER_GONE = "the folder that you are in has been removed; go to one that is there, and say it again."


def here() -> Path | None:
    """The folder in which mi-tui was started; None when it has been removed since."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def resolve(answers: Answers, folder: Path | None) -> Answers:
    """The answers with absolute paths. Raises AnswersError that lists every file that is missing or cannot work.

    Relative paths begin in `folder`; None: it is not there any more.
    """
    resolved, unreachable = absolute(answers, folder)
    faults = [*unreachable.values(), *_faults(resolved, unreachable)]
    if faults:
        raise AnswersError(faults)
    return resolved


def absolute(answers: Answers, folder: Path | None) -> tuple[Answers, dict[str, Fault]]:
    """The answers with absolute paths, whatever lies there; and, by place, the paths that cannot be followed, which stay as they are."""
    unreachable: dict[str, Fault] = {}

    def whole(place: str, path: str) -> str:
        try:
            given = Path(path).expanduser()
            if folder is None and not given.is_absolute():
                unreachable[place] = Fault(place, 0, FOLDER_GONE)
                return path
            found = ((folder or Path("/")) / given).resolve()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found.lstat()
            return str(found)
        except (
            RuntimeError,
            OSError,
            ValueError,
        ) as error:  # no such user's home, links in a circle, too long, no path at all
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            words = f"this is no path that can be followed: {why[:1].lower()}{why[1:].rstrip('.')}."
            unreachable[place] = Fault(place, 0, words)
            return path

    deployment = msgspec.structs.replace(
        answers.deployment,
        model=whole("deployment.model", answers.deployment.model),
        code=whole("deployment.code", answers.deployment.code),
        conda=whole("deployment.conda", answers.deployment.conda),
    )
    upload = answers.storage.upload
    found = msgspec.structs.replace(
        answers,
        deployment=deployment,
        storage=msgspec.structs.replace(answers.storage, upload=whole("storage.upload", upload) if upload else None),
        request=whole("request", answers.request) if answers.request else None,
    )
    return found, unreachable


def _faults(answers: Answers, unreachable: Collection[str]) -> Iterator[Fault]:
    """What is wrong with the files; those whose path cannot even be followed are named already."""
    deployment, upload, request = answers.deployment, answers.storage.upload, answers.request
    if "deployment.model" not in unreachable:
        yield from model_faults(Path(deployment.model))
    if "deployment.code" not in unreachable:
        code = Path(deployment.code)
        if code.is_dir():
            yield from script_faults(code / deployment.scoring_script)
        else:
            yield Fault("deployment.code", 0, f"there is no folder {code}.")
    if "deployment.conda" not in unreachable:
        yield from _conda_faults(Path(deployment.conda))
    if upload and "storage.upload" not in unreachable and not Path(upload).is_file():
        yield Fault("storage.upload", 0, f"there is no file {upload}.")
    if request and "request" not in unreachable:
        yield from _request_faults(Path(request))


def model_faults(model: Path) -> Iterator[Fault]:
    """Why a file or folder cannot be the model."""
    place = "deployment.model"
    if not model.exists():
        yield Fault(place, 0, f"there is no {model}.")
    elif not model.is_dir() and not model.is_file():
        yield Fault(place, 0, f"{model} is neither a file nor a folder.")
    elif model.is_dir() and not any(path.is_file() for path in model.rglob("*")):
        yield Fault(place, 0, f"the folder {model} has no file in it.")


def script_faults(script: Path) -> Iterator[Fault]:
    """Why a file cannot be the scoring script: read, and not run."""
    place = "deployment.scoring_script"
    try:
        there = script.is_file()
    except OSError as error:
        yield Fault(place, 0, f"this is no path that can be followed: {error.strerror or error}.")
        return
    if not there:
        yield Fault(place, 0, f"there is no file {script}.")
        return
    try:
        tree = ast.parse(script.read_bytes(), str(script))
    except OSError as error:
        yield Fault(place, 0, f"{script} cannot be read: {error.strerror or error}.")
        return
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        told = f"{script} is no valid Python{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}"
        text = (getattr(error, "text", None) or "").strip()
        yield Fault(place, 0, f"{told}: {text}" if text else f"{told}.")
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
