"""Blob index tags: how they are written, checked, asked for in conditions, and found.

Source: "Set Blob Tags", "Find Blobs by Tags" and "Manage and find Azure Blob data with blob index tags".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from mi_tui.sandbox.blob import xml
from mi_tui.sandbox.blob.errors import BlobError, fault, invalid_query

_MOST = 10
_ALLOWED = re.compile(r"[A-Za-z0-9 +\-./:=_]*", re.ASCII)

_TOKEN = re.compile(
    r"""\s*(?:(?P<word>AND|OR)\b|(?P<container>@container)|(?P<name>"(?:[^"]|"")+"|[A-Za-z_]\w*)|(?P<sign><=|>=|<>|=|<|>)|'(?P<value>(?:[^']|'')*)')""",
    re.IGNORECASE | re.ASCII,
)

Term = tuple[str, str, str]
"""Name (`@container` for the container's), comparison sign, value."""


def of_header(value: str | None) -> dict[str, str]:
    """The tags of an `x-ms-tags` header, which is written as a query is. InvalidTags when Azure would refuse them."""
    if not value:
        return {}
    pairs = parse_qsl(value, keep_blank_values=True)
    if len({name for name, _ in pairs}) != len(pairs):
        raise fault("InvalidTags")
    return checked(dict(pairs))


def of_body(data: bytes) -> dict[str, str]:
    """The tags of Set Blob Tags' document. InvalidXmlDocument or InvalidTags."""
    root = xml.document(data, "Tags")
    found: dict[str, str] = {}
    for tag in root.iterfind("TagSet/Tag"):
        name = tag.findtext("Key") or ""
        if name in found:
            raise fault("InvalidTags")
        found[name] = tag.findtext("Value") or ""
    return checked(found)


def checked(tags: dict[str, str]) -> dict[str, str]:
    """The same tags; InvalidTags unless number, lengths and characters are within Azure's limits."""
    for name, value in tags.items():
        if not 1 <= len(name) <= 128 or len(value) > 256:
            raise fault("InvalidTags")
        if not _ALLOWED.fullmatch(name) or not _ALLOWED.fullmatch(value):
            raise fault("InvalidTags")
    if len(tags) > _MOST:
        raise fault("InvalidTags")
    return tags


def element(tags: Mapping[str, str]) -> str:
    """The `Tags` element."""
    inner = "".join(
        f"<Tag>{xml.element('Key', name)}{xml.element('Value', value)}</Tag>" for name, value in sorted(tags.items())
    )
    return f"<Tags>{xml.wrap('TagSet', inner)}</Tags>"


def parse(expression: str, wrong: BlobError | None = None) -> list[list[Term]]:
    """A condition as alternatives of terms that hold together. `wrong` is raised where it is not understood."""
    error = wrong or invalid_query("where", expression, "Error parsing query: the expression is not valid.")
    alternatives: list[list[Term]] = [[]]
    position, expected = 0, "name"
    name = sign = ""
    text = expression.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise error
        position = found.end()
        kind = found.lastgroup
        if expected == "name" and kind in ("name", "container"):
            raw = found[kind]
            name = raw[1:-1].replace('""', '"') if raw.startswith('"') else raw
            expected = "sign"
        elif expected == "sign" and kind == "sign":
            sign, expected = found["sign"], "value"
        elif expected == "value" and kind == "value":
            alternatives[-1].append((name, sign, found["value"].replace("''", "'")))
            expected = "word"
        elif expected == "word" and kind == "word":
            if found["word"].upper() == "OR":
                alternatives.append([])
            expected = "name"
        else:
            raise error
    if expected != "word":
        raise error
    return alternatives


def holds(alternatives: list[list[Term]], tags: Mapping[str, str], container: str = "") -> bool:
    """Whether tags fulfil a condition; values are compared as text. Names are case-sensitive."""
    return any(all(_term(term, tags, container) for term in terms) for terms in alternatives)


def _term(term: Term, tags: Mapping[str, str], container: str) -> bool:
    name, sign, value = term
    held = container if name == "@container" else tags.get(name)
    if held is None:
        return sign == "<>"
    return {
        "=": held == value, "<>": held != value, "<": held < value, "<=": held <= value, ">": held > value, ">=": held >= value,
    }[sign]  # fmt: skip


def names_in(alternatives: list[list[Term]]) -> set[str]:
    """The tag names that a condition speaks of."""
    return {name for terms in alternatives for name, _, _ in terms}
