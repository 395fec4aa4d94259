"""Draft: the answers while they are being given. It outlives every screen, and says of each step whether it is complete."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from mi_tui.model import names
from mi_tui.model.answers import (
    Answers,
    Deployment,
    Endpoint,
    GrantPolicy,
    GrantScope,
    Identity,
    IdentityKind,
    Storage,
    Workspace,
)
from mi_tui.model.answers_rules import AnswersError, Fault, name_faults
from mi_tui.model.stage import ASKED as ASKED
from mi_tui.model.stage import Stage as Stage

_OWNER = {"workspace": Stage.WORKSPACE, "identity": Stage.IDENTITY, "storage": Stage.STORAGE}


class Draft(Struct):
    """What has been chosen so far; empty text means not yet. Paths are as typed. See `model.answers` for each field."""

    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""
    location: str = ""
    kind: IdentityKind = IdentityKind.SAI
    identity: str = ""
    identity_group: str = ""
    account: str = ""
    account_group: str = ""
    container: str = "inputs"
    blob: str = "hello.txt"
    upload: str = ""
    scope: GrantScope = GrantScope.CONTAINER
    endpoint: str = ""
    replace_broken: str = ""
    """The endpoint that may be deleted and made again when it is broken: said of one name, not of the next that is typed."""
    deployment: str = "blue"
    model: str = ""
    code: str = ""
    scoring_script: str = "score.py"
    conda: str = ""
    image: str = Deployment("", "", "").image
    instance_type: str = "Standard_DS3_v2"
    instance_count: int = 1
    environment_variables: dict[str, str] = {}
    request: str = ""
    grants: GrantPolicy = GrantPolicy.MAKE
    tags: dict[str, str] = {}
    unfinished: dict[str, tuple[str, str]] = {}
    """What was typed and cannot be an answer: place -> the text, and what is wrong with it. Kept, so that going back loses nothing."""

    @classmethod
    def of(cls, answers: Answers) -> Draft:
        """The draft that says what these answers say."""
        return cls(
            subscription=answers.workspace.subscription,
            resource_group=answers.workspace.resource_group,
            workspace=answers.workspace.name,
            kind=answers.identity.kind,
            identity=answers.identity.name or "",
            identity_group=answers.identity.resource_group or "",
            account=answers.storage.account,
            account_group=answers.storage.resource_group or "",
            container=answers.storage.container,
            blob=answers.storage.blob,
            upload=answers.storage.upload or "",
            scope=answers.storage.scope,
            endpoint=answers.endpoint.name,
            replace_broken=answers.endpoint.name if answers.endpoint.replace_broken else "",
            deployment=answers.deployment.name,
            model=answers.deployment.model,
            code=answers.deployment.code,
            scoring_script=answers.deployment.scoring_script,
            conda=answers.deployment.conda,
            image=answers.deployment.image,
            instance_type=answers.deployment.instance_type,
            instance_count=answers.deployment.instance_count,
            environment_variables=dict(answers.deployment.environment_variables),
            request=answers.request or "",
            grants=answers.grants,
            tags=dict(answers.tags),
        )

    def _unchecked(self) -> Answers:
        uai = self.kind is IdentityKind.UAI
        return Answers(
            workspace=Workspace(self.subscription, self.resource_group, self.workspace),
            identity=Identity(
                self.kind, self.identity or None if uai else None, self.identity_group or None if uai else None
            ),
            storage=Storage(
                self.account, self.account_group or None, self.container, self.blob, self.upload or None, self.scope
            ),
            endpoint=Endpoint(self.endpoint, bool(self.endpoint) and self.replace_broken == self.endpoint),
            deployment=Deployment(
                self.model,
                self.code,
                self.conda,
                self.deployment,
                self.scoring_script,
                self.image,
                self.instance_type,
                self.instance_count,
                dict(self.environment_variables),
            ),
            request=self.request or None,
            grants=self.grants,
            tags=dict(self.tags),
        )

    def answers(self) -> Answers:
        """The answers. AnswersError with every fault while something is missing or wrong; files are not looked at."""
        faults = list(self.faults())
        if faults:
            raise AnswersError(faults)
        return msgspec.convert(msgspec.to_builtins(self._unchecked()), Answers)

    def faults(self, stage: Stage | None = None) -> Iterator[Fault]:
        """What is missing or wrong, in all stages or in one."""
        kept = (Fault(place, 0, words) for place, (_, words) in self.unfinished.items())
        for fault in (*self._missing(), *kept, *name_faults(self._unchecked())):
            if stage is None or stage_of(fault) is stage:
                yield fault

    def _missing(self) -> Iterator[Fault]:
        needed = (
            ("deployment.model", self.model, "choose the folder with your model"),
            ("deployment.code", self.code, "choose the folder with your scoring script"),
            ("deployment.conda", self.conda, "choose the conda file"),
            ("deployment.scoring_script", self.scoring_script, "name the scoring script"),
            ("deployment.instance_type", self.instance_type, "choose an instance type"),
        )
        for place, value, words in needed:
            if not value:
                yield Fault(place, 0, f"{words}.")
        if self.instance_type and (wrong := names.INSTANCE_TYPE.fault(self.instance_type)):
            yield Fault("deployment.instance_type", 0, wrong)
        if not 1 <= self.instance_count <= 50:
            yield Fault("deployment.instance_count", 0, "1 to 50 instances.")

    def keep(self, place: str, text: str, words: str) -> None:
        """Keep a text that cannot be the answer at `place`, with what is wrong with it; without words, forget it."""
        if words:
            self.unfinished[place] = text, words
        else:
            self.unfinished.pop(place, None)

    def kept(self, place: str, otherwise: str) -> str:
        """The text that was typed at `place`, where it is not the answer."""
        return self.unfinished[place][0] if place in self.unfinished else otherwise

    def complete(self, stage: Stage) -> bool:
        """Whether a stage has nothing left to ask."""
        return not any(self.faults(stage))

    def suggest(self, suffix: str) -> None:
        """Fill names that are still empty with ones that are likely to be free; `suffix` is a few random hex digits."""
        self.endpoint = self.endpoint or f"ep-mi-tui-{suffix}"
        self.account = self.account or f"stmitui{suffix}"
        self.identity = self.identity or f"id-mi-tui-{suffix}"


def stage_of(fault: Fault) -> Stage:
    """The stage whose screen can mend a fault."""
    return _OWNER.get(fault.place.split(".")[0], Stage.MODEL)


def name_fault(rule: names.NameRule, value: str) -> str:
    """The rule in words when a name breaks it; empty when it is fine or not yet given."""
    return (rule.fault(value) or "") if value else ""
