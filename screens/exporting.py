"""What a plan would do, saved as a file to keep, to review or to run by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mi_tui.model.plan import Plan
from screens.file_dialogs import SaveAnswers
from screens.wizard import Wizard


class SaveCommands(SaveAnswers):
    """Saves the commands by hand as a shell script."""

    TITLE_TEXT = "Save the commands as a shell script"
    PLACEHOLDER = "deploy.sh"

    def __init__(self, wizard: Wizard, plan: Plan) -> None:
        super().__init__(wizard)
        self._plan = plan

    def suggested(self) -> str:
        return f"{self._plan.answers.endpoint.name}.sh"

    def faults(self) -> list[str]:
        return []

    def writing(self) -> Callable[[Path, bool], Path]:
        workflow, plan = self.wizard.workflow, self._plan
        return lambda path, replace: workflow.save_commands(path, plan, replace=replace)
