"""Pictures of Troubleshoot: a diagnosis, a text from outside, the way to an endpoint, and what was seen of two."""

from __future__ import annotations

from textual.widgets import Button, TextArea

from mi_tui.model.diagnosis import Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.events import Outcome, RunFinished
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.running import FAILURE, RUN
from tests.screens.snapshots.world import enter
from tests.screens.troubled import ROLE, Troubled

TEXT = """Traceback (most recent call last):
  File "/var/azureml-app/score.py", line 3, in <module>
    from azure.storage.blob import BlobServiceClient
ModuleNotFoundError: No module named 'azure.storage'"""

PACKAGE = Diagnosis(
    "module-missing",
    "The environment lacks a package that the script imports (azure.storage).",
    Confidence.LIKELY,
    (Evidence("text", "ModuleNotFoundError: No module named 'azure.storage'"),),
    (Fix("Add azure-storage-blob to the conda file's pip section."), Fix("Or put your own file beside the script.")),
    question="Is it a package, or a file of yours?",
    why="Python names the module.",
)


async def troubleshoot(camera: Camera) -> None:
    """Everything that Troubleshoot can show."""
    world = Troubled(camera.folder / "home")
    # Words of its own: those of the rules change as the rules do.
    world.advice.diagnose_text = lambda text: (PACKAGE,)  # type: ignore[method-assign]
    async with camera.open(world) as app:
        enter(app, sandbox=True)
        app.wizard.last_failure = FAILURE
        app.wizard.progress.take(RunFinished(run=RUN, outcome=Outcome.FAILED, failure=FAILURE, diagnosis=ROLE))
        await camera.pilot.press("f4")
        await camera.take("diagnosis", "refuses for want of a role")
        await camera.pilot.press("p")
        await camera.sees("What does this say")
        app.screen.query_one("#pasted", TextArea).load_text(TEXT)
        app.screen.query_one("#go", Button).focus()
        await camera.take("text-asked", "Diagnose")
        await camera.pilot.press("ctrl+n")
        await camera.take("text", "a text from outside")
        await camera.pilot.press("e")
        await camera.sees("Contoso Dev")
        await camera.pilot.press(*"dev", "enter")
        await camera.sees("ml-new")
        await camera.pilot.press(*"ml-dev", "enter")
        await camera.take("endpoints", "ep-others")
        await camera.pilot.press(*"others", "enter")
        await camera.take("endpoint", "ep-others in ml-dev")
        await camera.pilot.press("e")
        await camera.sees("Contoso Dev")
        await camera.pilot.press(*"dev", "enter")
        await camera.sees("ml-new")
        await camera.pilot.press(*"ml-dev", "enter")
        await camera.sees("ep-fine")
        await camera.pilot.press(*"fine", "enter")
        await camera.take("endpoint-in-order", "nothing wrong was seen")
