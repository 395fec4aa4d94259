"""The credential that every client of a session shares: one token per scope, kept until it is old or refused."""

from __future__ import annotations

import base64
import threading
import time
from collections import deque
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, cast

from mi_tui.model.secret import remember

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions
    from azure.core.pipeline import PipelineResponse

RENEW_SECONDS = 300
"""A token is asked for anew this long before it expires."""

_ONCE_MORE = '{"access_token": {}}'
"""Claims that ask for nothing: of a challenge that Azure did not send, by which azure-core asks for a token and sends once more."""


class CachedCredential:
    """A credential that asks the one beneath it once per scope until shortly before the token expires, or until Azure refuses it.

    Each SDK client has a cache of its own, and `AzureCliCredential` would start `az` for every client.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._tokens: dict[Hashable, AccessTokenInfo] = {}
        self._refused: deque[str] = deque(maxlen=50)
        self._let_go: deque[str] = deque(maxlen=50)
        """Tokens that were let go without a refusal: clients have copies of them, which may be refused later."""

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

    def hear(self, answer: PipelineResponse[object, object]) -> None:
        """See an answer before azure-core does: a token that is refused (401) is dropped, and the request sent once more.

        azure-core does that by itself only after a claims challenge (continuous access evaluation), or at Storage. Resource
        Manager refuses an expired or revoked token without one, and `ARMChallengeAuthenticationPolicy` would then drop its own
        copy only. So a challenge is written into such an answer; the policy follows it once, and a second 401 is the caller's.
        """
        response: Any = answer.http_response
        if response.status_code != 401:
            return
        scheme, _, token = str(response.request.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not self._drop(token):
            return
        told = str(response.headers.get("WWW-Authenticate") or "")
        # Storage's challenge names the resource and has a policy of its own, which asks for a token as well.
        if "insufficient_claims" not in told and "resource_id" not in told:
            claims = base64.urlsafe_b64encode(_ONCE_MORE.encode()).decode()
            response.headers["WWW-Authenticate"] = f'Bearer error="insufficient_claims", claims="{claims}"'

    def forget(self) -> None:
        """Let the tokens go: the next one is asked for anew."""
        with self._lock:
            self._clear()

    def replace(self, credential: TokenCredential) -> None:
        """Somebody signed in again: from now on tokens come from `credential`."""
        beneath = credential._credential if isinstance(credential, CachedCredential) else credential
        with self._lock:
            self._credential = beneath
            self._clear()

    def _clear(self) -> None:
        self._let_go.extend(found.token for found in self._tokens.values())
        self._tokens.clear()

    def held(self) -> tuple[str, ...]:
        """The tokens at hand, which are secrets."""
        with self._lock:
            return tuple(found.token for found in self._tokens.values())

    def _drop(self, token: str) -> bool:
        """Forget a token; False for one that is none of this credential's."""
        with self._lock:
            held = [key for key, found in self._tokens.items() if found.token == token]
            for key in held:
                del self._tokens[key]
            if (held or token in self._let_go) and token not in self._refused:
                self._refused.append(token)
            return token in self._refused

    def _find(
        self, scopes: tuple[str, ...], claims: str | None, tenant_id: str | None, enable_cae: bool
    ) -> AccessTokenInfo:
        key = (scopes, tenant_id, enable_cae)
        if claims == _ONCE_MORE:
            claims = None  # the token was dropped, or another thread has a new one already
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            found = self._tokens.get(key)
            # A claims challenge means that the token at hand was refused.
            if found is None or claims or found.expires_on - time.time() < RENEW_SECONDS:
                found = self._ask(scopes, claims, tenant_id, enable_cae)
                if found.token in self._refused:
                    found = self._ask_past_its_cache(found, scopes, tenant_id, enable_cae)
                self._tokens[key] = found
            return found

    def _ask_past_its_cache(
        self, refused: AccessTokenInfo, scopes: tuple[str, ...], tenant_id: str | None, enable_cae: bool
    ) -> AccessTokenInfo:
        """A token that is not the refused one again, by the claims that a revocation is challenged with; else that one.

        MSAL looks past its cache when it is given claims. The Azure CLI's credential takes none: `az` decides there.
        """
        from azure.core.exceptions import ClientAuthenticationError

        claims = f'{{"access_token": {{"nbf": {{"essential": true, "value": "{int(time.time())}"}}}}}}'
        try:
            return self._ask(scopes, claims, tenant_id, enable_cae)
        except ClientAuthenticationError:
            return refused

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
