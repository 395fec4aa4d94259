"""Scenes of signing in to Azure, on the first screen and in the box over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mi_tui.model.failure import Failure
from mi_tui.model.sign_in import Finding, Prompt, SignIn, Standing
from mi_tui.workflow import ServiceError
from screens.signin import SignIns
from tests.screens.places import findings
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.world import Canned, Things

SIGNED_OUT = Finding(
    SignIn.AZURE_CLI, Standing.ABSENT, "Azure CLI is there, but not signed in.", "Run 'az login' in another terminal, then try again."
)  # fmt: skip
EXPIRED = Finding(
    SignIn.AZURE_CLI,
    Standing.REFUSED,
    "The sign-in has expired. (AADSTS700082)",
    "Sign in again: 'az login', or choose Browser or Device code.",
)
NO_BROWSER = Finding(
    SignIn.BROWSER, Standing.ABSENT, "There is no screen for a browser in an SSH session.", "Device code works without one."
)  # fmt: skip
BLOCKED = Failure(
    "AADSTS53003",
    "Your organization's Conditional Access rules block this sign-in.",
    advice="Sign in from a device and a place that your organization allows; it may allow Browser where it blocks Device code.",
)
_ADDRESS = "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?client_id=04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class Waiting(Canned):
    """A workflow whose sign-ins wait for somebody until they are given up, or refused."""

    def __init__(self, home: Path, things: Things, camera: Camera) -> None:
        super().__init__(home, things)
        self.camera = camera
        self.refuses = False

    def sign_in(self, kind: SignIn, tenant: str, prompt: Callable[[Prompt], None]) -> Any:
        workflow = self

        class Attempt:
            def run(self) -> Any:
                if workflow.refuses:
                    raise ServiceError(BLOCKED)
                code, url = (
                    ("FRWQDE7YL", "https://login.microsoft.com/device")
                    if kind is SignIn.DEVICE_CODE
                    else ("", _ADDRESS)
                )
                prompt(Prompt(kind, url, code, workflow.camera.clock.time() + 897))
                workflow.things.held.clear()
                workflow.things.held.wait(20)
                raise ServiceError(BLOCKED)

            def cancel(self) -> None:
                workflow.things.held.set()

        return Attempt()


async def sign_in(camera: Camera) -> None:
    """All that is tried, found, refused; the box for a device code and for a browser."""
    things = Things(findings=findings(azure_cli=SIGNED_OUT))
    workflow = Waiting(camera.folder / "home", things, camera)
    workflow.journal._change("DELETE FROM runs")
    async with camera.open(workflow) as app:
        await camera.sees("No earlier runs yet")
        things.held.clear()
        app.screen.query_one("#target").focus()
        await camera.pilot.press("right")
        await camera.take("trying", "trying")
        things.held.set()
        await camera.take("signed-out", "Opens a page in your browser")
        things.findings = findings()
        app.screen.query_one(SignIns).post_message(SignIns.Again())
        await camera.take("signed-in", "signed in")
        things.findings = findings(azure_cli=EXPIRED, browser=NO_BROWSER)
        app.screen.query_one(SignIns).post_message(SignIns.Again())
        await camera.sees("AADSTS700082")
        app.screen.query_one(SignIns).choose(SignIn.AZURE_CLI)
        await camera.take("refused", "or choose Browser")
        app.screen.query_one(SignIns).choose(SignIn.DEVICE_CODE)
        await camera.pilot.press("ctrl+n")
        await camera.take("device-code", "Waiting for you")
        await camera.pilot.press("escape")
        workflow.refuses = True
        await camera.pilot.press("ctrl+n")
        await camera.take("blocked", "AADSTS53003")
        await camera.pilot.press("escape")
        workflow.refuses, things.findings = False, findings(azure_cli=SIGNED_OUT)
        app.screen.query_one(SignIns).post_message(SignIns.Again())
        await camera.sees("Opens a page in your browser")
        app.screen.query_one(SignIns).choose(SignIn.BROWSER)
        await camera.pilot.press("ctrl+n")
        await camera.take("browser", "If none came up")
        await camera.pilot.press("escape")
