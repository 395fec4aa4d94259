"""ARM's front: addresses, versions, methods, existence checks, throttling, filters and pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mi_tui.sandbox import furnish
from mi_tui.sandbox.arm import paging, versions
from mi_tui.sandbox.arm.limits import Limits
from mi_tui.sandbox.errors import ArmError
from tests.sandbox.arm_harness import (
    DATA,
    GROUP,
    IDENTITIES,
    PROD_GROUP,
    RECORDINGS,
    STORAGE,
    WORKSPACE,
    Arm,
    close_arm,
    open_arm,
)

SUBSCRIPTION = f"/subscriptions/{furnish.DEV}"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path)
    yield opened
    close_arm(opened)


# ---- versions


def test_a_version_that_arm_itself_does_not_have(arm: Arm) -> None:
    answer = arm("GET", GROUP, version="2017-05-11")
    assert (answer.status, answer.code) == (400, "InvalidApiVersionParameter")
    assert answer.message.startswith(
        "The api-version '2017-05-11' is invalid. The supported versions are '2023-07-01,2023-07-01-preview,"
    )
    assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_a_version_that_a_provider_does_not_have_in_a_region(arm: Arm) -> None:
    for answer in (
        arm("GET", DATA, version="2018-07-02"),
        arm("PUT", f"{STORAGE}/newone", {"location": "West Europe"}, version="2018-07-02"),
    ):
        assert (answer.status, answer.code) == (400, "NoRegisteredProviderFound")
        assert answer.message.startswith(
            "No registered resource provider found for location 'westeurope' and API version '2018-07-02' for type 'storageAccounts'. "
            "The supported api-versions are '2025-06-01, 2025-01-01, "
        )
        assert "The supported locations are 'australiacentral, australiaeast, " in answer.message
    assert arm("GET", f"{STORAGE}/newone").status == 404


def test_a_version_that_a_provider_does_not_have_without_a_region(arm: Arm) -> None:
    answer = arm("GET", f"{GROUP}/providers/Microsoft.Authorization/roleAssignments", version="2018-06-01")
    assert (answer.status, answer.code) == (404, "InvalidResourceType")
    assert answer.message.startswith(
        "The resource type 'roleAssignments' could not be found in the namespace 'Microsoft.Authorization' for api version '2018-06-01'. "
        "The supported api-versions are '2014-04-01-preview,2014-07-01-preview,"
    )


def test_a_version_of_tomorrow_is_refused(arm: Arm) -> None:
    assert arm("GET", DATA, version="2999-01-01").status == 400


def test_every_version_that_was_recorded_is_known() -> None:
    if not RECORDINGS.exists():
        pytest.skip("the recordings of Azure's traffic are not beside this checkout")
    seen = set()
    for file in RECORDINGS.glob("*.json"):
        for exchange in json.loads(file.read_text("utf-8")):
            url = urlsplit(exchange["request"]["url"])
            version = parse_qs(url.query).get("api-version", [""])[0]
            namespace = re.search(r".*/providers/([^/]+)", url.path)
            if url.hostname == "management.azure.com" and version:
                seen.add((namespace.group(1).lower() if namespace else "microsoft.resources", version))
    assert len(seen) > 10
    assert not [one for one in seen if one[0] in versions.VERSIONS and not versions.known(*one)]


# ---- addresses and methods


def test_a_doubled_slash_is_understood(arm: Arm) -> None:
    assert arm("GET", f"https://management.azure.com/{GROUP}").status == 200
    doubled = DATA.replace("/providers/", "//providers//")
    assert arm("GET", doubled, version="2023-05-01").json["name"] == furnish.DATA_ACCOUNT


def test_an_address_may_not_be_endless(arm: Arm) -> None:
    answer = arm("GET", GROUP, **{"$filter": "x" * 20_000})
    assert (answer.status, answer.code) == (414, "RequestUriTooLong")


def test_a_wrong_method_is_told(arm: Arm) -> None:
    answer = arm("POST", DATA)
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    assert answer.message.startswith(
        f"The HTTP method 'POST' is not supported on the resource 'https://management.azure.com{DATA}?api-"
    )


@pytest.mark.parametrize(
    "path", [DATA, WORKSPACE, f"{IDENTITIES}/{furnish.IDENTITY}", GROUP, f"{WORKSPACE}/datastores/workspaceblobstore"]
)
def test_existence_can_be_asked(arm: Arm, path: str) -> None:
    there = arm("HEAD", path)
    assert (there.status, there.json) == (204, "")
    if path != GROUP:  # of another group nobody may ask
        assert arm("HEAD", path + "x").status == 404


def test_a_list_has_no_existence(arm: Arm) -> None:
    assert arm("HEAD", STORAGE).status == 405


def test_the_body_of_a_get_is_not_looked_at(arm: Arm) -> None:
    assert arm("GET", GROUP, b"{no json").status == 200


def test_line_ends_within_a_string_are_taken(arm: Arm) -> None:
    body = b'{"location": "westeurope", "tags": {"conda": "name: model-env\ndependencies:\n\t- pip"}}'
    made = arm("PUT", f"{IDENTITIES}/id-lines", body)
    assert (made.status, made.json["tags"]) == (201, {"conda": "name: model-env\ndependencies:\n\t- pip"})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{no json", "Invalid property identifier character: n. Path '', line 1, position 2."),
        (b'{"a"', "Unexpected end when reading JSON. Path '', line 1, position 5."),
        (
            b'{"a": 1} x',
            "Additional text encountered after finished reading JSON content: x. Path '', line 1, position 10.",
        ),
        (
            b'{"a": 1 "b"',
            "After parsing a value an unexpected character was encountered: \". Path '', line 1, position 9.",
        ),
        (b'{"a": x}', "Unexpected character encountered while parsing value: x. Path '', line 1, position 7."),
        (
            b"[]",
            "Error reading JObject from JsonReader. Current JsonReader item is not an object: StartArray. Path '', line 1, position 1.",
        ),
        (
            b"\xed\xa0\x80",
            "Unexpected character encountered while parsing value: \\ud800. Path '', line 1, position 1.",
        ),
    ],
)
def test_a_body_that_is_no_object_is_told_why(arm: Arm, body: bytes, why: str) -> None:
    answer = arm("PUT", GROUP, body)
    assert (answer.status, answer.code) == (400, "InvalidRequestContent")
    assert answer.message == f"The request content was invalid and could not be deserialized: '{why}'."


@pytest.mark.parametrize("kind", ["computes", "jobs", "data", "connections"])
def test_what_a_workspace_never_has_is_an_empty_list(arm: Arm, kind: str) -> None:
    assert arm("GET", f"{WORKSPACE}/{kind}").json == {"value": []}
    assert arm("GET", f"{WORKSPACE}/{kind}/one").status == 404
    assert arm("GET", f"{WORKSPACE}x/{kind}").status == 404


# ---- throttling


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    limits = Limits(1.0, clock)
    path = f"/subscriptions/{furnish.DEV}/resourceGroups"
    assert limits.take("GET", "me", path) == {
        "x-ms-ratelimit-remaining-subscription-reads": "249",
        "x-ms-ratelimit-remaining-subscription-global-reads": "3749",
    }
    for _ in range(248):
        limits.take("GET", "me", path)
    assert limits.take("HEAD", "me", path)["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    with pytest.raises(ArmError) as refused:
        limits.take("GET", "me", path)
    assert (refused.value.status, refused.value.code) == (429, "SubscriptionRequestsThrottled")
    assert refused.value.headers["Retry-After"] == "1"
    assert refused.value.message == (
        f"Number of 'read' requests for subscription '{furnish.DEV}' actor 'me' exceeded. Please try again after '1' seconds."
    )
    # Others, other kinds of request and what is not in the subscription are not in this bucket.
    limits.take("GET", "you", path)
    assert limits.take("PUT", "me", path)["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert limits.take("DELETE", "me", path)["x-ms-ratelimit-remaining-subscription-deletes"] == "199"
    assert limits.take("GET", "me", "/tenants") == {"x-ms-ratelimit-remaining-tenant-reads": "249"}
    clock.now += 1
    for _ in range(25):
        limits.take("GET", "me", path)
    with pytest.raises(ArmError):
        limits.take("GET", "me", path)


def test_all_principals_share_a_larger_bucket() -> None:
    limits = Limits(1.0, Clock())
    path = f"/subscriptions/{furnish.DEV}"
    for number in range(3750):
        limits.take("GET", f"principal {number % 15}", path)
    with pytest.raises(ArmError):
        limits.take("GET", "a new one", path)


def test_a_faster_time_has_larger_buckets() -> None:
    limits = Limits(10.0, Clock())
    for _ in range(2500):
        limits.take("GET", "me", "/tenants")
    with pytest.raises(ArmError):
        limits.take("GET", "me", "/tenants")


# ---- filters and pages


def test_groups_are_filtered_by_tag(arm: Arm) -> None:
    arm("PATCH", GROUP, {"tags": {"stage": "dev"}})
    groups = f"{SUBSCRIPTION}/resourceGroups"

    def found(text: str) -> int:
        return len(arm("GET", groups, **{"$filter": text}).json["value"])

    assert found("tagName eq 'stage'") == found("tagName eq 'Stage' and tagValue eq 'DEV'") == 1
    assert found("tagName eq 'stage' and tagValue eq 'prod'") == found("tagName eq 'other'") == 0
    assert arm("GET", groups, **{"$filter": "nonsense"}).code == "InvalidFilterInQueryString"
    assert arm("GET", groups, **{"$filter": "location eq 'westeurope'"}).status == 400


def test_resources_are_filtered(arm: Arm) -> None:
    def found(text: str) -> set[str]:
        return {one["name"] for one in arm("GET", f"{GROUP}/resources", **{"$filter": text}).json["value"]}

    accounts = found("resourceType eq 'Microsoft.Storage/storageAccounts'")
    assert furnish.DATA_ACCOUNT in accounts
    assert found(f"name eq '{furnish.DATA_ACCOUNT}' and resourceType eq 'microsoft.storage/STORAGEACCOUNTS'") == {
        furnish.DATA_ACCOUNT
    }
    assert found("substringof('contoso', name)") <= accounts
    both = found(
        "resourceType eq 'Microsoft.Storage/storageAccounts' or resourceType eq 'Microsoft.ManagedIdentity/userAssignedIdentities'"
    )
    assert both == accounts | {furnish.IDENTITY}
    assert not found("location eq 'eastus'")
    assert found("resourceType ne 'Microsoft.Storage/storageAccounts'").isdisjoint(accounts)


def test_a_tag_of_a_group_is_changed(arm: Arm) -> None:
    answer = arm("PATCH", GROUP, {"tags": {"a": "b"}})
    assert (answer.status, answer.json["tags"]) == (200, {"a": "b"})
    assert arm("PATCH", PROD_GROUP, {"tags": {}}).code == "AuthorizationFailed"


def walk(arm: Arm, path: str, **query: str) -> list[list[str]]:
    """The names on each page of a list."""
    answer = arm("GET", path, **query)
    pages = []
    while True:
        pages.append([one["name"] for one in answer.json["value"]])
        if "nextLink" not in answer.json:
            return pages
        assert answer.json["nextLink"].startswith("https://management.azure.com/subscriptions/")
        answer = arm("GET", answer.json["nextLink"])


def test_resources_come_in_pages(arm: Arm) -> None:
    whole = walk(arm, f"{GROUP}/resources")
    assert len(whole) == 1
    pages = walk(arm, f"{GROUP}/resources", **{"$top": "3"})
    assert [name for page in pages for name in page] == whole[0]
    assert {len(page) for page in pages[:-1]} == {3}
    filtered = walk(
        arm, f"{GROUP}/resources", **{"$top": "1", "$filter": "resourceType eq 'Microsoft.Storage/storageAccounts'"}
    )
    assert len(filtered) > 2


def test_what_a_page_told_may_be_deleted_before_the_next(arm: Arm) -> None:
    for number in range(7):
        assert arm("PUT", f"{IDENTITIES}/paged-{number}", {"location": "westeurope"}).status == 201
    seen = []
    identities = "Microsoft.ManagedIdentity/userAssignedIdentities"
    answer = arm(
        "GET",
        f"{GROUP}/resources",
        **{"$top": "2", "$filter": f"resourceType eq '{identities}' and substringof('paged', name)"},
    )
    while True:
        for one in answer.json["value"]:
            seen.append(one["name"])
            assert arm("DELETE", one["id"]).status == 200
        if "nextLink" not in answer.json:
            break
        answer = arm("GET", answer.json["nextLink"])
    assert seen == [f"paged-{number}" for number in range(7)]


@pytest.mark.parametrize("top", ["0", "-1", "x", "1e3", "²", "99999999999"])
def test_a_senseless_top_is_refused(arm: Arm, top: str) -> None:
    assert arm("GET", f"{GROUP}/resources", **{"$top": top}).status == 400


@pytest.mark.parametrize("token", ["nonsense", "bnVsbA==", "WzEsIDIsIDNd", "é"])
def test_a_foreign_token_is_refused(arm: Arm, token: str) -> None:
    answer = arm("GET", f"{GROUP}/resources", **{"$skiptoken": token})
    assert (answer.status, answer.code) == (400, "InvalidSkipToken")


def test_versions_of_a_model_come_newest_first_and_in_pages(arm: Arm) -> None:
    uri = "azureml://subscriptions/x/resourcegroups/y/workspaces/z/datastores/workspaceblobstore/paths/m.pkl"
    count = paging.ML_ASSETS.size + 5
    for number in range(1, count + 1):
        assert arm("PUT", f"{WORKSPACE}/models/many/versions/{number}", {"properties": {"modelUri": uri}}).status == 201
    versions_ = f"{WORKSPACE}/models/many/versions"
    newest_first = [str(number) for number in range(count, 0, -1)]
    pages = walk(arm, versions_)
    assert [len(page) for page in pages] == [paging.ML_ASSETS.size, 5]
    assert [name for page in pages for name in page] == newest_first
    oldest_first = walk(arm, versions_, **{"$orderBy": "createdtime asc", "$top": "10"})
    assert [name for page in oldest_first for name in page] == newest_first[::-1]
    assert "$skip=" in arm("GET", versions_).json["nextLink"]


# ---- providers


def test_a_provider_is_registered_over_time(tmp_path: Path) -> None:
    arm = open_arm(tmp_path, principal=furnish.USER_ID, storage_account=0.3)
    try:
        owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
        from mi_tui.sandbox import grants

        grants.assign(arm.world, SUBSCRIPTION, furnish.USER_ID, owner, by=furnish.ADMIN_ID, immediate=True)
        cdn = f"{SUBSCRIPTION}/providers/Microsoft.Cdn"
        assert arm("GET", cdn).json["registrationState"] == "Registered"
        assert arm("POST", f"{cdn}/unregister").json["registrationState"] == "Unregistering"
        arm.until(lambda: arm("GET", cdn).json["registrationState"] == "NotRegistered")
        assert arm("POST", f"{cdn}/register").json["registrationState"] == "Registering"
        assert arm("POST", f"{cdn}/register").json["registrationState"] == "Registering"
        arm.until(lambda: arm("GET", cdn).json["registrationState"] == "Registered")
        refused = arm("POST", f"{SUBSCRIPTION}/providers/Microsoft.Storage/unregister")
        assert (refused.status, refused.code) == (409, "CannotUnregisterProvider")
    finally:
        close_arm(arm)


def test_a_provider_tells_its_types_and_versions(arm: Arm) -> None:
    for path in (f"{SUBSCRIPTION}/providers/Microsoft.Storage", "/providers/microsoft.storage"):
        types = {one["resourceType"]: one for one in arm("GET", path).json["resourceTypes"]}
        assert types["storageAccounts"]["apiVersions"][0] == "2025-06-01"
        assert "storageAccounts/blobServices/containers" in types
    assert arm("GET", "/providers/Contoso.Nothing").code == "InvalidResourceNamespace"
    assert len(arm("GET", f"{SUBSCRIPTION}/providers", **{"$top": "2"}).json["value"]) == 2
