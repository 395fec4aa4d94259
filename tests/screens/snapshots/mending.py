"""Scenes of a fix before it is made: on the failure card, in its dialog, and in Troubleshoot."""

from __future__ import annotations

import threading

import pytest

from mi_tui.engine.mending.case import refused
from mi_tui.fixing import Fixing, Mended
from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis, Fix
from mi_tui.model.draft import Stage
from mi_tui.model.events import Outcome, RunFinished, StepFailed
from mi_tui.widgets.card import FixLine
from tests.screens.ended import RUN
from tests.screens.plans import a_plan
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.running import EARLY, FAILURE, LATER, TITLES, play
from tests.screens.snapshots.still import a_draft
from tests.screens.snapshots.world import Canned, enter

CONDA = "/home/you/ml/environment/conda.yaml"
FIX = Fix(
    "Add the inference server to the conda file, which every deployment with a scoring script needs.",
    change=Change(ChangeKind.CONDA, ("azureml-inference-server-http",)),
)
TAG = Fix("Set the tag that the policy wants.", change=Change(ChangeKind.TAG, ("cost-center=",)))
DIAGNOSIS = Diagnosis(
    "server-missing", "The environment lacks azureml-inference-server-http.", Confidence.CERTAIN, fixes=(FIX, TAG)
)
CHANGED = (
    f"~ {CONDA} is changed; as it is now, it is kept beside it as conda.before-mi-tui.yaml",
    "+ create environment ep-demo-2-abc123-env (was ep-demo-abc123-env)",
    "= the environment environments/ep-demo-abc123-env:1, which this run made, stays until clean-up; 'mi-tui down' removes it",
    "! the deployment blue of this run is deleted and made again",
)
DIFF = (
    f"--- {CONDA}", f"+++ {CONDA} (changed)", "@@ -14,3 +14,4 @@", "   - pip:", "       - azure-identity==1.27.0",
    "       - azure-storage-blob==12.31.1", "+      - azureml-inference-server-http",
)  # fmt: skip


async def mending(camera: Camera) -> None:
    """A run that failed with fixes that mi-tui can make: the card, the dialog looking, asking, showing and refusing; Troubleshoot."""
    plan, over = a_plan(), threading.Event()
    held, shown = (
        threading.Event(),
        [Mended(RUN, FIX.change or Change(ChangeKind.RETRY), plan.answers, plan, CHANGED, DIFF)],
    )

    def show(*_: object) -> Mended:
        held.wait(20)
        if not shown:
            raise refused("name", "'-' is no valid endpoint name.", "Take another name.")
        return shown[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fixing, "show", show)
        async with camera.open(Canned(camera.folder / "home", plan=plan), draft=a_draft()) as app:
            enter(app, sandbox=True)
            failure = StepFailed(run=RUN, step="deployment", title=TITLES["deployment"], failure=FAILURE, seconds=312)
            ended = RunFinished(run=RUN, outcome=Outcome.FAILED, failure=FAILURE, diagnosis=DIAGNOSIS)
            play(camera, app, plan, (*EARLY, *LATER, 266, failure, ended), over)
            over.set()
            app.wizard.last_failure = FAILURE
            await camera.go(Stage.DEPLOY)
            await camera.take("card", "enter shows the change")
            app.screen.query(FixLine).first().focus()
            await camera.pilot.press("enter")
            await camera.take("looking", "Looking what that would change")
            held.set()
            await camera.take("change", "is changed")
            await camera.pilot.press("escape")
            app.screen.query(FixLine)[1].focus()
            await camera.pilot.press("enter")
            await camera.take("value", "Which value")
            shown.clear()
            await camera.pilot.press(*"4711", "enter")
            await camera.take("refused", "no valid endpoint name")
            await camera.pilot.press("escape", "f4")
            await camera.take("troubleshoot", "enter shows the change")
