"""Scenes of the steps that ask: Welcome to Model."""

from __future__ import annotations

from mi_tui.engine.journal import RunState
from mi_tui.model.answers import IdentityKind
from mi_tui.model.draft import Draft, Stage
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker
from mi_tui.workflow import SandboxError
from screens import themes
from tests.screens.asking import account, identity
from tests.screens.ended import plan
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.still import a_draft
from tests.screens.snapshots.world import REFUSED, Canned, Things, enter


async def welcome(camera: Camera) -> None:
    """First start; while the sandbox opens; earlier runs."""
    things = Things(
        sign_in=SandboxError("The sandbox cannot be started: no port is free. End another one, or give --port.")
    )
    first = Canned(camera.folder / "home", things)
    first.journal._change("DELETE FROM runs")
    async with camera.open(first) as app:
        await camera.sees("No earlier runs yet")
        await camera.take("sandbox")
        things.held.clear()
        await camera.pilot.press("enter")
        await camera.take("opening", "Opening the sandbox")
        things.held.set()
        await camera.until(lambda: app.screen.query_one("#retry").display)
        await camera.take("sandbox-failed")
    many = Canned(camera.folder / "more")
    for name, state in (("b7k2m4", RunState.FAILED), ("c9p3x1", RunState.LEFT_RUNNING), ("d2q8z5", RunState.REMOVED)):
        camera.clock.move(7_300)
        many.journal.add_run(name, "azure", plan(camera.folder / "more", f"ep-{name}"))
        many.journal.end_run(name, state)
    async with camera.open(many) as app:
        await camera.sees("ep-c9p3x1")
        await camera.take("runs")
        app.screen.query_one("#earlier Picker", Picker).focus()
        await camera.pilot.press(*"b7k", "enter")
        await camera.take("run-chosen", "Resume")


async def workspace(camera: Camera) -> None:
    """Both lists: on their way, there, empty, refused."""
    things = Things()
    things.held.clear()
    async with camera.open(Canned(camera.folder / "home", things)) as app:
        enter(app)
        screen = await camera.go(Stage.WORKSPACE)
        await camera.take("loading")
        things.held.set()
        await camera.sees("Contoso Prod")
        await camera.pilot.press(*"dev", "enter")
        await camera.take("chosen", "ml-new")
        await camera.pilot.press(*"ml-d", "enter")
        await camera.take("filled")
        things.workspaces = []
        screen.query_one("#workspace", Picker).action_refresh()
        await camera.until(lambda: not screen.query_one("#workspace", Picker).items)
        await camera.take("empty")
        things.subscriptions = things.workspaces = REFUSED
        app.wizard.draft = Draft()
        await camera.go(Stage.WORKSPACE)
        await camera.take("error", "AuthorizationFailed")


async def identity_step(camera: Camera) -> None:
    """Both kinds, the list of identities, and what is wrong with a name."""
    things = Things(identities=[identity("id-shared"), identity("id-far", "rg-other", "northeurope")])
    async with camera.open(Canned(camera.folder / "home", things), draft=a_draft()) as app:
        enter(app)
        screen = await camera.go(Stage.IDENTITY)
        await camera.take("system")
        screen.query_one("#kind").focus()
        await camera.pilot.press("right")
        await camera.pilot.pause()
        await camera.take("user-new")
        await camera.unfold("#identity")
        await camera.sees("id-far")
        await camera.take("user-list")
        things.identities = REFUSED
        app.wizard.draft = a_draft()
        app.wizard.draft.kind = IdentityKind.UAI
        screen = await camera.go(Stage.IDENTITY)
        await camera.unfold("#identity")
        await camera.take("error", "AuthorizationFailed")


async def storage(camera: Camera) -> None:
    """New, existing, on its way, refused, a name that is wrong."""
    things = Things(
        accounts=[account("stdata", "rg-data", shared_keys=False), account("stown")],
        inside={"stdata": {"inputs": ["a/b.csv", "hello.txt"], "other": []}, "stown": {}},
    )
    async with camera.open(Canned(camera.folder / "home", things), draft=a_draft()) as app:
        enter(app)
        things.held.clear()
        screen = await camera.go(Stage.STORAGE)
        await camera.unfold("#account")
        await camera.take("loading", "loading")
        things.held.set()
        await camera.take("accounts", "stown")
        await camera.pilot.press(*"stdata", "enter")
        await camera.until(lambda: app.wizard.draft.account == "stdata")
        await camera.pilot.pause(0.1)
        await camera.take("existing")
        app.wizard.draft = a_draft()
        screen = await camera.go(Stage.STORAGE)
        await camera.take("new")
        await camera.unfold("#account")
        await camera.sees("stown")
        screen.query_one("#new-account", Field).value = "St_Data"
        await camera.pilot.pause(0.1)
        await camera.take("wrong-name")
        things.accounts = REFUSED
        screen = await camera.go(Stage.STORAGE)
        await camera.unfold("#account")
        await camera.take("error", "AuthorizationFailed")


async def model(camera: Camera) -> None:
    """Filled, each row opened, files that are not there."""
    async with camera.open(Canned(camera.folder / "home"), draft=a_draft()) as app:
        enter(app)
        await camera.go(Stage.MODEL)
        await camera.sees("of 24 free")
        await camera.take("filled", "✓ Free")
        for section in ("instance-type", "script", "deployment", "variables"):
            await camera.unfold(f"#{section}")
            await camera.pilot.pause(0.1)
            await camera.take(section)
        draft = a_draft()
        draft.model, draft.conda, draft.endpoint = "/nowhere/model", "", "1-Endpoint"
        app.wizard.draft = draft
        await camera.go(Stage.MODEL)
        await camera.pilot.press("ctrl+n")
        await camera.take("error")


async def light(camera: Camera) -> None:
    """Two steps in the light theme."""
    await _themed(camera, themes.LIGHT.name)


async def sixteen(camera: Camera) -> None:
    """Two steps in the theme of sixteen colours."""
    await _themed(camera, themes.SIXTEEN.name)


async def _themed(camera: Camera, theme: str) -> None:
    things = Things(accounts=[account("stdata", "rg-data", shared_keys=False), account("stown")])
    async with camera.open(Canned(camera.folder / "home", things), draft=a_draft(), theme=theme) as app:
        enter(app)
        await camera.go(Stage.IDENTITY)
        await camera.take("identity")
        screen = await camera.go(Stage.STORAGE)
        await camera.unfold("#account")
        await camera.sees("stown")
        screen.query_one("#new-account", Field).value = "St_Data"
        await camera.pilot.pause(0.1)
        await camera.take("storage")
