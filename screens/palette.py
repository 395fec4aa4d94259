"""The command palette: what can be done on the screen it was opened from, and the stages that were reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from mi_tui.model import actions
from mi_tui.model.actions import pretty
from mi_tui.model.draft import Stage
from screens.base import WizardScreen
from screens.journey import Journey

Run = Callable[[], Awaitable[object] | object]


class Commands(Provider):
    """Feeds the palette from the table of actions."""

    def _all(self) -> Iterator[tuple[str, str, Run]]:
        """Each command's words, its help and what it does."""
        screen = self.screen
        stage = screen.STAGE if isinstance(screen, WizardScreen) else None
        for action in actions.on(stage.value if stage else "troubleshoot"):
            owner = screen if hasattr(screen, f"action_{action.name}") else self.app
            if action.name == "command_palette" or not hasattr(owner, f"action_{action.name}"):
                continue
            keys = f" ({pretty(action.keys)})"
            yield (
                f"{action.label.rstrip('?').capitalize()}{keys}",
                action.help,
                partial(self.app.run_action, action.name, owner),
            )
        journey = cast("Journey", self.app)
        order = list(Stage)
        for other in order[: order.index(journey.reached) + 1] if stage else ():
            if other is not stage:
                yield f"Go to {other.label}", "A step that was open before.", partial(journey.go, other)

    async def discover(self) -> Hits:
        for words, help_text, run in self._all():
            yield DiscoveryHit(words, run, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, help_text, run in self._all():
            if score := matcher.match(words):
                yield Hit(score, matcher.highlight(words), run, text=words, help=help_text)
