"""Diagnosis: a failure, a log or an endpoint's state matched to cause, evidence and fixes. Data only; `mi_tui.guide` finds it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Confidence(StrEnum):
    """How sure a diagnosis is. Only what was read of the world itself, or a text that Azure uses for nothing else, is certain."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """For people."""
        return "not known" if self is Confidence.UNKNOWN else self.value


class Evidence(Struct, frozen=True):
    """One thing that speaks for the diagnosis: a line, an id, a state, a property. `text` comes from outside and is never markup."""

    source: str
    """Where it stands, in words: `failure`, `log inference-server`, `deployment blue`, `role assignments on container inputs`, ..."""
    text: str


class ChangeKind(StrEnum):
    """A change of a plan that mi-tui can make itself, once it was shown and confirmed."""

    GRANT = "grant"
    """Make grants of the plan that were left to somebody else, or are gone. Values: keys of `Plan.grants`; none: all that are missing."""
    WAIT = "wait"
    """Wait until the grants must act, then try again. Values: seconds."""
    REGISTER = "register"
    """Register resource providers. Values: namespaces."""
    INSTANCE_TYPE = "instance-type"
    """Take another size of machine. Values: its name."""
    ENDPOINT_NAME = "endpoint-name"
    """Take another endpoint name. Values: the name."""
    DEPLOYMENT_NAME = "deployment-name"
    """Take another deployment name. Values: the name."""
    STORAGE_ACCOUNT = "storage-account"
    """Take another name for the storage account that is to be made. Values: the name."""
    IDENTITY = "identity"
    """Take the identity that the endpoint has. Values: the kind, and the identity's resource id for `uai`."""
    REPLACE_BROKEN = "replace-broken"
    """Delete the broken leftover of this run's endpoint or deployment and make it again. Values: the endpoint's name."""
    CONDA = "conda"
    """Add or replace lines of the conda file. Values: pip requirements to have in it, such as `azureml-inference-server-http`."""
    CODE = "code"
    """Upload the scoring script's folder again, as it is now. No values."""
    MODEL = "model"
    """Upload the model again, as it is now. No values."""
    VARIABLE = "variable"
    """Set environment variables of the deployment. Values: `NAME=value`; `NAME=` takes it out."""
    TAG = "tag"
    """Set a tag on what is made. Values: `name=value`; an empty value is asked for."""
    RETRY = "retry"
    """Resume as it is: what was in the way passes by itself, or has passed. No values."""


class Change(Struct, frozen=True):
    """One change of a plan: what, and to which values."""

    kind: ChangeKind
    values: tuple[str, ...] = ()


class Fix(Struct, frozen=True, omit_defaults=True):
    """One thing to do, in words for the person. `command` does it by hand, for whoever has the right; `change` lets mi-tui do it."""

    words: str
    command: str = ""
    change: Change | None = None


class Diagnosis(Struct, frozen=True, omit_defaults=True):
    """Why something failed. `fixes` are in order, the best first; the last resort of an unknown failure is `question`."""

    rule: str
    """The rule's id, such as `blob-role-missing`; `unknown` where none fits."""
    cause: str
    """One or two sentences: what is wrong."""
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[Fix, ...] = ()
    links: tuple[str, ...] = ()
    support: tuple[Evidence, ...] = ()
    """What to send to Azure's support: request and correlation ids, times, with their names as `source`."""
    question: str = ""
    """The next useful question, where the cause is not certain."""
    why: str = ""
    """Why the evidence points to the cause."""
