"""Reading: what a case says, laid out for the rules: texts by place, Azure's codes, help anchors, HTTP statuses, ids for support.

A text from outside may be anything: what `az` prints, a traceback of an SDK, ARM's JSON (once or twice in a string, with doubled
braces), XML of blob storage, headers, a container's log. It is unwrapped, freed of secrets, and bounded before anything looks at it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mi_tui.guide.case import Case
from mi_tui.model.diagnosis import Evidence
from mi_tui.model.failure import Failure
from mi_tui.model.redact import redact
from mi_tui.model.text import visible

ENTRA = "AADSTS"
"""Stands among the codes where any of Entra's numbers does."""

_HEAD = 60_000
_TAIL = 260_000
_MIDDLE = 60_000
_LONGEST_LINE = 20_000
_SHOWN = 400
_NARROWEST = 30
"""Characters: of a long text its beginning, its end, and of the middle those lines that speak of an error; of evidence, what is shown."""

_ERROR_WORDS = ("rror", "xception", "ailed", "denied", "not found", "Killed")


@dataclass(frozen=True)
class Place:
    """A text and where it stands. `log` is the container's name, or None for what was said and is no log."""

    source: str
    text: str
    log: str | None = None
    outside: bool = False
    """It came without saying what it is, and so counts as a log too."""
    passed: bool = False
    """It was said on the way: a code or status in it may long be over, and counts for nothing by itself."""


@dataclass(frozen=True)
class Read:
    """A case, laid out."""

    case: Case
    places: tuple[Place, ...]
    codes: Mapping[str, Evidence]
    """Azure's codes, ours, and Entra's (`AADSTS...`), in the order in which they were met."""
    log_codes: Mapping[str, Evidence]
    """Those in logs, and in a text from outside, which may be one."""
    anchors: Mapping[str, Evidence]
    statuses: Mapping[int, Evidence]
    support: tuple[Evidence, ...]

    def said(self) -> Iterator[Place]:
        """What was said: the failure, its details, what happened on the way, a text from outside."""
        return (place for place in self.places if place.log is None)

    def logs(self, container: str = "") -> Iterator[Place]:
        """Logs of one container or of all; a text from outside may be of any."""
        return (
            place
            for place in self.places
            if place.outside or (place.log is not None and (not container or place.log == container))
        )


def read(case: Case) -> Read:
    """The case, laid out. Never raises for any text."""
    places = tuple(_places(case))
    codes: dict[str, Evidence] = {}
    log_codes: dict[str, Evidence] = {}
    anchors: dict[str, Evidence] = {}
    statuses: dict[int, Evidence] = {}
    failure = case.failure
    if failure is not None:
        said = Evidence("failure", shown(failure.sentence()))
        for code in filter(None, (failure.code, *_leading_codes(failure.details))):
            codes.setdefault(code, said)
            if code.startswith(ENTRA):
                codes.setdefault(ENTRA, said)
        if failure.anchor:
            anchors[failure.anchor] = said
        if failure.status:
            statuses[failure.status] = Evidence("failure", f"HTTP status {failure.status}: {said.text}")
    for place in places:
        if place.passed:
            continue
        for found in _CODES.finditer(place.text):
            code = next(filter(None, found.groups()), "")
            for there in (codes, log_codes) if place.outside else (codes,) if place.log is None else (log_codes,):
                if code not in there:
                    there[code] = Evidence(place.source, line_of(place.text, found.start(), found.end()))
                if code.startswith(ENTRA):
                    there.setdefault(ENTRA, there[code])
        for found in _ANCHOR.finditer(place.text):
            anchors.setdefault(
                found[1].lower(), Evidence(place.source, line_of(place.text, found.start(), found.end()))
            )
        for found in _STATUS.finditer(place.text) if place.log is None else ():
            number = int(next(filter(None, found.groups()), "0"))
            statuses.setdefault(number, Evidence(place.source, line_of(place.text, found.start(), found.end())))
    return Read(case, places, codes, log_codes, anchors, statuses, tuple(_support(failure, places)))


def _places(case: Case) -> Iterator[Place]:
    failure = case.failure
    if failure is not None:
        yield Place("failure", _clean(failure.sentence()))
        for detail in failure.details:
            yield Place("failure", _clean(detail))
        if failure.raw:
            yield Place("the error as it came", _clean(failure.raw))
    if case.events:
        yield Place("what happened", _clean("\n".join(case.events)), passed=True)
    if case.text.strip():
        yield Place("text", _clean(_unframed(case.text)), outside=True)
    for name, lines in case.logs.items():
        yield Place(f"log {name}", _clean("\n".join(lines)), log=name)


# ---- texts


def _clean(text: str) -> str:
    """The text bounded, unwrapped, freed of secrets, with nothing in it that acts on a terminal."""
    return visible(redact(_unwrapped(_bounded(text))).replace("\r\n", "\n").replace("\ufeff", ""), lines=True)


def _bounded(text: str) -> str:
    if len(text) <= _HEAD + _TAIL and "\n" in text[: 2 * _LONGEST_LINE]:
        return _short_lines(text)
    if len(text) > _HEAD + _TAIL:
        middle, kept = [], 0
        for line in text[_HEAD:-_TAIL].split("\n"):
            if kept < _MIDDLE and any(word in line for word in _ERROR_WORDS):
                middle.append(line[:_LONGEST_LINE])
                kept += len(middle[-1]) + 1
        text = "\n".join((text[:_HEAD], *middle, text[-_TAIL:]))
    return _short_lines(text)


def _short_lines(text: str) -> str:
    """The text with its longest lines cut: no error is told in a line of a megabyte, and looking through one costs the most."""
    if len(text) <= _LONGEST_LINE:
        return text
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE // 2]}\n{line[-_LONGEST_LINE // 2 :]}"
        for line in text.split("\n")
    )


_COLOUR = re.compile(r"\\u001b\[[0-9;]{0,12}m")
"""A terminal's colour as it stands in the JSON of a notebook."""

_TYPED = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00a0", "''''\"\"\"\" ")
"""Quotes and blanks as mail programs and text processors make them."""
_ENTITIES = re.compile(r"&(?:lt|gt|quot|apos|#0?39|#x27);")
"""What a web page makes of brackets and quotes."""

_ESCAPED = (("\\r\\n", "\n"), ("\\n", "\n"), ("\\u0027", "'"), ("\\u0022", '"'), ('\\"', '"'), ("\\'", "'"))


def _unwrapped(text: str) -> str:
    """JSON that stands in strings, up to three deep, as what it says; doubled braces as single ones."""
    text = text.translate(_TYPED)
    if _ENTITIES.search(text):
        text = html.unescape(text)
    for _ in range(3):
        if '\\"' not in text and "\\u00" not in text and "\\n" not in text:
            break
        text = _COLOUR.sub("", text.replace("\\\\", "\\"))
        for escaped, plain in _ESCAPED:
            text = text.replace(escaped, plain)
    return text.replace("{{", "{").replace("}}", "}")


_FRAME = re.compile(r"^[ \t]{0,20}[\u2502\u2503|>](?:[ \t]|$)", re.MULTILINE)
_FRAME_END = re.compile(r"[ \t]{1,200}[\u2502\u2503|][ \t]{0,20}$", re.MULTILINE)
"""The sides of a frame, or the mark of a quotation, at the beginning and the end of a line."""


def _unframed(text: str) -> str:
    """A text without the frame that Terraform and others draw around an error, or the marks of a quotation: they would stand in the middle
    of sentences. The same text where less than half of its lines have one."""
    lines = text.count("\n") + 1
    if lines < 2 or 2 * len(_FRAME.findall(text)) < lines:
        return text
    return _FRAME_END.sub("", _FRAME.sub("", text))


def joined(text: str) -> str:
    """A text whose lines were cut at one width in the middle of words, as a terminal's window or a picture does, with its lines joined
    again; the same text where it does not look so."""
    lines = text.replace("\r\n", "\n").split("\n")
    width = max(map(len, lines))
    full = sum(len(line) >= width - 1 for line in lines[:-1])
    if width < _NARROWEST or full < 2 or 3 * full < 2 * (len(lines) - 1):
        return text
    # A line that is one short ended in a blank, which was left out when it was copied.
    parts = [line if len(line) == width else f"{line} " if len(line) == width - 1 else f"{line}\n" for line in lines]
    return "".join(parts)


def line_of(text: str, start: int, end: int) -> str:
    """The lines around a place in a text, for evidence: without indent, cut at blanks around the place when they are long."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    if last - first > _SHOWN:
        if start - first > _SHOWN // 3:
            first = max(text.rfind(" ", first, start - _SHOWN // 3), first)
        if last - first > _SHOWN:
            blank = text.find(" ", max(first + _SHOWN, end))
            last = min(last, blank if blank > 0 else last, max(first + 2 * _SHOWN, end))
    return shown(text[first:last])


def shown(text: str) -> str:
    """A text as evidence: in one line, without secrets, not too long."""
    line = " ".join(visible(redact(text), lines=True).split())
    return line if len(line) <= 2 * _SHOWN else f"{line[: 2 * _SHOWN].rsplit(' ', 1)[0]} …"


_RAISED = re.compile(
    r"^[ \t]{0,20}((?:[A-Za-z_]\w{0,60}\.){0,8}(?!UserScript)[A-Z]\w{1,60}(?:Error|Exception|Exit|Interrupt|Failure))(?:: [^\n]{0,400})?$",
    re.MULTILINE,
)


def raised(text: str) -> str:
    """The line that names the first exception of the last chain of tracebacks in a text, for evidence; empty when there is none.

    The inference server wraps what the script raised into an exception of its own, which tells nothing.
    """
    start = text.rfind("Encountered Exception")
    found = _RAISED.search(text, max(start, 0))
    return shown(found.group()) if found else ""


# ---- codes, anchors, statuses

_CODES = re.compile(
    r"(mi-tui/[a-z][a-z-]{2,40})\b"
    r"|\b(AADSTS\d{4,8})\b"
    r"|\(([A-Z][A-Za-z]{5,70})\)\s{1,4}\S"
    r"|\b(?:error[_-]?)?[Cc]ode['\"]?[ \t]{0,4}[:=][ \t]{0,4}['\"]?([A-Z][A-Za-z]{5,70})\b"
    r"|\bErrorCode[:=][ \t]{0,4}([A-Z][A-Za-z]{5,70})\b"
    r"|<Code>([A-Z][A-Za-z]{5,70})</Code>"
    r"|^[ \t]{0,40}(?:\w+Error: |ERROR: |error: )?(?:\(None\) )?([A-Z][A-Za-z]{5,70}):[ \t]"
    r"|\(None\) ([A-Z][A-Za-z]{5,70}):[ \t]"
    r"|\A\s{0,40}([A-Z][A-Za-z]{5,70})[.:]?\s{0,40}\Z"
    r"|\b4\d\d: ([A-Z][A-Za-z]{5,70}):"
    r"|x-ms-error-code['\"]?[:=] {0,4}['\"]?([A-Z][A-Za-z]{5,70})\b",
    re.MULTILINE,
)
"""Where a code stands: `(Code) words`, `Code: X`, `"code": "X"`, `ErrorCode:X`, `<Code>X</Code>`, first in a line, a header; or alone."""

_ANCHOR = re.compile(r"aka\.ms/oe-tsg#([\w-]{3,60})")

_STATUS = re.compile(
    r"HTTP/[\d.]{1,3} (\d{3})\b|\b[Ss]tatus(?:[ _-]?[Cc]ode)?['\"]?[:= ]{1,4}'?(\d{3})\b|\bHTTP ([45]\d{2})\b|\bHTTPError:? (?:HTTP Error )?(\d{3})\b"
)


def _leading_codes(details: Iterable[str]) -> Iterator[str]:
    for detail in details:
        if found := re.match(r"([A-Z][A-Za-z]{5,70}): ", detail):
            yield found[1]


# ---- what support asks for

_IDS = (
    ("request id", re.compile(r"(?:x-ms-request-id|RequestId|request[ _-]?id)['\"]?[:=]\s{0,4}['\"]?([\w-]{8,64})", re.I)),
    ("correlation id", re.compile(r"(?:correlation[ _-]?(?:request[ _-]?)?id|ActivityId)['\"]?\s?[:=]?\s{0,4}['\"]?([0-9a-fA-F-]{16,64})", re.I)),
    ("operation", re.compile(r"['\"]operation['\"]:\s{0,4}['\"]([0-9a-fA-F-]{16,64})['\"]")),
    ("request", re.compile(r"['\"]request['\"]:\s{0,4}['\"]([0-9a-fA-F-]{16,64})['\"]")),
    ("trace id", re.compile(r"(?:Trace ID|traceId)['\"]?:\s{0,4}['\"]?([0-9a-fA-F-]{16,64})")),
    ("tracking id", re.compile(r"tracking id '([0-9a-fA-F-]{16,64})'")),
    ("time", re.compile(r"(?:\bTime:|Timestamp:|['\"]value['\"]:|timestamp '?)\s{0,4}['\"]?(20\d\d-?\d\d-?\d\dT[\d:.]{5,16}(?:Z|\+00:00)?)")),
)  # fmt: skip


def _support(failure: Failure | None, places: Iterable[Place]) -> Iterator[Evidence]:
    """Request and correlation ids, with when it happened where that was said; each once."""
    seen: set[str] = set()
    if failure is not None:
        for name, value in (("request id", failure.request_id), ("correlation id", failure.correlation_id)):
            if value and value not in seen:
                seen.add(value)
                yield Evidence(name, value)
    for name, pattern in _IDS:
        for place in places:
            found = pattern.search(place.text) if place.log is None else None
            if found and found[1] not in seen:
                seen.add(found[1])
                yield Evidence(name, found[1])
                break
