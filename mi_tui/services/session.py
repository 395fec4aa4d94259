"""A session: one credential and one subscription, and the SDK clients made of them, each made when first needed."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec import Struct

from mi_tui.services import retries
from mi_tui.services.errors import translated
from mi_tui.services.operations import Operations
from mi_tui.services.quiet import load_clients, load_ml
from mi_tui.services.tokens import CachedCredential

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import PipelineResponse
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.msi import ManagedServiceIdentityClient
    from azure.mgmt.storage import StorageManagementClient

ARM = "https://management.azure.com"
ARM_SCOPE = f"{ARM}/.default"
DEFAULT_POLL_SECONDS = 5.0
CONNECT_SECONDS = 20
READ_SECONDS = 120

T = TypeVar("T")


class Caller(Struct, frozen=True):
    """Who is signed in, as the token says: for display and for hints, never to decide anything."""

    name: str
    object_id: str
    tenant: str


class Session:
    """What every service function takes first. Safe to use from many threads.

    `poll_seconds` is the clock by which long operations are polled when Azure names none (default 5 s); `grant_retry_seconds` is
    how long a role assignment is tried again while the directory does not know its principal yet.
    """

    def __init__(
        self,
        credential: TokenCredential,
        subscription_id: str,
        *,
        poll_seconds: float | None = None,
        grant_retry_seconds: float = 120,
    ) -> None:
        load_clients()
        # Sessions of one sign-in share its tokens: signing in again reaches all of them.
        self.credential = credential if isinstance(credential, CachedCredential) else CachedCredential(credential)
        self.subscription_id = subscription_id
        self.grant_retry_seconds = grant_retry_seconds
        self.operations = Operations(DEFAULT_POLL_SECONDS if poll_seconds is None else poll_seconds)
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._clients: dict[Hashable, object] = {}

    def in_subscription(self, subscription_id: str) -> Session:
        """A session of the same sign-in in another subscription."""
        return Session(
            cast("TokenCredential", self.credential),
            subscription_id,
            poll_seconds=self.operations.poll_seconds,
            grant_retry_seconds=self.grant_retry_seconds,
        )

    def caller(self) -> Caller:
        """Who is signed in. Raises ServiceError when nobody is."""
        with translated():
            return caller_in(self.credential.get_token_info(ARM_SCOPE).token)

    def tenant(self) -> str:
        """The tenant of the tokens at hand, without asking for one; empty when there are none, or they are opaque."""
        return next((found for token in self.credential.held() if (found := caller_in(token).tenant)), "")

    def client(self, key: Hashable, make: Callable[[], T]) -> T:
        """The client under `key`, made once. Two threads that want the same one wait for each other, others do not."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._clients:
                self._clients[key] = make()
            return cast("T", self._clients[key])

    def options(self) -> dict[str, Any]:
        """The keyword arguments that every client is made with."""
        return {
            "retry_policy": self.client("retries", lambda: retries.for_arm(self.operations)),
            "raw_request_hook": self.operations.calls.sending,
            "raw_response_hook": self._hear,
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
        }

    def _hear(self, answer: PipelineResponse[object, object]) -> None:
        """See each answer of every client before the client does."""
        self.credential.hear(answer)
        self.operations.hook(answer)

    def ml(self, group: str, workspace: str) -> MLClient:
        """The MLClient of a workspace. Progress stays on: with it off, azure-ai-ml 1.35 hangs when an upload fails."""

        def make() -> MLClient:
            return load_ml().MLClient(
                self.credential,
                self.subscription_id,
                group,
                workspace,
                enable_telemetry=False,
                show_progress=True,
                **self.options(),
            )

        return self.client(("ml", group.lower(), workspace.lower()), make)

    def storage(self) -> StorageManagementClient:
        """The client of Microsoft.Storage."""

        def make() -> StorageManagementClient:
            from azure.mgmt.storage import StorageManagementClient

            return StorageManagementClient(self.credential, self.subscription_id, **self.options())

        return self.client("storage", make)

    def identities(self) -> ManagedServiceIdentityClient:
        """The client of Microsoft.ManagedIdentity."""

        def make() -> ManagedServiceIdentityClient:
            from azure.mgmt.msi import ManagedServiceIdentityClient

            return ManagedServiceIdentityClient(self.credential, self.subscription_id, **self.options())

        return self.client("identities", make)

    def authorization(self) -> AuthorizationManagementClient:
        """The client of Microsoft.Authorization, api-version 2022-04-01."""

        def make() -> AuthorizationManagementClient:
            from azure.mgmt.authorization import AuthorizationManagementClient

            return AuthorizationManagementClient(
                self.credential, self.subscription_id, api_version="2022-04-01", **self.options()
            )

        return self.client("authorization", make)

    def arm(self) -> ARMPipelineClient[Any, Any]:
        """The bare pipeline to Azure Resource Manager."""

        def make() -> ARMPipelineClient[Any, Any]:
            from azure.core.pipeline import policies
            from azure.mgmt.core import ARMPipelineClient
            from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, ARMHttpLoggingPolicy

            options = self.options()
            chain = [
                policies.RequestIdPolicy(),
                policies.HeadersPolicy(),
                policies.UserAgentPolicy(sdk_moniker="mi-tui"),
                policies.ProxyPolicy(),
                policies.RedirectPolicy(),
                options["retry_policy"],
                ARMChallengeAuthenticationPolicy(self.credential, ARM_SCOPE),
                policies.CustomHookPolicy(
                    raw_request_hook=options["raw_request_hook"], raw_response_hook=options["raw_response_hook"]
                ),
                policies.SensitiveHeaderCleanupPolicy(),
                ARMHttpLoggingPolicy(),
            ]
            return ARMPipelineClient(ARM, policies=chain, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)

        return self.client("arm", make)


def caller_in(token: str) -> Caller:
    """Who a token of Entra names; `unknown` when it is opaque."""
    claims = _claims(token)
    names = ("upn", "preferred_username", "unique_name", "email", "app_displayname", "name", "appid", "oid")
    name = next((claims[key] for key in names if claims.get(key)), "unknown")
    return Caller(name, claims.get("oid", ""), claims.get("tid", ""))


def _claims(token: str) -> dict[str, str]:
    """The text claims of a JWT, read without any check; empty when the token is none."""
    parts = token.split(".")
    if len(parts) < 2:
        return {}
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return {str(key): value for key, value in body.items() if isinstance(value, str)} if isinstance(body, dict) else {}
