"""What the welcome screen says of the target: who one is there, why it could not be opened, and what a sandbox will be like."""

from __future__ import annotations

from textual.content import Content

from mi_tui.model.failure import Failure
from mi_tui.model.text import masked, visible
from screens.wizard import Wizard

SPEEDS = {
    "demo": "the whole job in about a minute",
    "azure": "as slow as Azure, about ten minutes",
    "instant": "nothing waits",
}


def opened(wizard: Wizard) -> str:
    """Who is signed in where."""
    name = masked(wizard.signed_in) if wizard.masked else wizard.signed_in
    if wizard.wanted == "sandbox":
        return f"The sandbox is open; you are {visible(name)} there."
    tenant = masked(wizard.tenant) if wizard.masked else wizard.tenant
    called = f"{wizard.tenant_name} ({tenant})" if wizard.tenant_name else tenant
    return f"Signed in to Azure as {visible(name)}, tenant {visible(called)}."


def failed(failure: Failure, *, hidden: bool) -> Content:
    """Why it could not be opened, and what to do; ids masked where they are `hidden`."""
    lines = [failure.message, failure.advice]
    first, *others = [visible(masked(line) if hidden else line) for line in lines if line]
    return Content("\n").join([Content.styled(f"✗ {first}", "$text-error"), *map(Content, others)])


def sandbox(speed: str, scenario: str, about: str) -> Content:
    """How fast a sandbox will go, and what will go wrong in it."""
    words = f"{speed}: {SPEEDS.get(speed, '')}  ·  {scenario}: {about}"
    return Content.styled(visible(words), "$text-muted")
