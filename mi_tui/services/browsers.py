"""Opens a page in the person's browser, with nothing of it on our terminal; and says beforehand whether there is one.

The standard `webbrowser` would also take a browser that runs in the terminal, and lets all of them write to it.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TEXT_BROWSERS = frozenset({"lynx", "links", "links2", "elinks", "w3m", "www-browser", "browsh", "carbonyl"})
_GRAPHICAL = (
    "xdg-open",
    "gio",
    "x-www-browser",
    "firefox",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "microsoft-edge",
)
_START_SECONDS = 1.5
"""A launcher that cannot open anything says so within this time."""


SECRET_VARIABLES = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_PASSWORD",
    "AZURE_USERNAME",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_SAS_TOKEN",
)
"""Variables in which azure-identity and the Azure CLI take secrets; a browser needs none of them."""


def why_none() -> str:
    """Why no browser can be opened here, in words; empty when one can."""
    return _find()[1]


def open_page(url: str) -> bool:
    """Open a page; whether that could be begun."""
    command, _ = _find()
    if not command:
        return False
    words = [word.replace("%s", url) for word in command]
    if words == command:
        words.append(url)
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES},
        )
    except OSError:
        return False
    try:
        return process.wait(_START_SECONDS) == 0
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return True


def _find() -> tuple[list[str], str]:
    """The command that opens a page, or why there is none."""
    wanted = os.environ.get("BROWSER", "").split(os.pathsep)[0].strip().removesuffix("&").strip()
    if wanted:
        try:
            command = shlex.split(wanted)
        except ValueError:
            return [], "The variable BROWSER cannot be read as a command."
        name = os.path.basename(command[0]) if command else ""
        if name in _TEXT_BROWSERS:
            return [], f"BROWSER is {name}, which would need this terminal."
        if not command or shutil.which(command[0]) is None:
            return [], f"BROWSER is {name or wanted}, which is not installed."
        return command, ""
    if sys.platform == "darwin":
        return ["open"], ""
    if "microsoft" in platform.release().lower():  # Windows Subsystem for Linux: the browser is on the Windows side
        for program, rest in (("wslview", []), ("powershell.exe", ["-NoProfile", "-Command", 'Start-Process "%s"'])):
            if shutil.which(program):
                return [program, *rest], ""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        where = "an SSH session" if os.environ.get("SSH_CONNECTION") else "this terminal"
        return [], f"There is no screen for a browser in {where}."
    for program in _GRAPHICAL:
        if shutil.which(program):
            return ([program, "open"] if program == "gio" else [program]), ""
    return [], "No browser was found on this machine."


# ---- for azure-identity, which opens its page by way of `webbrowser`

_asked = threading.local()
_registering = threading.Lock()
_registered = False


@contextmanager
def handing_over(hand: Callable[[str], None]) -> Iterator[None]:
    """While entered, a page that this thread opens with `webbrowser` is told to `hand` and opened by `open_page`."""
    global _registered
    with _registering:
        if not _registered:
            webbrowser.register("mi-tui", None, _Ours(), preferred=True)
            _registered = True
    _asked.hand = hand
    try:
        yield
    finally:
        del _asked.hand


class _Ours(webbrowser.BaseBrowser):
    """First in the row of `webbrowser`; leaves what no sign-in of ours opens to the others."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        hand: Callable[[str], None] | None = getattr(_asked, "hand", None)
        if hand is None:
            return False
        hand(url)
        if not open_page(url):
            # An error, not False: the next in the row might be a browser that takes the terminal over.
            raise webbrowser.Error(why_none() or "The browser could not be opened.")
        return True
