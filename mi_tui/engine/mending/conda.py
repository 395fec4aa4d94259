"""A conda file with more in it: lines are added or replaced, and comments, order and layout stay. Text in, text out."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from mi_tui.model.failure import Failure
from mi_tui.services.errors import ServiceError

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?)\s*(?P<extras>\[[\w\s,.-]*\])?\s*(?P<version>(?:[=<>!~]=?=?\s*[\w.*+!-]+\s*,?\s*)*)"
)
_SPEC = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9][\w.-]*)(?P<rest>.*)", re.DOTALL)
_ITEM = re.compile(r"(?P<indent>\s*)-(?P<gap>\s+)(?P<value>.*?)(?P<comment>\s+#.*)?(?P<end>\r?\n?)", re.DOTALL)
_ONLY_CONDA = frozenset({"python", "pip"})
"""What pip cannot install: these stand among conda's own packages."""


@dataclass(frozen=True)
class _Item:
    """A list item of the file: the line where it stands and what it says."""

    line: int
    indent: str
    value: str
    """Without quotes and comment."""


def with_requirements(text: str, wanted: Iterable[str]) -> str:
    """The conda file with these pip requirements in it, each added or, where the package stands there, in place of its line.

    Where all of them are there already, the file's `name` gets a number: Azure takes the image that it has built of the same content,
    so only a file that differs is built anew. Raises ServiceError when the file is not such that lines could be added by themselves.
    """
    before = _document(text)
    requirements = [_checked(one) for one in wanted]
    expected, changed = copy.deepcopy(before), text
    for one in requirements:
        changed = _with(changed, one)
        _expect(expected["dependencies"], one)
    if changed == text:
        changed = _renamed(text, before)
        expected["name"] = _next_name(before)
    if _document(changed) != expected:
        raise _refused("Its layout is not one that lines can be added to by themselves.", requirements)
    return changed


def _document(text: str) -> dict[str, object]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refused(f"It is no valid YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        raise _refused("It has no list of dependencies.")
    return document


def _checked(requirement: str) -> str:
    """The requirement without blanks at its ends; ServiceError when it is none, as with options of pip or with addresses."""
    if not requirement.strip() or _REQUIREMENT.fullmatch(requirement.strip()) is None:
        raise ServiceError(
            Failure(
                "mi-tui/requirement",
                f"{requirement!r} is no requirement such as azureml-inference-server-http or numpy==2.3.1.",
                advice="Say the package's name on PyPI, with a version where that matters.",
            )
        )
    return requirement.strip()


def package_of(line: str) -> str:
    """The normal name of the package in a requirement or a conda specification; empty when it names none."""
    found = _SPEC.fullmatch(line.strip())
    return re.sub(r"[-_.]+", "-", found["name"].lower()) if found else ""


def _version_of(line: str) -> str:
    found = _SPEC.fullmatch(line.strip())
    return re.sub(r"\s+", "", found["rest"]) if found else ""


def _as_conda(requirement: str) -> str:
    """A pip requirement as conda writes it: one equals sign pins there."""
    return re.sub(r"\s+", "", requirement).replace("==", "=")


def _satisfies(line: str, requirement: str) -> bool:
    """Whether a line of the file says what is wanted already: the same package, and no other version is asked for."""
    version = _version_of(requirement)
    return not version or _version_of(line).replace("==", "=") == version.replace("==", "=")


# ---- the lines


def _with(text: str, requirement: str) -> str:
    """The file with one requirement."""
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    own, pip, pip_line = _items(lines)
    name = package_of(requirement)
    for items, written in ((pip, requirement), (own, _as_conda(requirement))):
        for item in items:
            if package_of(item.value) != name:
                continue
            if _satisfies(item.value, requirement):
                return text
            lines[item.line] = _with_value(lines[item.line], written)
            return "".join(lines)
    if name in _ONLY_CONDA or not own:
        raise _refused(f"It does not say which {name} it wants.", [requirement])
    if pip_line is None:
        last = own[-1]
        added = [f"{last.indent}- pip:{newline}", f"{last.indent}    - {requirement}{newline}"]
        if not any(package_of(item.value) == "pip" for item in own):
            added.insert(0, f"{last.indent}- pip{newline}")
        at = last.line
    else:
        last = pip[-1] if pip else own[-1]
        if not pip:
            raise _refused("Its list for pip is empty.", [requirement])
        added, at = [f"{last.indent}- {requirement}{newline}"], last.line
    if not lines[at].endswith("\n"):
        lines[at] += newline
    lines[at + 1 : at + 1] = added
    return "".join(lines)


def _items(lines: list[str]) -> tuple[list[_Item], list[_Item], int | None]:
    """The items of `dependencies` that are conda's own, those of the list for pip, and the line where that list begins."""
    own: list[_Item] = []
    pip: list[_Item] = []
    pip_line: int | None = None
    inside, indent = False, None
    for number, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if re.match(r"\S", line) and not line.startswith("-"):
            inside = re.match(r"""["']?dependencies["']?\s*:\s*(#.*)?$""", line.rstrip()) is not None
            indent = None
            continue
        found = _ITEM.fullmatch(line) if inside else None
        if found is None:
            continue
        indent = found["indent"] if indent is None else indent
        value = found["value"].strip().strip("\"'")
        item = _Item(number, found["indent"], value)
        if len(found["indent"]) > len(indent):
            pip.append(item)
        elif re.fullmatch(r"pip\s*:", value):
            pip_line = number
        else:
            own.append(item)
    return own, pip, pip_line


def _with_value(line: str, value: str) -> str:
    found = _ITEM.fullmatch(line)
    assert found is not None
    old = found["value"].strip()
    quote = old[0] if old[:1] in {'"', "'"} else ""
    return f"{found['indent']}-{found['gap']}{quote}{value}{quote}{found['comment'] or ''}{found['end']}"


def _renamed(text: str, document: dict[str, object]) -> str:
    """The file under its next name; one without a name gets one on its first line of content."""
    new = _next_name(document)
    if "name" in document:
        return re.sub(
            r"^(name\s*:\s*)(\S.*?)(\s+#.*)?(\r?)$", lambda found: f"{found[1]}{new}{found[3] or ''}{found[4]}", text,
            count=1, flags=re.MULTILINE,
        )  # fmt: skip
    newline = "\r\n" if "\r\n" in text else "\n"
    return re.sub(r"^(?=[^\s#%-])", lambda _: f"name: {new}{newline}", text, count=1, flags=re.MULTILINE)


def _next_name(document: dict[str, object]) -> str:
    name = str(document.get("name") or "scoring")
    found = re.fullmatch(r"(.*)-(\d+)", name)
    return f"{found[1]}-{int(found[2]) + 1}" if found else f"{name}-2"


# ---- what is to come out


def _expect(dependencies: object, requirement: str) -> None:
    """Change the parsed list as the lines are to be changed."""
    assert isinstance(dependencies, list)
    name = package_of(requirement)
    lists = [entry["pip"] for entry in dependencies if isinstance(entry, dict) and isinstance(entry.get("pip"), list)]
    for entries, written in (*((each, requirement) for each in lists), (dependencies, _as_conda(requirement))):
        for number, entry in enumerate(entries):
            if isinstance(entry, str) and package_of(entry) == name:
                if not _satisfies(entry, requirement):
                    entries[number] = written
                return
    if lists:
        lists[0].append(requirement)
        return
    if not any(isinstance(entry, str) and package_of(entry) == "pip" for entry in dependencies):
        dependencies.append("pip")
    dependencies.append({"pip": [requirement]})


def _refused(why: str, requirements: Iterable[str] = ()) -> ServiceError:
    wanted = ", ".join(requirements)
    by_hand = f"Add {wanted} yourself" if wanted else "Mend it yourself"
    return ServiceError(
        Failure("mi-tui/conda-file", f"The conda file cannot be changed: {why}", advice=f"{by_hand}, then resume.")
    )
