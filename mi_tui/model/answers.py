"""Answers: what the person chose. One YAML file holds it; commands and wizard read and write the same file.

The fields' docstrings below are the only place where a field is explained; the template and the documentation are made from them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class IdentityKind(StrEnum):
    """Which managed identity the endpoint gets. Azure does not let it be changed once the endpoint exists."""

    SAI = "sai"
    UAI = "uai"

    @property
    def words(self) -> str:
        """The kind as Azure's documentation writes it."""
        return "system-assigned" if self is IdentityKind.SAI else "user-assigned"


class GrantScope(StrEnum):
    """How far the endpoint may read: one container, or the whole account."""

    CONTAINER = "container"
    ACCOUNT = "account"


class GrantPolicy(StrEnum):
    """Who makes the role assignments: this run, or somebody with the right to."""

    MAKE = "make"
    SKIP = "skip"


def _field(words: str, example: str = "") -> Meta:
    return Meta(description=words, examples=[example] if example else None)


class Workspace(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the endpoint will live."""

    subscription: Annotated[str, _field("The subscription's id, a GUID.", "11111111-2222-3333-4444-555555555555")]
    resource_group: Annotated[
        str, _field("The resource group of the workspace; new resources are made in it too.", "rg-ml-dev")
    ]
    name: Annotated[str, _field("The Azure ML workspace.", "ml-dev")]


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """Who the endpoint is when it reads storage."""

    kind: Annotated[
        IdentityKind,
        _field(
            "sai: born and deleted with the endpoint, 1 grant. uai: lives on its own, can be shared, 3 grants. Cannot be changed later."
        ),
    ] = IdentityKind.SAI
    name: Annotated[
        str | None,
        _field(
            "uai only: the user-assigned identity. One that exists is used; otherwise it is made.", "id-my-endpoint"
        ),
    ] = None
    resource_group: Annotated[
        str | None, _field("uai only: the identity's resource group, when it is not the workspace's.", "rg-identities")
    ] = None


class Storage(Struct, frozen=True, forbid_unknown_fields=True):
    """The file that the scoring script reads."""

    account: Annotated[
        str, _field("The storage account. One in your group is used; otherwise it is made.", "stmyendpoint01")
    ]
    resource_group: Annotated[
        str | None,
        _field(
            "The account's resource group, when it is not the workspace's. The account must exist there.", "rg-data"
        ),
    ] = None
    container: Annotated[str, _field("The container. One that exists is used; otherwise it is made.", "inputs")] = (
        "inputs"
    )
    blob: Annotated[str, _field("The blob's name in the container.", "hello.txt")] = "hello.txt"
    upload: Annotated[
        str | None,
        _field(
            "A local file to upload as that blob. Leave it out when the blob is already there; one that exists is never overwritten.",
            "hello.txt",
        ),
    ] = None
    scope: Annotated[
        GrantScope,
        _field("What the endpoint may read: container (the least that works) or account (everything in the account)."),
    ] = GrantScope.CONTAINER


class Endpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """The online endpoint. Key authentication."""

    name: Annotated[str, _field("Unique in the region, among all customers of Azure.", "ep-my-endpoint-01")]
    replace_broken: Annotated[
        bool,
        _field(
            "true: an endpoint of this name that was never made completely, and holds nothing, is deleted and made again."
        ),
    ] = False


class Deployment(Struct, frozen=True, forbid_unknown_fields=True):
    """What runs behind the endpoint."""

    model: Annotated[
        str, _field("The folder (or file) with the model. The script finds it under AZUREML_MODEL_DIR.", "model")
    ]
    code: Annotated[
        str, _field("The folder with the scoring script. A .amlignore in it says what is not uploaded.", "code")
    ]
    conda: Annotated[str, _field("The conda file of the environment.", "environment/conda.yaml")]
    name: Annotated[str, _field("The deployment's name; it gets all traffic.", "blue")] = "blue"
    scoring_script: Annotated[str, _field("The script in the code folder, with init() and run().", "score.py")] = (
        "score.py"
    )
    image: Annotated[str, _field("The base image that the conda environment is built on.")] = (
        "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
    )
    instance_type: Annotated[str, _field("The size of the machine. It bills while the deployment exists.")] = (
        "Standard_DS3_v2"
    )
    instance_count: Annotated[int, _field("How many machines, 1 to 50."), Meta(ge=1, le=50)] = 1
    environment_variables: Annotated[
        dict[str, str],
        _field(
            "More variables for the script. STORAGE_ACCOUNT_NAME, STORAGE_CONTAINER_NAME, FILE_NAME and UAI_CLIENT_ID are set for you."
        ),
    ] = {}


class Answers(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a run needs to know. Paths are relative to the folder of the answers file."""

    workspace: Workspace
    storage: Storage
    endpoint: Endpoint
    deployment: Deployment
    identity: Identity = Identity()
    request: Annotated[
        str | None,
        _field(
            "A JSON file to send as the first request; its answer proves that the endpoint works.",
            "sample-request.json",
        ),
    ] = None
    grants: Annotated[
        GrantPolicy,
        _field(
            "make: this run grants the roles. skip: somebody else grants them; the plan says which ones are needed."
        ),
    ] = GrantPolicy.MAKE
    tags: Annotated[dict[str, str], _field("Tags for whatever is made.")] = {}


RESERVED_VARIABLES = frozenset({"STORAGE_ACCOUNT_NAME", "STORAGE_CONTAINER_NAME", "FILE_NAME", "UAI_CLIENT_ID"})
"""Variables that the run computes; answers may not set them."""

RESERVED_TAG = "mi-tui-run"
"""The tag that a run puts on whatever it makes, as evidence of who made it; answers may not set it."""

MOST_TAGS = 49
"""Azure's limit is 50 for a resource, and one is the run's own."""


def to_yaml(answers: Answers) -> str:
    """The answers as the file that would say the same; reading it gives equal answers."""
    return msgspec.yaml.encode(msgspec.to_builtins(answers), order=None).decode()
