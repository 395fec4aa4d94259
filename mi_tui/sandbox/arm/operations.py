"""Long operations: begun by a handler, finished by a coroutine, polled by the client, taken up after a restart."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable

from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.store import Operation
from mi_tui.sandbox.world import World

Finisher = Callable[[World, Operation], Awaitable[None]]

_FINISHERS: dict[str, Finisher] = {}
_tasks: dict[str, asyncio.Task[None]] = {}
_log = logging.getLogger(__name__)


def finisher(kind: str) -> Callable[[Finisher], Finisher]:
    """Register the coroutine that does the work of operations of a kind, sleeping as the profile says.

    It may set `operation.result`; an ArmError that it raises becomes the operation's error. It must be able to begin
    again from the start, because that is what a restarted sandbox does with it.
    """

    def register(function: Finisher) -> Finisher:
        _FINISHERS[kind] = function
        return function

    return register


def begin(world: World, kind: str, resource_id: str, operation_id: str | None = None) -> Operation:
    """Start a long operation of a registered kind. Must be called from the server's event loop."""
    operation = Operation(operation_id or str(uuid.uuid4()), resource_id, kind, time.time())
    world.store.put_operation(operation)
    _start(world, operation)
    return operation


async def within(world: World, kind: str, resource_id: str) -> None:
    """Do the work of operations of a kind as a part of another one, which polls and errors belong to."""
    await _FINISHERS[kind](world, Operation(str(uuid.uuid4()), resource_id, kind, time.time()))


def resume_open(world: World) -> None:
    """Take up what was under way when the sandbox stopped."""
    for operation in world.store.open_operations():
        _start(world, operation)


async def stop_all() -> None:
    """Stop working on operations; they stay open in the store and go on at the next start."""
    tasks = list(_tasks.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _start(world: World, operation: Operation) -> None:
    task = asyncio.get_running_loop().create_task(_finish(world, operation))
    _tasks[operation.id] = task
    task.add_done_callback(lambda _: _tasks.pop(operation.id, None))


async def _finish(world: World, operation: Operation) -> None:
    try:
        await _FINISHERS[operation.kind](world, operation)
        operation.status = "Succeeded"
    except ArmError as error:
        operation.status = "Failed"
        operation.error = error.error()
    except Exception as error:  # noqa: BLE001 - whatever breaks, the operation has to end, and the log says how
        _log.exception("operation %s of %s broke", operation.kind, operation.resource_id)
        operation.status = "Failed"
        operation.error = {
            "code": "InternalServerError",
            "message": f"The sandbox failed: {type(error).__name__}. See its log.",
        }
    operation.ended = time.time()
    world.store.put_operation(operation)
