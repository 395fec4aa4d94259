"""Azure's naming rules and the ids that mi-tui computes."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_tui.model import names


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (names.STORAGE_ACCOUNT, ["abc", "st0123456789012345678901"], ["ab", "St0", "st-0", "s" * 25, ""]),
        (names.CONTAINER, ["inputs", "a-b-c", "0a0"], ["a--b", "-ab", "ab-", "AB", "ab", "a" * 64]),
        (names.IDENTITY, ["id-1", "A_b", "a" * 128], ["-id", "id", "i d", "a" * 129]),
        (names.ENDPOINT, ["ep1", "Ep-1", "a" * 32], ["1ep", "ep-", "e", "a" * 33, "ep_1", "ep\n1"]),
        (names.BLOB, ["hello.txt", "a/b c/ü.txt"], ["", "a/", "a.", "a\\b", "a\x00", "x" * 1025]),
        (names.SUBSCRIPTION, [str(uuid.uuid4())], ["", "dev", str(uuid.uuid4()) + "0"]),
    ],
)
def test_rules(rule: names.NameRule, good: list[str], bad: list[str]) -> None:
    assert [name for name in good if rule.fault(name)] == []
    assert [name for name in bad if rule.fault(name) is None] == []


def test_a_fault_says_the_rule() -> None:
    assert "3 to 24 lower-case letters and digits" in str(names.STORAGE_ACCOUNT.fault("Bad_Name"))


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_an_assignment_has_one_name_however_its_parts_are_spelled(scope: str, principal: str, role: str) -> None:
    name = names.role_assignment_name(scope, principal, role)
    assert name == names.role_assignment_name(scope, principal, role)
    assert uuid.UUID(name).version == 5


def test_an_assignment_name_depends_on_each_part() -> None:
    made = {
        names.role_assignment_name(*parts)
        for parts in (("/s", "p", "r"), ("/t", "p", "r"), ("/s", "q", "r"), ("/s", "p", "x"))
    }
    assert len(made) == 4
    assert names.role_assignment_name("/S", "P", "R") == names.role_assignment_name("/s", "p", "r")


def test_ids_come_apart() -> None:
    account = names.storage_account_id("s", "rg", "acct")
    parsed = names.parse_id(names.container_id(account, "inputs"))
    assert (parsed.group, parsed.name) == ("rg", "inputs")
    assert parsed.type == "Microsoft.Storage/storageAccounts/blobServices/containers"
    assert names.same_id(account, account.upper() + "/")
    with pytest.raises(ValueError, match="not an Azure resource id"):
        names.parse_id("/subscriptions/x")


def test_short_ids_keep_both_ends() -> None:
    assert names.short_id("short") == "short"
    assert names.short_id("0123456789" * 5, 11) == "01234…56789"
