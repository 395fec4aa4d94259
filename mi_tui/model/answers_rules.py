"""The rules that answers must keep: names that Azure takes, combinations that make sense, and no secrets; each broken one is a fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec
from msgspec import Struct

from mi_tui.model import names
from mi_tui.model.answers import MOST_TAGS, RESERVED_TAG, RESERVED_VARIABLES, Answers, IdentityKind
from mi_tui.model.redact import looks_secret, redact


class Fault(Struct, frozen=True):
    """One thing that is wrong with the answers: where (`storage.account`), the line (0: none), and the rule in words."""

    place: str
    line: int
    words: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.place}" if self.line else self.place
        return redact(f"{where}: {self.words}")


class AnswersError(Exception):
    """The answers cannot be used; `faults` lists all that is wrong."""

    def __init__(self, faults: list[Fault], source: str = "") -> None:
        self.faults = faults
        self.source = source
        super().__init__("; ".join(str(fault) for fault in faults))


Lines = dict[str, int]
"""Place -> the line where it stands."""


def name_faults(answers: Answers, lines: Lines | None = None) -> Iterator[Fault]:
    """Every name that Azure would refuse, and every combination that makes no sense."""
    at = lines or {}
    checks = (
        ("workspace.subscription", names.SUBSCRIPTION, answers.workspace.subscription),
        ("workspace.resource_group", names.RESOURCE_GROUP, answers.workspace.resource_group),
        ("workspace.name", names.WORKSPACE, answers.workspace.name),
        ("identity.name", names.IDENTITY, answers.identity.name),
        ("identity.resource_group", names.RESOURCE_GROUP, answers.identity.resource_group),
        ("storage.account", names.STORAGE_ACCOUNT, answers.storage.account),
        ("storage.resource_group", names.RESOURCE_GROUP, answers.storage.resource_group),
        ("storage.container", names.CONTAINER, answers.storage.container),
        ("storage.blob", names.BLOB, answers.storage.blob),
        ("endpoint.name", names.ENDPOINT, answers.endpoint.name),
        ("deployment.name", names.DEPLOYMENT, answers.deployment.name),
    )
    for place, rule, name in checks:
        if name is not None and (words := rule.fault(name)):
            yield Fault(place, at.get(place, 0), words)
    if answers.identity.kind is IdentityKind.UAI and answers.identity.name is None:
        yield Fault("identity.name", at.get("identity", 0), "a user-assigned identity needs a name.")
    if answers.identity.kind is IdentityKind.SAI and (answers.identity.name or answers.identity.resource_group):
        yield Fault(
            "identity",
            at.get("identity", 0),
            "a system-assigned identity has no name or group of its own; it takes the endpoint's.",
        )
    built = msgspec.to_builtins(answers)
    yield from _broken_texts(built, "", at)
    yield from _secrets(built, "", at)
    yield from _text_faults(answers, at)
    yield from _tag_faults(answers, at)
    for variable in answers.deployment.environment_variables:
        place = f"deployment.environment_variables.{variable}"
        if words := names.ENVIRONMENT_VARIABLE.fault(variable):
            yield Fault(place, at.get(place, 0), words)
        elif variable in RESERVED_VARIABLES:
            yield Fault(place, at.get(place, 0), "mi-tui sets this one itself, from storage and identity.")


def _broken_texts(value: object, place: str, at: Lines) -> Iterator[Fault]:
    """Half characters (lone surrogates, as YAML's `\\ud800` makes them): no file, journal or request could hold them."""
    if isinstance(value, str) and not _sound(value):
        yield Fault(_shown(place), at.get(place, 0), "this holds half a character (a lone surrogate).")
    elif isinstance(value, dict):
        for name, inner in value.items():
            under = f"{place}.{name}" if place else str(name)
            if isinstance(name, str) and not _sound(name):
                yield Fault(_shown(under), at.get(under, 0), "this name holds half a character (a lone surrogate).")
            else:
                yield from _broken_texts(inner, under, at)


def _secrets(value: object, place: str, at: Lines) -> Iterator[Fault]:
    """Keys, tokens and signatures: answers are journalled, and Azure shows tags and variables to whoever may read the deployment."""
    if isinstance(value, str) and looks_secret(value):
        yield Fault(
            place,
            at.get(place, 0),
            "this looks like a secret. mi-tui keeps answers, and Azure shows them to everybody who may read the endpoint: put it in "
            "a key vault and let the script read it with the managed identity.",
        )
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, f"{place}.{name}" if place else str(name), at)


def _sound(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _text_faults(answers: Answers, at: Lines) -> Iterator[Fault]:
    """Texts that no naming rule looks at: they may not be empty, nor hold control characters; the script lies in its folder."""
    deployment = answers.deployment
    texts = {
        "storage.upload": answers.storage.upload,
        "deployment.model": deployment.model,
        "deployment.code": deployment.code,
        "deployment.conda": deployment.conda,
        "deployment.scoring_script": deployment.scoring_script,
        "deployment.image": deployment.image,
        "deployment.instance_type": deployment.instance_type,
        "request": answers.request,
    }
    for place, text in texts.items():
        if text is None:
            continue
        if not text.strip():
            yield Fault(place, at.get(place, 0), "this may not be empty.")
        elif any(ord(character) < 32 or ord(character) == 127 for character in text):
            yield Fault(place, at.get(place, 0), "this may not hold control characters.")
    script = PurePosixPath(deployment.scoring_script.replace("\\", "/"))
    if script.is_absolute() or ".." in script.parts:
        place = "deployment.scoring_script"
        yield Fault(place, at.get(place, 0), "a path in the code folder is expected.")


def _tag_faults(answers: Answers, at: Lines) -> Iterator[Fault]:
    """Azure's limits of tags ("Use tags to organize your Azure resources", Microsoft Learn), those of storage accounts included."""
    if len(answers.tags) > MOST_TAGS:
        yield Fault("tags", at.get("tags", 0), f"at most {MOST_TAGS} tags are possible, as mi-tui adds one of its own.")
    for name, value in answers.tags.items():
        place = f"tags.{name}"
        if not 0 < len(name) <= 128 or any(character in "<>%&\\?/" or ord(character) < 32 for character in name):
            yield Fault(place, at.get(place, 0), "a tag's name has 1 to 128 characters and none of < > % & \\ ? /.")
        elif name.lower() == RESERVED_TAG:
            yield Fault(place, at.get(place, 0), "mi-tui sets this tag itself, to know what a run made.")
        elif name.lower().startswith(("microsoft", "azure", "windows")):
            yield Fault(
                place, at.get(place, 0), "Azure keeps names that begin with microsoft, azure or windows to itself."
            )
        if len(value) > 256:
            yield Fault(place, at.get(place, 0), "a tag's value has at most 256 characters.")
