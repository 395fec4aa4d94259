"""Ways past the sandbox's rights, and requests that are meant to break it, each of which once worked or nearly did."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import BLOB_READER, GROUP, WORKSPACE, Arm, close_arm, open_arm, stranger
from blob_harness import Wire
from blob_harness import new_world as blob_world
from online_harness import ENDPOINTS, VERSION, Online, close_online, endpoint_body, open_online, user_identity

from mi_tui.sandbox import furnish
from mi_tui.sandbox.app import told_query
from mi_tui.sandbox.inference import InferenceApp
from mi_tui.sandbox.paths import make_private
from mi_tui.sandbox.tokens import ARM, TokenError

ASSIGNMENT = "providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    arm = open_arm(tmp_path)
    yield arm
    close_arm(arm)


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Online]:
    online = open_online(tmp_path)
    yield online
    close_online(online)


def test_only_user_assigned_identities_can_be_attached(online: Online) -> None:
    """Attaching another endpoint, or the workspace, would lend its principal to a script."""
    online.endpoint("ep-victim")
    for lent in (f"{ENDPOINTS}/ep-victim", WORKSPACE):
        answer = online.arm("PUT", f"{ENDPOINTS}/ep-thief", endpoint_body(user_identity(lent)), version=VERSION)
        assert (answer.status, answer.code) == (400, "FailedIdentityOperation")
    assert online.arm("GET", f"{ENDPOINTS}/ep-thief", version=VERSION).status == 404


def test_an_operation_is_told_to_those_who_may_read_its_resource(online: Online) -> None:
    first = online.arm("PUT", f"{ENDPOINTS}/ep-polled", endpoint_body(), version=VERSION)
    other = online.arm.as_(stranger(online.arm.world))
    answer = other("GET", first.headers["azure-asyncoperation"])
    assert (answer.status, answer.code) == (403, "AuthorizationFailed")
    assert online.operation(first).json["status"] == "Succeeded"


def test_roles_at_a_deleted_endpoint_do_not_wait_for_the_next_of_its_name(online: Online) -> None:
    online.endpoint("ep-again")
    who = stranger(online.arm.world)
    scope = f"{ENDPOINTS}/ep-again"
    online.arm.grant(scope, who, BLOB_READER, "00000000-0000-4000-8000-000000000009", principalType="User")
    online.operation(online.arm("DELETE", scope, version=VERSION))
    assert online.arm.world.store.assignments(who, deleted_too=True) == []


def test_a_refused_endpoint_leaves_no_principal(online: Online) -> None:
    before = online.arm.world.store.principals()
    wrong = endpoint_body({"type": "SystemAssigned"}, authMode="Nothing")
    assert online.arm("PUT", f"{ENDPOINTS}/ep-wrong", wrong, version=VERSION).status == 400
    assert online.arm.world.store.principals() == before


def test_a_condition_is_refused_rather_than_overlooked(arm: Arm) -> None:
    answer = arm.grant(
        GROUP, furnish.USER_ID, BLOB_READER, "00000000-0000-4000-8000-000000000001", condition="x StringEquals 'y'"
    )
    assert (answer.status, answer.code) == (400, "InvalidCondition")
    assert arm("GET", f"{GROUP}/{ASSIGNMENT}").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000, b'{"tags":' * 50_000, b'{"tags":{"a":NaN}}', b'{"tags":{"a":1e999}}', b'{"tags":{"a":"\\ud800"}}',
        b"\xff\xfe{", b"[]", b"null", b'"x"', b'{"n":' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:16]),
)  # fmt: skip
def test_json_that_cannot_be_used_is_answered_400(arm: Arm, body: bytes) -> None:
    answer = arm("PUT", GROUP, body)
    assert (answer.status, answer.code) == (400, "InvalidRequestContent")


def test_a_body_above_four_megabytes_is_refused(arm: Arm) -> None:
    body = json.dumps({"location": "westeurope", "tags": {"a": "x" * 4 * 1024 * 1024}}).encode()
    assert (arm("PUT", GROUP, body).status, arm("PUT", GROUP, body).code) == (413, "RequestContentTooLarge")


@pytest.mark.parametrize("name", ["\u212a", "é", "a\n", "a\r\nx-evil: 1", "\x00"])
def test_names_that_are_not_printable_ascii_are_refused(arm: Arm, name: str) -> None:
    body = {"properties": {"codeUri": "https://a.blob.core.windows.net/c"}}
    answer = arm.run(arm._send("PUT", f"{WORKSPACE}/codes/{name}/versions/1", "api-version=2024-10-01", body, None))
    assert (answer.status, answer.code) == (400, "InvalidRequestUri")


@pytest.mark.parametrize("version", ["9" * 5000, "a b", "..", "-1", "a/b"])
def test_versions_of_assets_have_names(arm: Arm, version: str) -> None:
    body = {"properties": {"image": "x"}}
    answer = arm("PUT", f"{WORKSPACE}/environments/e/versions/{version}", body)
    assert answer.status in {400, 404}
    assert arm("GET", f"{WORKSPACE}/environments").json["value"] == []


@pytest.mark.parametrize(
    "scope",
    ["/", "//", f"/{GROUP}", f"{GROUP}/..", f"{GROUP}/../..", f"/subscriptions/{furnish.DEV}", f"/subscriptions/{furnish.DEV}/"],
)  # fmt: skip
def test_no_spelling_of_a_scope_reaches_above_the_group(arm: Arm, scope: str) -> None:
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{BLOB_READER}"
    sent = {"properties": {"principalId": furnish.USER_ID, "principalType": "User", "roleDefinitionId": role}}
    before = arm.world.store.assignments()
    assert arm("PUT", f"{scope}/{ASSIGNMENT}", sent).status in {403, 404}
    assert arm.world.store.assignments() == before


@pytest.mark.parametrize(
    "head",
    [b"[" * 40_000, b'{"alg":"RS256","x":' + b"[" * 40_000, b'{"alg":["RS256"]}', b'{"alg":{}}', b"[]", b'{"alg":"RS256","b64":false}'],
    ids=lambda head: repr(head[:20]),
)  # fmt: skip
def test_no_token_breaks_the_verifier(arm: Arm, head: bytes) -> None:
    token = base64.urlsafe_b64encode(head).decode().rstrip("=") + ".e30.AAAA"
    with pytest.raises(TokenError):
        arm.world.issuer.verify(token, (ARM,))


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/data?restype=container&comp=list&maxresults=" + "9" * 5000, {}),
        ("/data/x", {"if_modified_since": "Mon, 01 Jan 0001 00:00:00 -0000"}),
        ("/data/x", {"if_unmodified_since": "Fri, 31 Dec 9999 23:59:59 -2359"}),
        ("/data/x?sv=2022-11-02&sp=r&sr=c&sig=a&se=0001-01-01T00:00:00%2B23:59", {"authorization": ""}),
        ("/data/x?sv=2022-11-02&sp=r&sr=c&sig=a&se=9999-12-31T23:59:59-23:59", {"authorization": ""}),
        ("/data/x", {"authorization": "SharedKey stcontoso:AAAA", "x_ms_date": "Mon, 01 Jan 0001 00:00:00 -0000"}),
    ],
)
def test_numbers_and_dates_out_of_range_are_the_clients_fault(
    tmp_path: Path, target: str, headers: dict[str, str]
) -> None:
    wire = Wire(blob_world(tmp_path))
    assert wire("PUT", "/data/x", b"x", bearer="writer", x_ms_blob_type="BlockBlob").status == 201
    bearer = None if "authorization" in headers else "writer"
    assert wire("GET", target, bearer=bearer, **headers).status < 500


@pytest.mark.parametrize(
    "xml",
    [b'<?xml version="1.0" encoding="nonsense"?><BlockList/>', b'<?xml version="1.0" encoding="gbk"?><BlockList/>'],
)
def test_a_block_list_in_an_unknown_encoding_is_malformed(tmp_path: Path, xml: bytes) -> None:
    reply = Wire(blob_world(tmp_path))("PUT", "/data/x?comp=blocklist", xml, bearer="writer")
    assert (reply.status, reply.code) == (400, "InvalidXmlDocument")


class _Baker(http.server.BaseHTTPRequestHandler):
    """A scoring script that sets a cookie."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Set-Cookie", "session=of-one-endpoint; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_cookies_of_one_endpoint_reach_no_other(arm: Arm) -> None:
    """All scoring servers are 127.0.0.1 to the one client that passes requests on."""
    session = InferenceApp(arm.world)._session
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Baker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert "session" in session.get(f"http://127.0.0.1:{server.server_port}/score", timeout=5).headers["Set-Cookie"]
        server.shutdown()
    assert list(session.cookies) == []


def test_the_log_tells_no_name_that_may_be_a_value() -> None:
    told = told_query(b"sig%3Dsecret&eyJhbGciOi.J9.x&api-version=1&$filter=a&sig=secret")
    assert told == "...=...&...=...&api-version=1&$filter=a&sig=..."


def test_folders_above_the_home_are_private_too(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]
