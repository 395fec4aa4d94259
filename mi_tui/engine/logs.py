"""The logs of a deployment's two containers: what is new in the last N lines, and the line that proves the blob was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mi_tui.engine.context import Context
from mi_tui.model.events import LogLine, Notice
from mi_tui.services import deployments
from mi_tui.services.errors import ServiceError

CONTAINERS: tuple[deployments.Container, ...] = ("inference-server", "storage-initializer")
PROOF = "Blob contains"


def new_lines(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """What `after` has that `before` had not, when both are the last lines of one growing log.

    Azure returns the last N lines each time, so the overlap is the longest end of `before` that is a beginning of `after`.
    """
    for start in range(len(before)):
        tail = before[start:]
        if list(after[: len(tail)]) == list(tail):
            return list(after[len(tail) :])
    return list(after)


def report(ctx: Context, endpoint: str, deployment: str, tail: int = 500) -> str:
    """Emit the logs of both containers as events; returns the inference server's text. A log that cannot be had is said, not raised."""
    main = ""
    for container in CONTAINERS:
        try:
            found = deployments.logs(ctx.session, ctx.group, ctx.workspace, endpoint, deployment, container, tail)
        except ServiceError as error:
            ctx.emit(Notice(run=ctx.run, text=f"The logs of {container} cannot be had: {error.failure.sentence()}"))
            continue
        if not found.available:
            ctx.emit(Notice(run=ctx.run, text=f"{container}: {found.sentence}"))
            continue
        for line in found.text.splitlines():
            ctx.emit(LogLine(run=ctx.run, container=container, text=line))
        if container == CONTAINERS[0]:
            main = found.text
    proof = next((line.strip() for line in main.splitlines() if PROOF in line), "")
    if proof:
        ctx.note("proof", proof[:500])
    return main


def follow(fetch: Sequence[str], seen: list[str]) -> Iterator[str]:
    """The lines of a fresh fetch that are new since `seen`, which is brought up to date."""
    fresh = new_lines(seen, fetch)
    seen[:] = fetch
    yield from fresh
