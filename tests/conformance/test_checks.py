"""The checks themselves can fail: each is given an answer that is wrong in one way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import xml_shapes
from tests.conformance.differences import Difference
from tests.conformance.exchange import BOM, Exchange
from tests.conformance.explained import Entry, entries, explain
from tests.conformance.forms import date_form, path_form, sentence_form
from tests.conformance.openapi import Files
from tests.conformance.operations import arm_operation, class_of
from tests.conformance.recording_check import Recordings
from tests.conformance.spec_check import Specification

PATH = "/subscriptions/0/resourceGroups/rg/providers/Contoso.Things/things/one"
COMMON = {
    "info": {"version": "2023-01-01"},
    "definitions": {"Name": {"type": "string", "minLength": 2}},
}
FILE: dict[str, Any] = {
    "info": {"version": "2023-01-01"},
    "paths": {
        "/subscriptions/{s}/resourceGroups/{g}/providers/Contoso.Things/things/{name}": {
            "put": {
                "parameters": [
                    {"name": "mode", "in": "query", "required": True, "type": "string", "enum": ["fast"]},
                    {"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Thing"}},
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/Thing"}}, "default": {"schema": {"$ref": "#/definitions/Error"}}},
            }
        }
    },
    "definitions": {
        "Thing": {
            "type": "object",
            "required": ["id", "kind"],
            "properties": {
                "id": {"type": "string", "readOnly": True, "format": "arm-id"},
                "name": {"$ref": "./common.json#/definitions/Name"},
                "note": {"type": "string", "x-nullable": True},
                "made": {"type": "string", "format": "date-time"},
                "state": {"type": "string", "enum": ["Ready"], "x-ms-enum": {"modelAsString": True}},
                "fixed": {"type": "string", "enum": ["Yes"], "x-ms-enum": {"modelAsString": False}},
                "kind": {"$ref": "#/definitions/Kind"},
            },
        },
        "Kind": {"type": "object", "discriminator": "is", "required": ["is"], "properties": {"is": {"type": "string"}}},
        "Round": {
            "allOf": [{"$ref": "#/definitions/Kind"}], "x-ms-discriminator-value": "round", "required": ["radius"],
            "properties": {"radius": {"type": "integer", "format": "int32"}},
        },
        "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}},
    },
}  # fmt: skip
THING = {"id": PATH, "kind": {"is": "round", "radius": 1}}


@pytest.fixture
def specification(tmp_path: Path) -> Specification:
    (tmp_path / "things.json").write_text(json.dumps(FILE))
    (tmp_path / "common.json").write_text(json.dumps(COMMON))
    return Specification(Files(tmp_path))


def exchange(answer: Any = THING, status: int = 200, asked: Any = None, **changes: Any) -> Exchange:
    """A PUT of a thing with everything right but what is changed."""
    right = Exchange(
        "PUT", "management.azure.com", PATH, "api-version=2023-01-01&mode=fast", {},
        json.dumps({"kind": {"is": "round", "radius": 1}} if asked is None else asked), status, {"content-type": "application/json"},
        json.dumps(answer),
    )  # fmt: skip
    return replace(right, **changes)


def kinds(found: list[Difference]) -> list[tuple[str, str]]:
    return [(difference.kind, difference.at) for difference in found]


def test_what_is_right_has_no_difference(specification: Specification) -> None:
    for answer in (THING, {**THING, "note": None, "state": "Unheard", "made": "2024-01-01T00:00:00.1Z", "name": "ab"}):
        assert specification.compare(exchange(answer)) == ("2023-01-01", [])
    newer = exchange(query="api-version=2024-01-01&mode=fast")
    assert specification.compare(newer) == ("~2023-01-01", [])


@pytest.mark.parametrize(
    ("change", "kind", "at"),
    [
        ({"kind": {"is": "round"}}, "missing", ".kind.radius"),
        ({"kind": {"is": "Round", "radius": 1}}, "case", ".kind.is"),
        ({"kind": {"is": "round", "radius": "1"}}, "type", ".kind.radius"),
        ({"kind": {"is": "round", "radius": 2**31}}, "format", ".kind.radius"),
        ({"kind": {"is": "round", "radius": 1, "colour": 1}}, "undeclared", ".kind.colour"),
        ({"name": "x"}, "minLength", ".name"),
        ({"name": None}, "type", ".name"),
        ({"made": "yesterday"}, "format", ".made"),
        ({"state": "ready"}, "case", ".state"),
        ({"fixed": "No"}, "case", ".fixed"),
        ({"id": "one"}, "format", ".id"),
        ({"more": 1}, "undeclared", ".more"),
    ],
)
def test_a_wrong_answer_is_told(specification: Specification, change: dict[str, Any], kind: str, at: str) -> None:
    assert (kind, at) in kinds(specification.compare(exchange({**THING, **change}))[1])


def test_wrong_requests_and_statuses_are_told(specification: Specification) -> None:
    def told(wrong: Exchange) -> list[tuple[str, str]]:
        return kinds(specification.compare(wrong)[1])

    assert told(exchange(query="api-version=2023-01-01")) == [("missing", "request ?mode")]
    assert told(exchange(query="api-version=2023-01-01&mode=Fast")) == [("case", "request ?mode")]
    assert told(exchange(query="api-version=2023-01-01&mode=fast&x=1")) == [("parameter", "request ?x")]
    assert told(exchange(asked={})) == [("missing", "request .kind")]
    assert told(exchange(status=202)) == [("status", "status")]
    assert told(exchange(body="")) == [("body", "body")]
    assert told(exchange({"Error": 1}, status=404, asked={})) == [("missing", ".error"), ("undeclared", ".Error")]


RECORDED = exchange(
    {
        "id": PATH,
        "properties": {"state": "Succeeded", "made": "2024-01-01T00:00:00.1234567Z", "tags": {"a": "b"}, "count": 1},
    },
    headers={
        "content-type": "application/json",
        "location": f"https://management.azure.com{PATH}?api-version=1",
        "x-ms-seen": "1",
    },
)


@pytest.mark.parametrize(
    ("properties", "kind", "at"),
    [
        ({"state": "succeeded"}, "case", ".properties.state"),
        ({"made": "2024-01-01T00:00:00Z"}, "date", ".properties.made"),
        ({"made": "2024-01-01T00:00:00.1234567+00:00"}, "date", ".properties.made"),
        ({"count": "1"}, "type", ".properties.count"),
        ({"count": None}, "type", ".properties.count"),
        ({"tags": []}, "type", ".properties.tags"),
    ],
)
def test_an_answer_unlike_the_recorded_one_is_told(properties: dict[str, Any], kind: str, at: str) -> None:
    body = {**RECORDED.json, "properties": {**RECORDED.json["properties"], **properties}}
    assert kinds(Recordings([RECORDED]).compare(replace(RECORDED, body=json.dumps(body)))[1]) == [(kind, at)]


def test_ids_headers_and_missing_members_are_told() -> None:
    def told(**changes: Any) -> list[tuple[str, str]]:
        return kinds(Recordings([RECORDED]).compare(replace(RECORDED, **changes))[1])

    assert told() == []
    body = RECORDED.json
    assert told(body=json.dumps({**body, "id": PATH.replace("resourceGroups", "resourcegroups")})) == [("id", ".id")]
    assert told(body=json.dumps({"id": PATH})) == [("missing", ".properties")]
    assert told(body=json.dumps({**body, "properties": {**body["properties"], "tags": {"c": "d"}}})) == []
    headers = RECORDED.headers
    assert told(headers={**headers, "retry-after": "1"}) == [("unrecorded", "header retry-after")]
    assert told(headers={**headers, "content-type": "application/json; charset=utf-8"}) == [
        ("value", "header content-type")
    ]
    assert told(headers={**headers, "location": PATH}) == [("value", "header location")]
    assert told(headers={name: value for name, value in headers.items() if name != "x-ms-seen"}) == [
        ("missing", "header x-ms-seen")
    ]


def test_an_errors_sentence_is_compared_without_what_it_names() -> None:
    def refused(message: str) -> Exchange:
        return exchange({"error": {"code": "Wrong", "message": message}}, status=400)

    recordings = Recordings([refused("The thing 'a' is wrong.")])
    assert recordings.compare(refused("The thing 'b' is wrong.")) == (1, [])
    assert kinds(recordings.compare(refused("The thing 'b' is bad."))[1]) == [("sentence", "message")]
    assert sentence_form("No RequestId:1-2\nTime:2024 'x'") == "No RequestId:{}\nTime:{} '{}'"


def test_xml_is_compared_to_the_byte_order_mark() -> None:
    recorded = f'{BOM}<?xml version="1.0" encoding="utf-8"?><R A="1"><P>1</P><MaxResults>5</MaxResults><Q /></R>'

    def told(text: str) -> list[str]:
        return [kind for kind, _, _ in xml_shapes.compare([recorded], text, {})]

    assert told(recorded.replace("<MaxResults>5</MaxResults>", "")) == []
    assert told(recorded[1:]) == ["prolog"]
    assert told(recorded.replace("utf-8", "UTF-8")) == ["prolog"]
    assert told(recorded.replace('"1">', '"1" B="2">')) == ["attributes"]
    assert told(recorded.replace("<Q />", "").replace("<P>", "<Q /><P>")) == ["order"]
    assert told(recorded.replace("<Q />", "")) == ["missing"]


def test_operations_are_named_alike_whatever_the_names_in_them() -> None:
    assert arm_operation(PATH) == "contoso.things/things/{}"
    scoped = f"{PATH}/providers/Microsoft.Authorization/roleAssignments/x"
    assert arm_operation(scoped) == arm_operation("/scope/providers/microsoft.authorization/roleassignments/y")
    assert arm_operation("/subscriptions/0/resourcegroups/rg") == "subscriptions/{}/resourcegroups/{}"
    blob = exchange(
        host="a.blob.core.windows.net", path="/c/b", query="comp=block&blockid=YQ==", method="PUT", status=201
    )
    assert str(class_of(blob)) == "PUT blob blob block 201"


def test_forms() -> None:
    assert date_form("2024-01-01T00:00:00.1234567Z") == "7 digits, Z"
    assert date_form("2024-01-01T00:00:00.120+00:00") != date_form("2024-01-01T00:00:00.12+00:00")
    assert path_form("https://a.blob.core.windows.net/c/b?sv=1&sig=2") == "https://{}.blob.core.windows.net/...?sig&sv"
    assert path_form("/subscriptions/0/resourcegroups/x") == "/subscriptions/{}/resourcegroups/{}"


def test_the_list_of_reasons(tmp_path: Path) -> None:
    found = Difference("spec", "GET things 200", "missing", ".value[].a", "why")
    fits, other = Entry("spec", "GET things*", ".value[].*", "missing", "r"), Entry("recording", "*", "*", "*", "r")
    explained, unexplained, useless = explain([found], [fits, other])
    assert (explained, unexplained, useless) == ({found: fits}, [], [other])
    assert explain([found], [other])[1] == [found]
    assert all(entry.reason for entry in entries())
    (tmp_path / "list.yaml").write_text("- of: GET x\n")
    with pytest.raises(ValueError, match="no reason"):
        entries(tmp_path / "list.yaml")
