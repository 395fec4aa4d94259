"""The stages of the journey. Apart from the draft, so that the first screen is painted before anything of the answers is imported."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The screens of the journey, in their order."""

    WELCOME = "welcome"
    WORKSPACE = "workspace"
    IDENTITY = "identity"
    STORAGE = "storage"
    MODEL = "model"
    REVIEW = "review"
    DEPLOY = "deploy"
    ENDPOINT = "endpoint"
    CLEANUP = "clean up"

    @property
    def label(self) -> str:
        """The stage's name on the rail."""
        return self.value.capitalize()


ASKED = (Stage.WORKSPACE, Stage.IDENTITY, Stage.STORAGE, Stage.MODEL)
"""The stages that ask for answers."""
