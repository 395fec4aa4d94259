"""The blob service's XML: byte order mark, prolog, and the order of elements and attributes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence

from tests.conformance.exchange import BOM
from tests.conformance.forms import date_form
from tests.conformance.shapes import Finding

_PROLOG = re.compile(r"<\?xml[^>]*\?>")


def is_xml(text: str) -> bool:
    """Whether a body is XML."""
    return text.removeprefix(BOM).startswith("<?xml")


_ASKED = {"MaxResults": "maxresults", "Prefix": "prefix", "Delimiter": "delimiter", "Marker": "marker"}
"""Elements that repeat a parameter of the request, and are there only with it."""

_LISTS = frozenset({"Blobs", "Containers", "Cors", "CommittedBlocks", "UncommittedBlocks", "Metadata"})
"""Elements that may be empty."""


def compare(samples: Sequence[str], body: str, asked: Mapping[str, str]) -> Iterator[Finding]:
    """How an XML body differs from recorded ones of its class; `asked` are the request's parameters."""
    marks = {sample.startswith(BOM) for sample in samples}
    if body.startswith(BOM) not in marks:
        yield (
            "prolog",
            "body",
            "no byte order mark, recorded with one" if True in marks else "a byte order mark, recorded without",
        )
    prologs = {_prolog(sample) for sample in samples}
    if _prolog(body) not in prologs:
        yield "prolog", "body", f"{_prolog(body)}, recorded {' or '.join(sorted(prologs))}"
    try:
        root = ElementTree.fromstring(body.removeprefix(BOM))
    except ElementTree.ParseError:
        yield "syntax", "body", "no well-formed XML"
        return
    roots = [ElementTree.fromstring(sample.removeprefix(BOM)) for sample in samples]
    missing = frozenset(tag for tag, parameter in _ASKED.items() if parameter not in asked)
    yield from _element(roots, root, f"<{root.tag}>", missing)


def _element(
    samples: Sequence[ElementTree.Element], element: ElementTree.Element, at: str, free: frozenset[str]
) -> Iterator[Finding]:
    same = [sample for sample in samples if sample.tag == element.tag]
    if not same:
        yield "element", at, f"recorded <{samples[0].tag}>"
        return
    required = (
        set() if element.tag in _LISTS else set.intersection(*({child.tag for child in sample} for sample in same))
    )
    for tag in sorted(required - {child.tag for child in element} - free):
        yield "missing", f"{at}<{tag}>", "every recorded answer has it"
    attributes = list(element.attrib)
    if attributes not in [list(sample.attrib) for sample in same]:
        yield "attributes", at, f"{attributes}, recorded {list(same[0].attrib)}"
    order = [child.tag for child in element]
    if not any(_follows(order, [child.tag for child in sample]) for sample in same):
        yield "order", at, f"{_once(order)}, recorded {_once([child.tag for child in same[0]])}"
    texts = [sample.text for sample in same if sample.text]
    form, forms = date_form(element.text or ""), {date_form(text) for text in texts}
    if form and texts and form not in forms:
        yield "date", at, f"{form}, recorded {' or '.join(sorted(map(str, forms)))}"
    for child in element:
        beneath = [inner for sample in same for inner in sample if inner.tag == child.tag]
        if beneath:
            yield from _element(beneath, child, f"{at}<{child.tag}>", free)


def _follows(order: list[str], sample: list[str]) -> bool:
    """Whether the elements that both have stand in the same order."""
    both = set(order) & set(sample)
    return _once([tag for tag in order if tag in both]) == _once([tag for tag in sample if tag in both])


def _once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def _prolog(text: str) -> str:
    found = _PROLOG.match(text.removeprefix(BOM))
    return found.group(0) if found else "none"
