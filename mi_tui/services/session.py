"""A session: one credential and one subscription, and the SDK clients made of them, each made when first needed."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec import Struct

from mi_tui.model.secret import remember
from mi_tui.services.errors import translated
from mi_tui.services.operations import Operations
from mi_tui.services.quiet import load_clients, load_ml

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.msi import ManagedServiceIdentityClient
    from azure.mgmt.storage import StorageManagementClient

ARM = "https://management.azure.com"
ARM_SCOPE = f"{ARM}/.default"
DEFAULT_POLL_SECONDS = 5.0
RENEW_SECONDS = 300
"""A token is asked for anew this long before it expires."""

CONNECT_SECONDS = 20
READ_SECONDS = 120

T = TypeVar("T")


class Caller(Struct, frozen=True):
    """Who is signed in, as the token says: for display and for hints, never to decide anything."""

    name: str
    object_id: str
    tenant: str


class CachedCredential:
    """A credential that asks the one beneath it once per scope until shortly before the token expires.

    Each SDK client has a cache of its own, and `AzureCliCredential` would start `az` for every client.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._tokens: dict[Hashable, AccessTokenInfo] = {}

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_: object,
    ) -> AccessToken:
        """A token for the scopes; azure-core's older protocol."""
        from azure.core.credentials import AccessToken

        found = self._find(scopes, claims, tenant_id, enable_cae)
        return AccessToken(found.token, found.expires_on)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token for the scopes; azure-core's newer protocol."""
        asked = options or {}
        return self._find(scopes, asked.get("claims"), asked.get("tenant_id"), bool(asked.get("enable_cae")))

    def _find(
        self, scopes: tuple[str, ...], claims: str | None, tenant_id: str | None, enable_cae: bool
    ) -> AccessTokenInfo:
        key = (scopes, tenant_id, enable_cae)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            found = self._tokens.get(key)
            # A claims challenge means that the token at hand was refused.
            if found is None or claims or found.expires_on - time.time() < RENEW_SECONDS:
                found = self._ask(scopes, claims, tenant_id, enable_cae)
                self._tokens[key] = found
            return found

    def _ask(
        self, scopes: tuple[str, ...], claims: str | None, tenant_id: str | None, enable_cae: bool
    ) -> AccessTokenInfo:
        from azure.core.credentials import AccessTokenInfo

        options: dict[str, Any] = {}
        if claims:
            options["claims"] = claims
        if tenant_id:
            options["tenant_id"] = tenant_id
        if enable_cae:
            options["enable_cae"] = True
        newer = getattr(self._credential, "get_token_info", None)
        if newer is not None:
            found = cast("AccessTokenInfo", newer(*scopes, options=options))
        else:
            token = self._credential.get_token(*scopes, **options)
            found = AccessTokenInfo(token.token, token.expires_on)
        remember(found.token)  # the SDKs want it as plain text
        return found


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
        self.credential = CachedCredential(credential)
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
            "raw_response_hook": self.operations.hook,
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
        }

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
                policies.RetryPolicy(),
                ARMChallengeAuthenticationPolicy(self.credential, ARM_SCOPE),
                policies.CustomHookPolicy(raw_response_hook=options["raw_response_hook"]),
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
