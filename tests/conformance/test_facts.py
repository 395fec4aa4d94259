"""Facts of Azure's answers that hold without any material beside the checkout: codes, headers and shapes of a running sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.coverage import unexercised
from tests.conformance.drive import drive_by_hand
from tests.conformance.exchange import BOM, Exchange, read
from tests.conformance.operations import class_of

ML = "microsoft.machinelearningservices/workspaces/{}"
CONTAINERS = "microsoft.storage/storageaccounts/{}/blobservices/default/containers"


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    return list(read(drive_by_hand(tmp_path_factory.mktemp("conformance"))))


def one(exchanges: list[Exchange], of: str) -> Exchange:
    """The first exchange of a class."""
    found = [exchange for exchange in exchanges if str(class_of(exchange)) == of]
    assert found, f"{of} was not answered; there were {sorted({str(class_of(exchange)) for exchange in exchanges})}"
    return found[0]


def strings(value: Any) -> Iterator[str]:
    """Every text in a body."""
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def test_every_operation_was_asked_for_and_answered(exchanges: list[Exchange]) -> None:
    # What needs a deployment is exercised by the journeys.
    assert unexercised(class_of(exchange) for exchange in exchanges) == []
    assert not [exchange for exchange in exchanges if exchange.status >= 500]


def test_the_recording_holds_no_credential_of_a_request(exchanges: list[Exchange]) -> None:
    assert {e.request_headers.get("authorization", "Bearer") for e in exchanges} <= {"Bearer", "SharedKey"}


def test_a_deletion_that_goes_on_is_202_with_null_and_where_to_ask(exchanges: list[Exchange]) -> None:
    for what in ("onlineendpoints/{}", "onlineendpoints/{}/deployments/{}"):
        gone = one(exchanges, f"DELETE {ML}/{what} 202")
        assert gone.body == "null"
        assert gone.headers["content-type"] == "application/json; charset=utf-8"
        assert gone.headers["x-ms-async-operation-timeout"] == "PT30M"
        assert gone.headers["x-ms-response-type"] == "standard"
        assert "retry-after" not in gone.headers
        assert "/mfeOperationsStatus/" in gone.headers["azure-asyncoperation"]
        assert "/mfeOperationResults/" in gone.headers["location"]


def test_an_endpoint_is_201_and_its_location_is_itself(exchanges: list[Exchange]) -> None:
    made = one(exchanges, f"PUT {ML}/onlineendpoints/{{}} 201")
    assert made.headers["location"].partition("?")[0] == f"https://management.azure.com{made.path}"
    assert made.json["identity"]["type"] == "SystemAssigned"


def test_an_asset_is_deleted_without_a_body(exchanges: list[Exchange]) -> None:
    gone = one(exchanges, f"DELETE {ML}/models/{{}} 200")
    assert (gone.body, gone.headers["content-length"]) == ("", "0")
    assert gone.headers["x-ms-response-type"] == "standard"


def test_storage_begins_with_an_empty_text_and_its_json_names_no_charset(exchanges: list[Exchange]) -> None:
    begun = one(exchanges, "PUT microsoft.storage/storageaccounts/{} 202")
    assert (begun.body, begun.headers["content-type"].partition(";")[0]) == ("", "text/plain")
    for of in (
        "GET microsoft.storage/storageaccounts 200", "GET microsoft.storage/storageaccounts/{} 200", f"GET {CONTAINERS} 200",
        f"GET {CONTAINERS}/{{}} 404 ContainerNotFound",
    ):  # fmt: skip
        assert one(exchanges, of).headers["content-type"] == "application/json"
    keys = one(exchanges, "POST microsoft.storage/storageaccounts/{}/listkeys 200").json["keys"]
    assert [(key["keyName"], key["permissions"]) for key in keys] == [("key1", "FULL"), ("key2", "FULL")]


def test_an_identity_writes_resourcegroups_in_lower_case(exchanges: list[Exchange]) -> None:
    made = one(exchanges, "PUT microsoft.managedidentity/userassignedidentities/{} 201")
    assert "/resourcegroups/" in made.json["id"]
    assert made.headers["location"] == made.json["id"]


def test_dates_have_the_digits_that_each_service_writes(exchanges: list[Exchange]) -> None:
    for exchange in exchanges:
        for text in strings(exchange.json):
            found = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(Z|\+00:00)", text)
            if found is None or found.group(1) is None:
                continue
            digits, zone = found.groups()
            assert len(digits) == 7 if zone == "Z" else not digits.endswith("0"), (str(class_of(exchange)), text)


def test_an_account_sas_that_arm_signs_opens_the_blob_service(exchanges: list[Exchange]) -> None:
    assert "accountSasToken" in one(exchanges, "POST microsoft.storage/storageaccounts/{}/listaccountsas 200").json
    opened = [e for e in exchanges if e.parameters.get("srt") == "sco" and e.method == "GET"]
    assert [(e.status, e.parameters["sv"]) for e in opened] == [(200, "2015-04-05")]


def test_azure_ml_tells_errors_at_length(exchanges: list[Exchange]) -> None:
    missing = one(exchanges, f"GET {ML}/datastores/{{}} 404 UserError").json["error"]
    assert missing["details"] == []
    assert [entry["type"] for entry in missing["additionalInfo"]] == [
        "ComponentName", "Correlation", "Environment", "Location", "Time", "InnerError",
    ]  # fmt: skip


def test_arm_says_how_many_requests_are_left(exchanges: list[Exchange]) -> None:
    read, written = one(exchanges, f"GET {ML} 200"), one(exchanges, f"PUT {ML}/models/{{}}/versions/{{}} 201")
    assert 200 < int(read.headers["x-ms-ratelimit-remaining-subscription-reads"]) < 250
    assert 150 < int(written.headers["x-ms-ratelimit-remaining-subscription-writes"]) < 200
    denied = one(exchanges, "PUT subscriptions/{}/resourcegroups/{} 403 AuthorizationFailed")
    assert not [name for name in denied.headers if "ratelimit" in name]


def test_members_appear_with_the_api_version_that_brought_them(exchanges: list[Exchange]) -> None:
    model = one(exchanges, f"PUT {ML}/models/{{}}/versions/{{}} 201")
    assert (model.api_version, "autoDeleteSetting" in model.json["properties"]) == ("2023-08-01-preview", True)


def test_the_blob_services_errors_are_xml_with_a_byte_order_mark(exchanges: list[Exchange]) -> None:
    missing = one(exchanges, "GET blob blob 404 BlobNotFound")
    assert missing.body.startswith(
        f'{BOM}<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code><Message>'
    )
    assert missing.headers["x-ms-error-code"] == "BlobNotFound"
