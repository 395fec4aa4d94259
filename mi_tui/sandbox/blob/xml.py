"""XML of the blob service, read and written: documents of clients are checked, text is made fit for XML 1.0."""

from __future__ import annotations

from urllib.parse import quote
from xml.etree import ElementTree

from mi_tui.sandbox.blob.errors import BlobError, allowed_in_xml, fault, text


def malformed() -> BlobError:
    """The refusal of a document, whatever is wrong with it (recorded)."""
    return fault("InvalidXmlDocument", LineNumber="0", LinePosition="0", Reason="")


def document(data: bytes, root: str) -> ElementTree.Element:
    """The root element of a document; InvalidXmlDocument unless it is well-formed, declares nothing, and has this root."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise malformed()
    try:
        found = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # also: an encoding that nobody knows
        raise malformed() from error
    if found.tag != root:
        raise malformed()
    return found


def element(name: str, value: str) -> str:
    """An element with text; an empty one as Azure writes it."""
    return f"<{name}>{text(value)}</{name}>" if value else f"<{name} />"


def wrap(name: str, inner: str) -> str:
    """An element around elements."""
    return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"


def named(name: str) -> str:
    """A `Name` element. Version 2021-02-12 and later: a name that XML cannot carry is percent-encoded and says so."""
    if all(allowed_in_xml(character) for character in name):
        return element("Name", name)
    return f'<Name Encoded="true">{quote(name)}</Name>'
