"""Management locks as resources: made, read, listed and taken away. What they do is in `sandbox.locks`."""

from __future__ import annotations

import re

from starlette.responses import Response

from mi_tui.sandbox import locks
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.arm.scopes import require_scope
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.rbac import covers
from mi_tui.sandbox.store import Resource

_LOCKS = "{+scope}/providers/" + locks.TYPE
_LOCK = _LOCKS + "/{name}"
_BODY: Shape = {"properties": {"level": str, "notes": str, "owners": list}}
_LONGEST_NOTE = 512
_NAME = re.compile(r"[^<>%&:\\?/]{1,260}")


@route("PUT", _LOCK, f"{locks.TYPE}/write", _BODY)
def put_lock(call: Call) -> Response:
    """Lock a scope (201), or change a lock of this name (200). Rules: "Management Locks - Create Or Update By Scope"."""
    scope = require_scope(call)
    sent = call.body.get("properties") or {}
    name = call.ids["name"]
    if _NAME.fullmatch(name) is None:
        raise bad_request(f"The lock name '{name}' is invalid.", "InvalidLockName")
    level = next((level for level in locks.LEVELS if level.lower() == str(sent.get("level") or "").lower()), None)
    if level is None:
        raise bad_request(
            f"The lock level '{sent.get('level') or ''}' is invalid. The supported levels are '{','.join(locks.LEVELS)}'.",
            "InvalidLockLevel",
        )
    if len(sent.get("notes") or "") > _LONGEST_NOTE:
        raise bad_request(f"The notes of a lock have at most {_LONGEST_NOTE} characters.", "LockNotesTooLong")
    properties = {"level": level} | {key: sent[key] for key in ("notes", "owners") if sent.get(key) is not None}
    identifier = f"{scope}/providers/{locks.TYPE}/{name}"
    existing = call.world.store.resource(identifier)
    lock = existing or Resource(identifier, locks.TYPE, name, {})
    lock.body = {"properties": properties, "id": lock.id, "type": locks.TYPE, "name": lock.name}
    call.world.store.put(lock)
    return reply(201 if existing is None else 200, lock.body)


@route("GET", _LOCK, f"{locks.TYPE}/read")
def get_lock(call: Call) -> Response:
    """One lock."""
    require_scope(call)
    found = call.world.store.resource(call.path)
    if found is None:
        raise ArmError(404, "LockNotFound", f"The lock '{call.ids['name']}' could not be found.")
    return reply(200, found.body)


@route("DELETE", _LOCK, f"{locks.TYPE}/delete")
def delete_lock(call: Call) -> Response:
    """Take a lock away (200); 204 when there is none."""
    require_scope(call)
    if not call.world.store.has(call.path):
        return reply(204)
    call.world.store.remove(call.path)
    return reply(200)


@route("GET", _LOCKS)
def list_locks(call: Call) -> Response:
    """Locks at, above and below a scope; `atScope()` leaves out those below ("Get-AzResourceLock", AtScope)."""
    scope = require_scope(call)
    call.require_reach(f"{locks.TYPE}/read", scope)
    at_scope = "atscope()" in call.query.get("$filter", "").lower()
    return page(
        [
            lock.body
            for lock in call.world.store.each_resource(locks.TYPE)
            if (covers(locks.scope_of(lock), scope) or (not at_scope and covers(scope, locks.scope_of(lock))))
            and call.allows(f"{locks.TYPE}/read", lock.id)
        ]
    )
