"""Signing in to Azure: each way tried without asking anybody, and the two that ask a person, with a way to give up.

Tokens live in memory only: nothing of them is written anywhere, and a new process signs in anew.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from mi_tui.model.failure import Failure
from mi_tui.model.secret import remember
from mi_tui.model.sign_in import Finding, Prompt, SignIn, Standing
from mi_tui.services import browsers
from mi_tui.services.browsers import SECRET_VARIABLES
from mi_tui.services.errors import SIGN_IN, ServiceError, translated
from mi_tui.services.quiet import load_identity
from mi_tui.services.session import ARM_SCOPE, Caller, caller_in
from mi_tui.services.tokens import CachedCredential

if TYPE_CHECKING:
    from datetime import datetime

    from azure.core.credentials import TokenCredential
    from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential

BROWSER_SECONDS = 300
"""How long a browser sign-in may take."""

CLI_SECONDS = 30

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALWAYS = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_ONE_OF = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH")
_PERSON = ("AZURE_CLIENT_ID", "AZURE_USERNAME", "AZURE_PASSWORD")


class SignInCancelled(Exception):
    """The person gave the sign-in up."""


@dataclass(frozen=True)
class Account:
    """Somebody who is signed in, and how. Holds what gives tokens; its repr tells none."""

    kind: SignIn
    caller: Caller
    credential: CachedCredential = field(repr=False)


@dataclass(frozen=True)
class Probed:
    """What was found of a sign-in, and the account where it is ready."""

    finding: Finding
    account: Account | None = None


# ---- without asking anybody


def silent(tenant: str = "") -> TokenCredential:
    """The credential of the first sign-in that asks nobody: the environment's variables where they are set, else the Azure CLI."""
    load_identity()
    _remember_environment()
    from azure.identity import AzureCliCredential, ChainedTokenCredential, EnvironmentCredential

    cli = AzureCliCredential(tenant_id=tenant, process_timeout=CLI_SECONDS)
    return ChainedTokenCredential(EnvironmentCredential(), cli)


def account(kind: SignIn, tenant: str = "") -> Account:
    """Who a silent sign-in signs in. Raises ServiceError when nobody, or when the sign-in is one that asks."""
    assert kind.silent, "the others go by Attempt"
    absent = _absent(kind)
    if absent is not None:
        raise ServiceError(Failure(SIGN_IN, absent.words, advice=absent.advice))
    load_identity()
    _remember_environment()
    from azure.identity import AzureCliCredential, EnvironmentCredential

    with translated():
        made = (
            EnvironmentCredential()
            if kind is SignIn.ENVIRONMENT
            else AzureCliCredential(tenant_id=tenant, process_timeout=CLI_SECONDS)
        )
        return _account(kind, CachedCredential(cast("TokenCredential", made)))


def probe(kind: SignIn, tenant: str = "") -> Probed:
    """Try a sign-in without asking anybody anything; never raises. Blocks until it is known."""
    if kind is SignIn.DEVICE_CODE:
        words = "You open a page on any device and enter a code. Works everywhere, unless your organization blocks it."
        return Probed(Finding(kind, Standing.OFFERED, words))
    if kind is SignIn.BROWSER:
        why = browsers.why_none()
        if why:
            return Probed(Finding(kind, Standing.ABSENT, why, "Device code works without a browser on this machine."))
        return Probed(Finding(kind, Standing.OFFERED, "Opens a page in your browser, where you sign in."))
    absent = _absent(kind)
    if absent is not None:
        return Probed(absent)
    try:
        found = account(kind, tenant)
    except ServiceError as error:
        return Probed(_refused(kind, error.failure))
    name, where = found.caller.name, found.caller.tenant
    if _GUID.fullmatch(name):
        name = f"application {name}"  # a service principal's token has no name
    return Probed(Finding(kind, Standing.READY, f"{name}, tenant {where}", name=name, tenant=where), found)


def _remember_environment() -> None:
    """The environment's secrets, which EnvironmentCredential reads by itself, are kept out of every text."""
    for name in SECRET_VARIABLES:
        remember(os.environ.get(name, ""))


def _absent(kind: SignIn) -> Finding | None:
    """Why a silent sign-in need not be tried; None when it may work."""
    if kind is SignIn.AZURE_CLI:
        if shutil.which("az"):
            return None
        return Finding(
            kind, Standing.ABSENT, "Azure CLI is not installed (or not on the PATH).",
            "Install it from https://aka.ms/azcli and run 'az login', then try again.",
        )  # fmt: skip
    given = {name for name in (*_ALWAYS, *_ONE_OF, *_PERSON) if os.environ.get(name)}
    if (given >= set(_ALWAYS) and given & set(_ONE_OF)) or given >= set(_PERSON):
        return None
    missing = [name for name in (*_ALWAYS, _ONE_OF[0]) if name not in given]
    listed = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    words = f"{listed} {'is' if len(missing) == 1 else 'are'} not set."
    return Finding(kind, Standing.ABSENT, words, "Set them and start mi-tui again to sign in as a service principal.")


def _refused(kind: SignIn, failure: Failure) -> Finding:
    """What a refusal of a silent sign-in means here."""
    if kind is SignIn.AZURE_CLI and not failure.code.startswith("AADSTS") and "az login" in failure.message.lower():
        return Finding(
            kind, Standing.ABSENT, "Azure CLI is there, but not signed in.",
            "Run 'az login' in another terminal, then try again.",
        )  # fmt: skip
    code = f" ({failure.code})" if failure.code.startswith("AADSTS") else ""
    return Finding(kind, Standing.REFUSED, f"{failure.message}{code}", failure.advice)


def _account(kind: SignIn, credential: CachedCredential) -> Account:
    return Account(kind, caller_in(credential.get_token_info(ARM_SCOPE).token), credential)


# ---- with a person


class Attempt:
    """One sign-in in a browser or by device code. `run` blocks on a thread of its own; `cancel` may be called from any other."""

    def __init__(self, kind: SignIn, tenant: str, prompt: Callable[[Prompt], None]) -> None:
        """`prompt` is called on the thread of `run` when it is known what the person is to do."""
        self.kind = kind
        self._tenant = tenant
        self._prompt = prompt
        self._cancelled = threading.Event()
        self._done = False
        self._port = 0

    def run(self) -> Account:
        """Who signed in. Raises ServiceError when it was refused or took too long, SignInCancelled when it was given up."""
        load_identity()
        try:
            with translated(), browsers.handing_over(self._opened):
                made = self._browser() if self.kind is SignIn.BROWSER else self._device()
                made.authenticate(scopes=[ARM_SCOPE])
                found = _account(self.kind, CachedCredential(cast("TokenCredential", made)))
        except ServiceError:
            if self._cancelled.is_set():
                raise SignInCancelled from None
            raise
        if self._cancelled.is_set():
            raise SignInCancelled
        self._done = True
        return found

    def cancel(self) -> None:
        """Give up: nothing is asked of Entra any more, and `run` ends with SignInCancelled. Returns at once; nothing once somebody has signed in."""
        if self._done:
            return
        self._cancelled.set()
        if self._port:
            threading.Thread(target=_knock, args=(self._port,), name="cancel", daemon=True).start()

    def _check(self, _: object) -> None:
        """Before each request of the credential: a device code that was given up is not polled for."""
        if self._cancelled.is_set():
            raise SignInCancelled

    def _opened(self, url: str) -> None:
        """azure-identity opens its page: the person is told where it is, should no browser come up."""
        self._check(url)
        self._prompt(Prompt(self.kind, url, "", time.time() + BROWSER_SECONDS))

    def _device(self) -> DeviceCodeCredential:
        from azure.identity import DeviceCodeCredential

        def prompt(url: str, code: str, expires: datetime) -> None:
            self._prompt(Prompt(self.kind, url, code, expires.timestamp()))

        return DeviceCodeCredential(prompt_callback=prompt, **self._options())

    def _browser(self) -> InteractiveBrowserCredential:
        from azure.identity import InteractiveBrowserCredential

        self._port = _free_port()
        return InteractiveBrowserCredential(
            redirect_uri=f"http://localhost:{self._port}", timeout=BROWSER_SECONDS, **self._options()
        )

    def _options(self) -> dict[str, Any]:
        # Later requests never ask by themselves: in the middle of a deployment nobody would know what for.
        options: dict[str, Any] = {"disable_automatic_authentication": True, "raw_request_hook": self._check}
        if self._tenant:
            options["tenant_id"] = self._tenant
        return options


def _free_port() -> int:
    """A port of this machine for the browser to come back to; Entra takes any for localhost ("Redirect URI restrictions")."""
    with socket.socket() as probe_socket:
        probe_socket.bind(("localhost", 0))
        return int(probe_socket.getsockname()[1])


def _knock(port: int) -> None:
    """End the wait of azure-identity's listener for the browser, with an answer that it takes for nobody's sign-in."""
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=2) as connection:
        connection.sendall(b"GET /?error=cancelled HTTP/1.0\r\n\r\n")
        connection.recv(1)
