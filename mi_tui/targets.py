"""Where a run plays: Azure, or the sandbox. Opens a session there; the same services and engine work on either."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mi_tui.engine.context import Pace
from mi_tui.engine.signing import AskSignIn
from mi_tui.model.failure import Failure
from mi_tui.model.secret import Secret, remember
from mi_tui.sandbox import client
from mi_tui.services import sign_in
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session
from mi_tui.services.sign_in import Account

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

AZURE = "azure"
SANDBOX = "sandbox"
AZURE_CLI_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The public client id of the Azure CLI, which the sandbox's signed-in user signed in with."""

_NETWORK_VARIABLES = (
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
)

# One machine plays all parts there: what it is slow to answer is its own load, and waiting for it costs nobody anything.
_SANDBOX_PACE = {
    "instant": Pace(
        grant_wait=0.3, propagation=10.0, young_grant=20.0, retry_wait=0.5, log_poll=0.3, state_poll=0.1,
        first_pause=0.2, longest_pause=2.0, network_patience=60.0, busy_patience=20.0, throttled_patience=60.0, calm=5.0,
        absent_pause=0.05, look=5.0, capacity_look=10.0, reading_patience=20.0, cancelling_patience=20.0,
    ),
    "demo": Pace(
        grant_wait=2.0, propagation=45.0, young_grant=90.0, retry_wait=3.0, log_poll=1.0, state_poll=0.5,
        first_pause=0.5, longest_pause=10.0, absent_pause=0.3, look=5.0, capacity_look=90.0,
    ),
}  # fmt: skip
_SANDBOX_POLL = {"instant": 0.1, "demo": 0.5}


@dataclass
class Target:
    """An open target: `name` is `azure` or `sandbox`; `lease` holds the sandbox, None in Azure."""

    name: str
    session: Session
    pace: Pace
    lease: client.Lease | None = None
    ask_sign_in: AskSignIn | None = None
    """How a person is asked to sign in again in the middle of a run; None where nobody can be asked."""

    @property
    def connection(self) -> client.Connection | None:
        """Where the sandbox is; None in Azure."""
        return self.lease.connection if self.lease else None

    def in_subscription(self, subscription: str) -> Target:
        """The same sign-in in another subscription."""
        if subscription.lower() == self.session.subscription_id.lower():
            return self
        return replace(self, session=self.session.in_subscription(subscription))

    @property
    def gone(self) -> bool:
        """Whether the sandbox has died meanwhile. Azure does not."""
        return self.lease is not None and not self.lease.alive()


@contextmanager
def sandbox(
    home: Path, subscription: str | None, *, profile: str | None = None, scenario: str | None = None
) -> Iterator[Target]:
    """The sandbox, started if need be and held while this is open. `subscription` None is its default one.

    The process's proxy and CA variables point into the sandbox from then on: a process talks to one target only.
    """
    with client.connect(home / "sandbox", profile=profile, scenario=scenario) as lease:
        connection = lease.connection
        for secret in (connection.control_token, connection.client_secret, connection.user_password):
            remember(secret)
        variables = client.environment(connection)
        os.environ.update({name: variables[name] for name in _NETWORK_VARIABLES if name in variables})
        credential = SignedInUser(connection.tenant, connection.user_refresh_token)
        session = Session(
            credential, subscription or connection.subscription, poll_seconds=_SANDBOX_POLL.get(connection.profile)
        )
        yield Target(SANDBOX, session, _SANDBOX_PACE.get(connection.profile, Pace()), lease)


@contextmanager
def azure(subscription: str, account: Account | None = None, *, tenant: str = "") -> Iterator[Target]:
    """Azure, as an account that is signed in; without one, with what asks nobody: environment variables, else the Azure CLI."""
    credential = cast("TokenCredential", account.credential) if account else sign_in.silent(tenant)
    yield Target(AZURE, Session(credential, subscription), Pace())


class SignedInUser:
    """The token credential of a user who has signed in before: trades a refresh token for access tokens, as the Azure CLI does."""

    def __init__(self, tenant: str, refresh_token: str) -> None:
        self._url = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
        self._refresh_token = Secret(refresh_token)
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """An access token for one scope. ClientAuthenticationError when Entra refuses."""
        import requests
        from azure.core.credentials import AccessToken
        from azure.core.exceptions import ClientAuthenticationError

        form = {
            "grant_type": "refresh_token",
            "client_id": AZURE_CLI_CLIENT,
            "refresh_token": self._refresh_token.reveal(),
            "scope": " ".join(scopes),
        }
        with self._lock:
            answer = requests.post(self._url, data=form, timeout=30)
        if answer.status_code == 429 or answer.status_code >= 500:
            # Entra is busy, which is no refusal.
            raise ServiceError(Failure(f"HTTP {answer.status_code}", "Entra is busy.", status=answer.status_code))
        body = answer.json()
        if answer.status_code != 200:
            raise ClientAuthenticationError(message=str(body.get("error_description", "Entra refused the sign-in.")))
        return AccessToken(str(body["access_token"]), int(time.time()) + int(body["expires_in"]))


def _is_credential(user: SignedInUser) -> TokenCredential:
    """A static check only: SignedInUser is what the SDK takes for a credential."""
    return user
