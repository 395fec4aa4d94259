"""What the store keeps, how much of it, and what a killed sandbox leaves in its files."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from arm_harness import DATA, new_world

from mi_tui.sandbox import furnish, store
from mi_tui.sandbox.blob import files, rows
from mi_tui.sandbox.hosting import deployments
from mi_tui.sandbox.records import Operation, Request, Resource
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import ARM, Issuer, TokenError


def _request(number: int) -> Request:
    return Request(time.time(), "you", "GET", "host", f"/{number}" + "x" * 9000, "q" * 9000, 200, None, "", 1.0)


def test_the_request_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "REQUESTS_KEPT", 5)
    monkeypatch.setattr(store, "_TRIMMED", 1)
    kept = Store(tmp_path)
    for number in range(12):
        kept.add_request(_request(number))
    found = kept.requests()
    assert [row.path[:4].strip("x") for row in found] == ["/7", "/8", "/9", "/10", "/11"]
    assert max(len(row.path) + len(row.query) for row in found) <= 4000
    kept.close()


def test_operations_that_ended_long_ago_are_forgotten(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    now = time.time()
    kept.put_operation(Operation("old", "/x", "k", now - 200_000, now - 190_000, "Succeeded"))
    kept.put_operation(Operation("open", "/x", "k", now - 200_000))
    kept.put_operation(Operation("new", "/x", "k", now, now, "Succeeded"))
    assert [kept.operation(name) is not None for name in ("old", "open", "new")] == [False, True, True]
    kept.close()


def test_under_an_id_are_only_ids_that_go_on_after_a_slash(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    for name in ("/g/a", "/g/A/b", "/g/a/c/d", "/g/ab", "/g/a-b", "/g/a.b/c", "/g/a0"):
        kept.put(Resource(name, "T/kind", name.rpartition("/")[2], {}))
    assert [found.id for found in kept.resources(under="/G/a/")] == ["/g/A/b", "/g/a/c/d"]
    assert [found.id for found in kept.resources("t/KIND", name="B")] == ["/g/A/b"]
    kept.remove("/g/a")
    assert [found.id for found in kept.resources()] == ["/g/ab", "/g/a-b", "/g/a.b/c", "/g/a0"]
    kept.close()


def test_the_queries_of_every_request_use_an_index(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    seen: list[str] = []
    kept._db.set_trace_callback(seen.append)
    kept.resources("T/kind", under="/g", name="b")
    kept.resources(under="/g")
    kept.remove("/g")
    list(kept.blobs_in("a", "c", "p"))
    kept._db.set_trace_callback(None)
    plans = [" ".join(row[3] for row in kept._db.execute(f"EXPLAIN QUERY PLAN {sql}")) for sql in seen]
    assert len(plans) == 4
    assert not [plan for plan in plans if "SCAN" in plan]
    kept.close()


def test_what_is_written_together_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    kept = Store(tmp_path)

    def half() -> None:
        with kept.together():
            kept.put(Resource("/a", "T", "a", {}))
            with kept.together():
                kept.put(Resource("/b", "T", "b", {}))
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert kept.resources() == []
    with kept.together():
        kept.put(Resource("/a", "T", "a", {}))
    assert len(kept.resources()) == 1
    kept.close()


def test_blobs_come_in_order_from_a_name_on(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    for name in ("a", "b/1", "b/2", "b/\U0001f600", "b0", "c"):
        rows.put_bytes(world, furnish.DATA_ACCOUNT, "inputs", name, b"")
    found = world.store.blobs_in(furnish.DATA_ACCOUNT, "inputs", "b/", "b/2")
    assert [blob.name for blob in found] == ["b/2", "b/\U0001f600"]
    assert [blob.name for blob in world.store.blobs_in(furnish.DATA_ACCOUNT, "inputs", "b")][:1] == ["b/1"]
    world.store.close()


def test_files_that_a_killed_sandbox_left_are_swept(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    known = world.store.blob_files()
    (world.store.blob_folder / "orphan").write_bytes(b"x")
    (files.incoming(world.store) / "half").write_bytes(b"x")
    files.sweep(world.store)
    assert {file.name for file in world.store.blob_folder.iterdir() if file.is_file()} == known
    assert list(files.incoming(world.store).iterdir()) == []

    left, used = (tmp_path / "deployments" / name for name in ("left", "used"))
    for folder in (left, used):
        (folder / "azureml-app").mkdir(parents=True)
    body = {"properties": {"provisioningState": "Failed"}}
    world.store.put(Resource(f"{DATA}/deployments/d", deployments.TYPE, "d", body, {"work": "used"}))
    asyncio.run(deployments.resume(world))
    assert not left.exists()
    assert used.exists()
    world.store.close()


def test_assignments_in_memory_follow_every_change(tmp_path: Path) -> None:
    world = store.Store(tmp_path)
    scope = "/subscriptions/s"

    def made(name: str) -> store.RoleAssignment:
        return store.RoleAssignment(f"{scope}/providers/x/{name}", name, scope, "someone", "role", {})

    assert world.assignments("someone") == []
    world.put_assignment(made("one"))
    assert [a.name for a in world.assignments("SomeOne")] == ["one"]

    def half() -> None:
        with world.together():
            world.put_assignment(made("two"))
            assert len(world.assignments("someone")) == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert [a.name for a in world.assignments("someone")] == ["one"]
    world.remove_assignment(made("one").id, time.time() + 60)
    assert world.assignments("someone") == []
    assert len(world.assignments("someone", deleted_too=True)) == 1
    world.remove_assignment(made("one").id, 0.0)
    assert world.assignments("someone", deleted_too=True) == []
    world.close()


def test_a_remembered_token_still_expires_and_outlives_its_principal_but_in_the_directory(tmp_path: Path) -> None:
    world = store.Store(tmp_path)
    issuer = Issuer(world, "5a9d7c1e-0b4e-4c0f-9d53-3f6a2c7e1b90")
    someone = store.Principal("11111111-2222-4333-8444-555555555555", "User", "someone@contoso.example")
    world.put_principal(someone)
    short, long = issuer.mint(someone, ARM, lifetime=1)[0], issuer.mint(someone, ARM)[0]
    for token in (short, long, long):
        assert issuer.verify(token, (ARM,)).object_id == someone.object_id
    with pytest.raises(TokenError, match="Audience"):
        issuer.verify(long, ("https://storage.azure.com",))
    time.sleep(1.1)
    with pytest.raises(TokenError, match="Expired"):
        issuer.verify(short, (ARM,))
    world.remove_principal(someone.object_id)
    assert issuer.verify(long, (ARM,)).object_id == someone.object_id
    with pytest.raises(TokenError, match="deleted"):
        issuer.verify(long, (ARM,), directory=True)
    world.close()


def test_a_world_without_the_clients_ids_of_requests_gets_a_place_for_them(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "world.db") as database:
        database.execute("ALTER TABLE requests DROP COLUMN client_id")
    opened = Store(tmp_path)
    opened.add_request(Request(1.0, "me", "PUT", "management.azure.com", "/x", "", 201, None, "", 1.0, "one"))
    assert [request.client_id for request in opened.requests()] == ["one"]
    opened.close()
