"""The table of actions: keys, words and help, from which bindings, footer, key list, palette and documentation are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """One thing a person can do. `name` is the method `action_<name>`; `keys` as Textual names them; `on` are the screens that
    have it (empty: all). `shown` puts it into the footer."""

    name: str
    keys: str
    label: str
    help: str
    on: tuple[str, ...] = ()
    shown: bool = False


_ASKING = ("workspace", "identity", "storage", "model", "review")
_LOGS = ("deploy",)
"""Screens with a log view: they take `widgets.logpane.LogKeys`."""

ACTIONS: tuple[Action, ...] = (
    Action("forward", "ctrl+n", "next", "Go on to the next step, when this one is complete.", shown=True),
    Action("back", "escape", "back", "Go back one step. What you chose stays.", shown=True),
    Action("explain", "f1", "what is this?", "Explain what has the focus, and the Azure notion behind it.", shown=True),
    Action("keys", "question_mark", "keys", "List the keys.", shown=True),
    Action("command_palette", "ctrl+p", "commands", "Search everything that can be done here.", shown=True),
    Action("open_answers", "ctrl+o", "open answers", "Open an answers file and go on with what it says.", ("welcome", *_ASKING)),
    Action("save_answers", "ctrl+s", "save answers", "Save your answers as a file for 'mi-tui up'.", _ASKING),
    Action("send", "f5,ctrl+enter", "send", "Send the request to the endpoint.", ("endpoint",), shown=True),
    Action("show_logs", "f6", "logs", "Look at the last log lines of both containers.", ("endpoint",), shown=True),
    Action("raw", "f7", "raw or laid out", "Show the answer as it came, or laid out.", ("endpoint",)),
    Action("copy_uri", "f8", "copy address", "Copy the endpoint's scoring address.", ("endpoint",)),
    Action("copy_key", "f9", "copy key", "Copy the endpoint's key without showing it.", ("endpoint",)),
    Action("mask", "f2", "mask ids", "Mask subscription, tenant and object ids, to show the screen to a room."),
    Action("theme", "f3", "theme", "Change between dark, light and 16 colours."),
    Action("troubleshoot", "f4", "troubleshoot", "See why it failed and what to do; also any endpoint."),
    Action("commands", "c", "by hand", "Show the az commands that would do the same by hand.", ("review",), shown=True),
    Action("details", "d", "details", "Show each check with what was read and what to do, and each step with what it waits for.", ("review",), shown=True),
    Action("export", "e", "export", "Save the az commands that would do the same as a shell script.", ("review",), shown=True),
    Action("repair", "x", "repair", "Show what mi-tui can change against what the checks found.", ("review",)),
    Action("raw", "r", "raw error", "Show the error as Azure sent it, or hide it again.", ("review", "deploy", "troubleshoot")),
    Action("copy", "y", "copy all", "Copy the failure, the raw error and the log to the clipboard.", ("troubleshoot",)),
    Action("paste", "p", "a text", "Say what an error, a traceback, a log or a file from elsewhere means.", ("troubleshoot",)),
    Action("endpoint", "e", "an endpoint", "Look at an endpoint, whoever made it, without changing anything.", ("troubleshoot",)),
    Action("swap", "l", "log / failure", "On a small screen: change between the log and the failure.", ("deploy",)),
    Action("log_search", "slash", "search", "Look for words in the log; capitals count when you type one.", _LOGS),
    Action("log_next", "n", "next", "Go to the next line that was looked for.", _LOGS),
    Action("log_previous", "N", "previous", "Go to the line before that was looked for.", _LOGS),
    Action("log_filter", "ampersand", "filter", "Show only the lines of the log with these words.", _LOGS),
    Action("log_follow", "f", "follow", "Stay at the end of the log as lines come. Scrolling up turns it off.", _LOGS),
    Action("log_pause", "space", "pause", "Hold the log still; lines go on being kept.", _LOGS),
    Action("log_wrap", "w", "wrap", "Fold long lines of the log, or let them run out to the right.", _LOGS),
    Action("log_stamps", "t", "times", "Show when each line of the log came.", _LOGS),
    Action("log_copy", "y", "copy", "Copy the selection, or the last lines shown, to the clipboard.", _LOGS),
    Action("log_save", "s", "save", "Save the log to a file.", _LOGS),
    Action("quit", "ctrl+c,q", "quit", "Leave. A run under way goes on in Azure; mi-tui asks first.", shown=True),
)  # fmt: skip


def on(screen: str) -> tuple[Action, ...]:
    """The actions that a screen has."""
    return tuple(action for action in ACTIONS if not action.on or screen in action.on)


def log_keys() -> tuple[Action, ...]:
    """The actions of a log view."""
    return tuple(action for action in ACTIONS if action.name.startswith("log_"))


_SIGNS = {"escape": "esc", "question_mark": "?", "slash": "/", "ampersand": "&"}


def pretty(keys: str) -> str:
    """Keys as they stand on a keyboard: `escape,f1` is `esc, f1`."""
    return ", ".join(_SIGNS.get(key, key) for key in keys.split(","))


def documented() -> list[str]:
    """The table of keys for the README, line by line."""
    rows = [f"| {pretty(action.keys)} | {', '.join(action.on) or 'everywhere'} | {action.help} |" for action in ACTIONS]
    return ["| key | where | what it does |", "| --- | --- | --- |", *rows]
