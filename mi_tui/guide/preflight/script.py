"""The scoring script, read and not run: whether it is Python with init() and run(), and which files of the model it opens."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mi_tui.guide.preflight.finding import Finding, failed, listed, ok, skipped
from mi_tui.guide.preflight.reads import Reads

VARIABLE = "AZUREML_MODEL_DIR"
"""Where Azure puts the model: the folder (or file) that was registered lies in it under its own name."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def script(reads: Reads) -> Finding:
    """It is Python; the server finds init() and run() in it, and can call them as it does."""
    path = _path(reads)
    tree = _tree(path)
    if isinstance(tree, Finding):
        return tree
    defined: dict[str, Function | None] = {}
    unknown = False
    for node in _top(tree.body):
        if isinstance(node, Function):
            defined[node.name] = node
        elif isinstance(node, ast.ImportFrom | ast.Import):
            unknown = unknown or any(alias.name == "*" for alias in node.names)
            defined |= dict.fromkeys(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= dict.fromkeys(target.id for target in targets if isinstance(target, ast.Name))
    missing = [name for name in ("init", "run") if name not in defined]
    if missing and unknown:
        return skipped(
            f"because {path.name} imports everything of another module; {' and '.join(missing)} may be among it"
        )
    if missing:
        return failed(
            f"{path} defines no {'() and no '.join(missing)}() at its top level.",
            "The server calls init() once, when the container starts, and run(data) for each request.",
        )
    for name, given in (("init", 0), ("run", 1)):
        function = defined[name]
        if function is not None and not function.decorator_list and not _takes(function.args, given):
            return failed(
                f"{path}, line {function.lineno}: {name}() cannot be called with {given or 'no'} argument{'' if given else 's'}.",
                "Let init() take nothing and run(data) the request's body.",
            )
    return ok(f"{path.name} defines init() and run()")


def model(reads: Reads) -> Finding:
    """The files that the script joins to AZUREML_MODEL_DIR are in what is registered."""
    folder = Path(reads.answers.deployment.model)
    if not folder.exists():
        return failed(f"There is no {folder}.", "Name the folder or file with the model (deployment.model).")
    if folder.is_dir() and not any(path.is_file() for path in folder.rglob("*")):
        return failed(f"The folder {folder} has no file in it.", "Name the folder with the model (deployment.model).")
    tree = _tree(_path(reads))
    if isinstance(tree, Finding):
        return skipped("because the scoring script cannot be read")
    wanted = opened(tree)
    if not wanted:
        return skipped("because the script's text does not tell which files of the model it opens")
    lost = [path for path in wanted if not _there(folder, path)]
    if lost:
        near = sorted(
            str(PurePosixPath(folder.name, *path.relative_to(folder).parts))
            for path in folder.rglob("*")
            if path.is_file()
        )
        has = listed(near or [folder.name])
        return failed(
            f"The script opens {listed(lost)} in {VARIABLE}, and there is none in {folder}.",
            f"There will be {has}: mend the name in the script, or add the file.",
        )
    return ok(f"{listed(wanted)} will be in {VARIABLE}")


def _there(folder: Path, wanted: str) -> bool:
    parts = PurePosixPath(wanted).parts
    # What is registered lies in the variable's folder under its own name.
    return bool(parts) and parts[0] == folder.name and folder.joinpath(*parts[1:]).exists()


def _path(reads: Reads) -> Path:
    return Path(reads.answers.deployment.code) / reads.answers.deployment.scoring_script


def _tree(path: Path) -> ast.Module | Finding:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        return failed(
            f"{path} cannot be read: {error.strerror or error}.",
            "Name the folder and the script that are meant (deployment.code, deployment.scoring_script).",
        )
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        return failed(
            f"{path}{f', line {line}' if line else ''}: this is no Python: {getattr(error, 'msg', error)}.",
            "Mend the script; Azure would find the same after it has built the image.",
        )


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module that are not in a function or a class."""
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody"):
            if not isinstance(node, Function | ast.ClassDef):
                yield from _top(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield from _top(handler.body)


def _takes(args: ast.arguments, given: int) -> bool:
    """Whether a function can be called with so many arguments by place."""
    places = len(args.posonlyargs) + len(args.args)
    needed = places - len(args.defaults)
    by_name = sum(default is None for default in args.kw_defaults)
    return not by_name and needed <= given and (given <= places or args.vararg is not None)


# ---- what it opens


_DIR = "\0"
"""Stands for the value of the variable."""


def opened(tree: ast.Module) -> list[str]:
    """The paths below AZUREML_MODEL_DIR that the script's text names; only those that can be told without running it."""
    values = _values(tree)
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            value = _value(node, values)
            if value and value.startswith(f"{_DIR}/") and len(value) > 2:
                found[value[2:].rstrip("/")] = None
    # A path is walked through on the way to what is in it.
    return [path for path in found if path and not any(other.startswith(f"{path}/") for other in found)]


def _values(tree: ast.Module) -> dict[str, str]:
    """The names that have one value, whose text can be told."""
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            assigned.setdefault(node.target.id, []).append(node.value)
    values: dict[str, str] = {}
    for _ in range(4):  # a name that is made of another one, of another one, ...
        for name, given in assigned.items():
            told = {_value(each, values) for each in given}
            if len(told) == 1 and (value := told.pop()) is not None:
                values[name] = value
    return values


def _value(node: ast.expr, values: dict[str, str]) -> str | None:
    """The text of an expression; None when it cannot be told."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return values.get(name)
        case ast.Subscript(slice=ast.Constant(value=key)) if key == VARIABLE:
            return _DIR
        case ast.Call(args=[ast.Constant(value=key), *_]) if key == VARIABLE:
            return _DIR  # os.getenv, os.environ.get, or a helper of the script's own
        case ast.Call(func=ast.Name(id="Path" | "PurePath" | "str" | "join" | "fspath"), args=parts) if parts:
            return _joined(parts, values)
        case ast.Call(func=ast.Attribute(attr="join" | "Path" | "fspath"), args=[first, *_] as parts) if len(
            parts
        ) > 1 or not isinstance(first, ast.Constant):
            return _joined(parts, values)
        case ast.Call(func=ast.Attribute(value=base, attr="joinpath"), args=parts):
            return _joined([base, *parts], values)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined([left, right], values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _together([_value(left, values), _value(right, values)])
        case ast.JoinedStr(values=parts):
            return _together(
                [_value(part.value if isinstance(part, ast.FormattedValue) else part, values) for part in parts]
            )
        case _:
            return None


def _joined(parts: list[ast.expr], values: dict[str, str]) -> str | None:
    told = [_value(part, values) for part in parts]
    if any(part is None for part in told):
        return None
    first, *rest = (part or "" for part in told)
    if any(part.startswith(("/", _DIR)) for part in rest):
        return None  # an absolute path takes the place of what stands before it
    return "/".join([first, *rest]) if rest else first


def _together(told: list[str | None]) -> str | None:
    return None if any(part is None for part in told) else "".join(part or "" for part in told)
