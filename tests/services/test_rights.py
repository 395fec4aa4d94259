"""Which role definitions allow an action, and what Azure's refusal asks for."""

import pytest

from mi_tui.services import rights

BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete"
ACCOUNT = "Microsoft.Storage/storageAccounts/delete"


@pytest.mark.parametrize(
    ("permissions", "action", "allowed"),
    [
        ({"actions": ["*"]}, ACCOUNT, True),
        ({"actions": ["*"]}, BLOB, False),
        ({"actions": ["*"], "notActions": ["microsoft.storage/*/delete"]}, ACCOUNT, False),
        ({"actions": ["Microsoft.Storage/storageAccounts/*"]}, ACCOUNT.upper(), True),
        ({"actions": ["*/read"]}, ACCOUNT, False),
        ({"actions": [], "dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"]}, BLOB, True),
        ({"actions": [], "dataActions": ["*"], "notDataActions": [BLOB]}, BLOB, False),
        ({}, ACCOUNT, False),
    ],
)  # fmt: skip
def test_what_a_role_allows(permissions: dict[str, object], action: str, allowed: bool) -> None:
    assert rights.allows({"properties": {"permissions": [permissions]}}, action) is allowed


def test_the_refusal_names_action_and_scope() -> None:
    said = (
        "The client 'a@b' with object id 'x' does not have authorization to perform action "
        f"'{ACCOUNT}' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid."
    )
    assert rights.refused(said) == (ACCOUNT, "/subscriptions/s/resourceGroups/g")
    assert rights.refused("Something else.") is None
