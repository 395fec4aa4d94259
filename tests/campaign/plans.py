"""Random answers: system- or user-assigned, with parts that are new and parts that were here before."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_tui.sandbox import furnish

REPOSITORY = Path(__file__).resolve().parents[2]
SCORING = REPOSITORY / "scoring"
_BLOBS = ("hello.txt", "folder/deep/hello.txt", "with space & + é.txt", "100%.txt")


@dataclass(frozen=True)
class Choice:
    """What a round deploys. `scores` is False where it asks for something that must fail honestly."""

    words: str
    answers: dict[str, Any]
    scores: bool

    def write(self, folder: Path) -> Path:
        """The answers file; every JSON is YAML."""
        path = folder / "answers.yaml"
        path.write_text(json.dumps(self.answers, indent=1))
        return path

    @property
    def uai(self) -> bool:
        """Whether the identity is user-assigned."""
        return bool(self.answers["identity"]["kind"] == "uai")


def fresh(kind: str, name: str, folder: Path) -> Choice:
    """All parts new."""
    return _choice(kind, name, folder, f"st{name}", "inputs", "hello.txt", f"id-{name}", upload=True)


def pick(dice: random.Random, name: str, folder: Path) -> Choice:
    """A random plan whose new parts have `name` in their names. Files of its own go to `folder`."""
    kind = dice.choice(("sai", "uai"))
    account = dice.choice((f"st{name}", f"st{name}", furnish.DATA_ACCOUNT, furnish.KEYLESS_ACCOUNT))
    old_account = not account.startswith(f"st{name}")
    container = furnish.CONTAINER if old_account and dice.random() < 0.5 else f"c-{name}"
    old_blob = old_account and container == furnish.CONTAINER and dice.random() < 0.5
    blob = furnish.WELCOME if old_blob else dice.choice(_BLOBS)
    if not old_blob and container == furnish.CONTAINER:
        blob = f"{name}-{blob}"
    identity = dice.choice((furnish.IDENTITY, f"id-{name}"))
    return _choice(
        kind, name, folder, account, container, blob, identity,
        upload=not old_blob or dice.random() < 0.5,
        scope=dice.choice(("container", "container", "account")),
        grants="skip" if dice.random() < 0.08 else "make",
        tags={"team": "campaign"} if dice.random() < 0.5 else {},
        own_model=dice.random() < 0.5,
        own_code=dice.random() < 0.5,
    )  # fmt: skip


def _choice(
    kind: str,
    name: str,
    folder: Path,
    account: str,
    container: str,
    blob: str,
    identity: str,
    *,
    upload: bool,
    scope: str = "container",
    grants: str = "make",
    tags: dict[str, str] | None = None,
    own_model: bool = False,
    own_code: bool = False,
) -> Choice:
    model, code = SCORING / "model", SCORING / "code"
    if own_model:
        # Several files, of a content that nobody uploaded before: an upload can end half done.
        model = Path(shutil.copytree(model, folder / "model"))
        for number in range(4):
            (model / f"part-{number}.txt").write_text(f"{name} {number}\n" * 50)
    if own_code:
        code = Path(shutil.copytree(code, folder / "code"))
        (code / "marker.py").write_text(f"NAME = {name!r}\n")
    storage = {"account": account, "container": container, "blob": blob, "scope": scope}
    if upload:
        storage["upload"] = str(SCORING / "hello.txt")
    answers = {
        "workspace": {"subscription": furnish.DEV, "resource_group": furnish.GROUP, "name": furnish.WORKSPACE},
        "identity": {"kind": kind, **({"name": identity} if kind == "uai" else {})},
        "storage": storage,
        "endpoint": {"name": f"ep-{name}"},
        "deployment": {"model": str(model), "code": str(code), "conda": str(SCORING / "environment" / "conda.yaml")},
        "request": str(SCORING / "sample-request.json"),
        "grants": grants,
        "tags": tags or {},
    }
    who = kind if kind == "sai" else f"uai {identity}"
    words = f"{who}, {account}/{container}/{blob}, scope {scope}, grants {grants}"
    return Choice(words, answers, grants == "make")
