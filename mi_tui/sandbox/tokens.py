"""Entra's access tokens: signed here, verified here, and trusted for nothing that the signature does not cover."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mi_tui.sandbox.store import Principal, Store

ARM = "https://management.azure.com"
STORAGE = "https://storage.azure.com"
LIFETIME = 3599
"""Seconds; what Entra gives a service principal."""

_REMEMBERED = 1000
"""Tokens whose claims are remembered; the oldest go."""


class TokenError(Exception):
    """A token that is not accepted; the text is for the request log, never for the caller.

    `expired` is when it did (Unix seconds), `audience` the resource that it is for instead. Both only of a token with a valid
    signature: what any other says of itself is nobody's word.
    """

    def __init__(self, told: str, *, expired: int | None = None, audience: str | None = None) -> None:
        super().__init__(told)
        self.expired = expired
        self.audience = audience


@dataclass(frozen=True)
class Caller:
    """Who sent a request, as its verified token says."""

    object_id: str
    kind: str
    name: str
    client_id: str
    roles: tuple[str, ...] = ()
    """Application permissions, which only the token of an application at Microsoft Graph carries."""


@cache
def _read(pem: str) -> rsa.RSAPrivateKey:
    """The key, whose numbers were held against each other: 30 ms, so once in a process, whose worlds may share one."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class Issuer:
    """The tenant's key and what is done with it."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self.tenant = tenant
        self._verified: dict[tuple[bytes, tuple[str, ...]], dict[str, Any]] = {}
        pem = store.value("signing_key")
        if pem is None:
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
            store.set_value("signing_key", pem)
        self._private = _read(pem)
        self._public = self._private.public_key()
        numbers = self._public.public_numbers()
        self._modulus = _b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))
        self._exponent = _b64(numbers.e.to_bytes(3, "big"))
        self.key_id = _b64(hashlib.sha256(self._modulus.encode()).digest()[:20])

    def jwks(self) -> dict[str, Any]:
        """The public key set that the discovery document points at."""
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": self.key_id,
            "x5t": self.key_id,
            "n": self._modulus,
            "e": self._exponent,
        }
        return {"keys": [key]}

    def mint(
        self,
        principal: Principal,
        audience: str,
        *,
        v2: bool = False,
        lifetime: int = LIFETIME,
        scopes: tuple[str, ...] = ("user_impersonation",),
        roles: tuple[str, ...] = (),
    ) -> tuple[str, int]:
        """A signed access token for a principal and its time of expiry (Unix seconds). `audience` is the resource's URI.

        `scopes` stand in the token of a user, `roles` (application permissions) in that of an application.
        """
        now = int(time.time())
        expires = now + lifetime
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://login.microsoftonline.com/{self.tenant}/v2.0" if v2 else f"https://sts.windows.net/{self.tenant}/",
            "iat": now, "nbf": now, "exp": expires,
            "oid": principal.object_id, "sub": principal.object_id, "tid": self.tenant,
            "uti": base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode(),
            "ver": "2.0" if v2 else "1.0",
        }  # fmt: skip
        if principal.kind == "User":
            claims |= {
                "idtyp": "user",
                "upn": principal.name,
                "unique_name": principal.name,
                "name": principal.name,
                "scp": " ".join(scopes),
                "acr": "1",
                "amr": ["pwd", "mfa"],
                "appidacr": "0",
            }
            claims["appid"] = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # the Azure CLI's public client
        else:
            secret = "2" if principal.resource_key is not None else "1"  # a certificate of Azure's, or a client secret
            claims |= {"idtyp": "app", "appid": principal.client_id, "appidacr": secret, "idp": claims["iss"]}
            if roles:
                claims["roles"] = list(roles)
            if principal.resource_key is not None:
                claims["xms_mirid"] = principal.resource_key
        headers = {"kid": self.key_id, "x5t": self.key_id}
        return jwt.encode(claims, self._private, algorithm="RS256", headers=headers), expires

    def id_token(self, principal: Principal, client_id: str, *, nonce: str = "") -> str:
        """A signed id token that tells a client who signed in; no API accepts it (its audience is the client)."""
        now = int(time.time())
        claims = {
            "aud": client_id, "iss": f"https://login.microsoftonline.com/{self.tenant}/v2.0",
            "iat": now, "nbf": now, "exp": now + LIFETIME,
            "oid": principal.object_id, "sub": principal.object_id, "tid": self.tenant,
            "name": principal.name, "preferred_username": principal.name, "ver": "2.0",
        }  # fmt: skip
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self.key_id, "x5t": self.key_id})

    def verify(self, token: str, audiences: tuple[str, ...], *, directory: bool = False) -> Caller:
        """Who a token names. TokenError when it is forged, expired, or for another audience or tenant.

        A token outlives its principal: "tokens that were issued before the identity was deleted will still be valid until their
        original expiry", and what looks at Azure RBAC goes on to accept them, while others look the identity up in the
        directory and refuse (Managed identities frequently asked questions, Microsoft Learn). `directory` says which: with it,
        a deleted principal is a TokenError too.
        """
        claims = self._claims(token, audiences)
        if claims["tid"] != self.tenant:
            raise TokenError("the token is of another tenant")
        principal = self._store.principal(str(claims["oid"]))
        if principal is None and directory:
            raise TokenError("the token's principal was deleted")
        client_id, roles = str(claims.get("appid") or ""), tuple(claims.get("roles") or ())
        if principal is None:
            kind = "User" if claims.get("idtyp") == "user" else "ServicePrincipal"
            return Caller(str(claims["oid"]), kind, str(claims.get("upn") or client_id), client_id, roles)
        return Caller(
            principal.object_id, principal.kind, principal.name, client_id or str(principal.client_id or ""), roles
        )

    def _claims(self, token: str, audiences: tuple[str, ...]) -> dict[str, Any]:
        """What a token says, once its signature, its dates and its audience are found good.

        A client sends one token with hundreds of requests, so its claims are remembered (by its hash, until it expires); what can
        change meanwhile, whether it has expired and whether its principal is there, is looked at each time.
        """
        key = (hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest(), audiences)
        known = self._verified.get(key)
        if known is not None and time.time() < known["exp"]:
            return known
        accepted = [form for audience in audiences for form in (audience.rstrip("/"), audience.rstrip("/") + "/")]
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                audience=accepted,
                options={"require": ["exp", "aud", "oid", "tid"]},
            )
        except (jwt.ExpiredSignatureError, jwt.InvalidAudienceError) as error:
            claims = jwt.decode(token, options={"verify_signature": False})  # it was valid, else the error were another
            late = isinstance(error, jwt.ExpiredSignatureError)
            raise TokenError(
                f"{type(error).__name__}: {error}",
                expired=int(claims["exp"]) if late else None,
                audience=None if late else str(claims.get("aud")),
            ) from error
        # A forged token is anything at all: PyJWT lets through what its header's JSON does to the parser.
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TokenError(f"{type(error).__name__}: {error}") from error
        if len(self._verified) >= _REMEMBERED:
            del self._verified[next(iter(self._verified))]
        self._verified[key] = claims
        return claims


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
