"""Blob Service Properties: what a new account answers (recorded), and what a client set.

Source: "Set Blob Service Properties". What is set is remembered and answered; logging, metrics and CORS do nothing here. Soft
delete and static websites, which would change what other operations answer, are refused.
"""

from __future__ import annotations

import json
from xml.etree import ElementTree

from mi_tui.sandbox import containers
from mi_tui.sandbox.blob import xml
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import XML_HEAD, text, unsupported
from mi_tui.sandbox.blob.files import small_body
from mi_tui.sandbox.store import Resource, Store

_OFF = "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
_DEFAULTS = {
    "Logging": f"<Version>1.0</Version><Read>false</Read><Write>false</Write><Delete>false</Delete>{_OFF}",
    "HourMetrics": "<Version>1.0</Version><Enabled>true</Enabled><IncludeAPIs>true</IncludeAPIs><RetentionPolicy>"
    "<Enabled>true</Enabled><Days>7</Days></RetentionPolicy>",
    "MinuteMetrics": f"<Version>1.0</Version><Enabled>false</Enabled>{_OFF}",
    "Cors": "",
    "DefaultServiceVersion": "",
    "DeleteRetentionPolicy": "<Enabled>false</Enabled><AllowPermanentDelete>false</AllowPermanentDelete>",
    "StaticWebsite": "",
}
"""Each section in Azure's order, and what is in it before it is set."""

_ORDERS = {
    "Logging": ("Version", "Read", "Write", "Delete", "RetentionPolicy"),
    "HourMetrics": ("Version", "Enabled", "IncludeAPIs", "RetentionPolicy"),
    "MinuteMetrics": ("Version", "Enabled", "IncludeAPIs", "RetentionPolicy"),
    "CorsRule": ("AllowedMethods", "AllowedOrigins", "AllowedHeaders", "ExposedHeaders", "MaxAgeInSeconds"),
    "RetentionPolicy": ("Enabled", "Days"),
}
_LONGEST_RETENTION = 365
_MOST_RULES = 5
_METHODS = {"DELETE", "GET", "HEAD", "MERGE", "PATCH", "POST", "OPTIONS", "PUT"}


async def service_properties(call: Call) -> Answer:
    """Get Blob Service Properties."""
    given = held(call.world.store, call.account)
    sections = "".join(
        xml.wrap(name, given.get(name, default))
        for name, default in _DEFAULTS.items()
        if default or name in given or name == "Cors"
    )
    body = f"{XML_HEAD}<StorageServiceProperties>{sections}</StorageServiceProperties>".encode()
    return Answer(200, {"content-type": "application/xml"}, body, chunked=True)


async def set_service_properties(call: Call) -> Answer:
    """Set Blob Service Properties: each section that is given replaces the one before. InvalidXmlDocument (recorded)."""
    root = xml.document(await small_body(call, 64 * 1024), "StorageServiceProperties")
    given = held(call.world.store, call.account)
    seen = set()
    for section in root:
        if section.tag not in _DEFAULTS or section.tag in seen:
            raise xml.malformed()
        seen.add(section.tag)
        if section.tag in ("DeleteRetentionPolicy", "StaticWebsite"):
            if (section.findtext("Enabled") or "false").strip().lower() == "true":
                raise unsupported("soft delete" if section.tag == "DeleteRetentionPolicy" else "static websites")
            if section.tag == "StaticWebsite":
                given[section.tag] = "<Enabled>false</Enabled>"
            continue
        given[section.tag] = _section(section)
    if "Logging" in seen and ">true<" in given["Logging"].partition("<RetentionPolicy>")[0]:
        # The service makes it when logging begins; it stays when logging ends.
        containers.create_container(call.world, call.account.id, "$logs")
    keep(call.world.store, call.account, given)
    return Answer(202)


def _section(section: ElementTree.Element) -> str:
    if section.tag == "DefaultServiceVersion":
        return text((section.text or "").strip())
    if section.tag == "Cors":
        if len(section) > _MOST_RULES or any(rule.tag != "CorsRule" for rule in section):
            raise xml.malformed()
        return "".join(_rule(rule) for rule in section)
    order = _ORDERS[section.tag]
    _check_children(section, order)
    inner = ""
    for name in order:
        part = section.find(name)
        if part is None:
            if name == "IncludeAPIs" or section.tag == "Logging" or name == "Version":
                continue
            raise xml.malformed()
        inner += f"<RetentionPolicy>{_retention(part)}</RetentionPolicy>" if name == "RetentionPolicy" else _value(part)
    return inner


def _retention(policy: ElementTree.Element) -> str:
    _check_children(policy, _ORDERS["RetentionPolicy"])
    enabled = _boolean(policy.find("Enabled"))
    days = (policy.findtext("Days") or "").strip()
    if enabled == "false":
        if days:
            raise xml.malformed()
        return "<Enabled>false</Enabled>"
    if not days.isdecimal() or not 1 <= int(days) <= _LONGEST_RETENTION:
        raise xml.malformed()
    return f"<Enabled>true</Enabled><Days>{int(days)}</Days>"


def _rule(rule: ElementTree.Element) -> str:
    order = _ORDERS["CorsRule"]
    _check_children(rule, order)
    given = {name: (rule.findtext(name) or "").strip() for name in order}
    if not given["AllowedOrigins"] or not set(given["AllowedMethods"].split(",")) <= _METHODS:
        raise xml.malformed()
    if not given["MaxAgeInSeconds"].isdecimal():
        raise xml.malformed()
    inner = "".join(xml.element(name, given[name]) for name in order)
    return f"<CorsRule>{inner}</CorsRule>"


def _value(part: ElementTree.Element) -> str:
    value = (part.text or "").strip()
    if part.tag != "Version":
        value = _boolean(part)
    return xml.element(part.tag, value)


def _boolean(part: ElementTree.Element | None) -> str:
    value = "" if part is None else (part.text or "").strip().lower()
    if value not in ("true", "false"):
        raise xml.malformed()
    return value


def _check_children(parent: ElementTree.Element, known: tuple[str, ...]) -> None:
    tags = [child.tag for child in parent]
    if len(set(tags)) != len(tags) or not set(tags) <= set(known):
        raise xml.malformed()


def held(store: Store, account: Resource) -> dict[str, str]:
    """The sections that were set, as XML inside their element, by their name; Resource Manager shows some of them too."""
    return dict(json.loads(store.value(_key(account)) or "{}"))


def keep(store: Store, account: Resource, sections: dict[str, str]) -> None:
    """Remember the sections that are set."""
    store.set_value(_key(account), json.dumps(sections))


def _key(account: Resource) -> str:
    # Made with the account, so that another account of the same name does not inherit it.
    return f"blob_service:{account.id.lower()}:{account.created}"
