"""A person with a browser, as a script: opens a sign-in page of the sandbox, fills it in, and goes where the page leads.

`python -m tests.person URL [CODE [cancel]]`; with BROWSER set to it, azure-identity's browser sign-in opens it. The password is
MI_TUI_SANDBOX_PASSWORD. It goes through HTTPS_PROXY and trusts SSL_CERT_FILE, as a browser does that was told so.
"""

from __future__ import annotations

import os
import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser


class _Form(HTMLParser):
    """The first form of a page: where it goes and what is in its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.found = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found, self.action = True, told.get("action", "")
        elif tag == "input" and told.get("name"):
            self.fields[told["name"]] = told.get("value", "")


def _open(url: str, fields: dict[str, str] | None = None) -> str:
    body = urllib.parse.urlencode(fields).encode() if fields is not None else None
    # A new opener: urlopen keeps the proxy that the environment named when it was first called in this process.
    with urllib.request.build_opener().open(url, body, timeout=20) as answer:
        return str(answer.read().decode())


def sign_in(url: str, code: str = "", answer: str = "ok", password: str | None = None) -> str:
    """Sign in on the page at `url` (with a device's code, or on the authorize page); the text of the page at the end."""
    form = _Form(_open(url))
    fields = form.fields | {"passwd": password or os.environ["MI_TUI_SANDBOX_PASSWORD"], "answer": answer}
    if code:
        fields["otc"] = code
    page = _open(url, fields)
    followed = _Form(page)
    # The page that hands the code over posts itself in a browser.
    return _open(followed.action, followed.fields) if followed.found and followed.action else page


if __name__ == "__main__":
    sign_in(*sys.argv[1:])
