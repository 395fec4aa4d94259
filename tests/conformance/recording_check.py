"""Holding an answer of the sandbox against recorded answers of Azure of its class."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from tests.conformance import headers, shapes, xml_shapes
from tests.conformance.differences import Difference
from tests.conformance.exchange import Exchange
from tests.conformance.forms import sentence_form
from tests.conformance.operations import Class, class_of
from tests.conformance.shapes import Finding, Shape

_GENERAL = frozenset({"UserError"})
"""Codes that stand for anything: their sentences are compared within one operation only."""


class Recordings:
    """The recorded answers by class. An error that was recorded for another operation only is still held against that:
    ARM and the blob service word an error alike wherever it happens."""

    def __init__(self, recorded: Sequence[Exchange]) -> None:
        self._by_class: dict[Class, list[Exchange]] = defaultdict(list)
        self._null = frozenset().union(*(_nulls(exchange.json) for exchange in recorded))
        self._kept = headers.names_in(recorded)
        self._by_error: dict[tuple[str, int, str, bool], list[Exchange]] = defaultdict(list)
        for exchange in recorded:
            of = class_of(exchange)
            self._by_class[of].append(exchange)
            if of.code and of.service in {"arm", "blob"}:
                self._by_error[_error_key(of, exchange)].append(exchange)

    def like(self, answer: Exchange) -> tuple[list[Exchange], bool]:
        """The recorded answers to hold this one against, and whether they are of its own operation."""
        of = class_of(answer)
        own = self._by_class.get(of)
        if own:
            return own, True
        return self._by_error.get(_error_key(of, answer), []) if of.code else [], False

    def _nullable(self, finding: Finding) -> bool:
        """Whether it is about null where another recorded answer has null in a member of this name."""
        return finding[2].startswith("null,") and finding[1].rpartition(".")[2] in self._null

    def shape_of(self, samples: Sequence[Exchange]) -> Shape:
        """The bodies of recorded answers as one shape."""
        shape = Shape()
        for sample in samples:
            if sample.body:
                shape.add(sample.json)
        return shape

    def compare(self, answer: Exchange) -> tuple[int, list[Difference]]:
        """How many recorded answers this one was held against, and how it differs from them."""
        samples, own = self.like(answer)
        if not samples:
            return 0, []
        of = str(class_of(answer))
        found = [
            *headers.compare(samples, answer, self._kept, content=_is_content(answer)),
            *self._body(samples, answer, own),
        ]
        return len(samples), [Difference("recording", of, *finding) for finding in found]

    def _body(self, samples: Sequence[Exchange], answer: Exchange, own: bool) -> Iterator[Finding]:
        bodies = [sample.body for sample in samples if sample.body]
        if answer.method == "HEAD" or _is_content(answer):
            return
        if not bodies or not answer.body:
            if bool(bodies) != bool(answer.body) and (len(bodies) in {0, len(samples)}):
                yield "body", "body", "no body, recorded with one" if bodies else "a body, recorded without"
            return
        if own or answer.code not in _GENERAL:
            yield from _sentence(samples, answer)
        if xml_shapes.is_xml(answer.body):
            yield from xml_shapes.compare(
                [body for body in bodies if xml_shapes.is_xml(body)] or bodies, answer.body, answer.parameters
            )
        elif type_of_body(bodies[0]) == "json":
            if type_of_body(answer.body) != "json":
                yield "body", "body", "no JSON"
            else:
                for finding in shapes.compare(self.shape_of(samples), answer.json):
                    if not _echo(finding, samples, answer) and not self._nullable(finding):
                        yield finding


def _echo(finding: Finding, samples: Sequence[Exchange], answer: Exchange) -> bool:
    """Whether a member is missing or null only because this request did not send it, and every recorded one did."""
    kind, at, words = finding
    if not (kind == "missing" or words.startswith("null,")):
        return False
    having = [sample for sample in samples if _at(sample.json, at) is not None]
    return _at(answer.request_json, at) is None and all(_at(sample.request_json, at) is not None for sample in having)


def _is_content(answer: Exchange) -> bool:
    """Whether an answer is a blob's content, or a HEAD that tells of it."""
    return class_of(answer).operation in {"GET blob blob", "HEAD blob blob"} and answer.status < 300


def _sentence(samples: Sequence[Exchange], answer: Exchange) -> Iterator[Finding]:
    """An error's message: what is not quoted in it must read as recorded."""
    told, known = _message(answer), {form for sample in samples if (form := _message(sample))}
    if told and known and told not in known:
        yield "sentence", "message", f"{told!r}, recorded {' or '.join(sorted(map(repr, known)))}"


def _message(exchange: Exchange) -> str:
    error = _at(exchange.json, "error")
    if isinstance(error, dict):
        return sentence_form(str(error.get("message", "")))
    found = re.search(r"<Message>(.*?)</Message>", exchange.body, re.DOTALL)
    return sentence_form(found.group(1)) if found else ""


def _nulls(value: Any) -> frozenset[str]:
    """The names of members that are null, at any depth."""
    if isinstance(value, list):
        return frozenset().union(*map(_nulls, value))
    if not isinstance(value, dict):
        return frozenset()
    return frozenset(name for name, item in value.items() if item is None).union(*map(_nulls, value.values()))


def _at(value: Any, at: str) -> Any:
    for name in at.strip(".").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def type_of_body(text: str) -> str:
    """`xml`, `json` or `content`."""
    if xml_shapes.is_xml(text):
        return "xml"
    return "json" if text.lstrip()[:1] in {"{", "[", "n"} else "content"


def _error_key(of: Class, exchange: Exchange) -> tuple[str, int, str, bool]:
    # Azure ML's errors have an envelope of their own under codes that others use too.
    service = of.service
    if service == "arm" and exchange.headers.get("x-ms-response-type") == "error":
        service = "ml"
    return service, of.status, of.code, exchange.method == "HEAD"
