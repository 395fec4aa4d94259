"""Who calls ARM: the token that a request carries, or the 401 that Azure answers instead.

Sentences and the challenge: as ARM's clients report them; tools read the tenant out of `authorization_uri`.
"""

from __future__ import annotations

import datetime as dt
import time

from starlette.requests import Request

from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.tokens import ARM, Caller, TokenError
from mi_tui.sandbox.world import World

AUDIENCES = (ARM, "https://management.core.windows.net")

_ACCEPTED = ",".join(f"'{form}'" for audience in reversed(AUDIENCES) for form in (f"{audience}/", audience))


def authenticate(world: World, request: Request) -> Caller:
    """The caller that a request's token names. ArmError 401 without a token, or with one that is not accepted."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    tenant = world.issuer.tenant
    if scheme.lower() != "bearer" or not token:
        raise _refusal(
            tenant, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.",
            "The authentication failed because of missing 'Authorization' header.",
        )  # fmt: skip
    try:
        if request.scope["state"].get("expired"):
            raise TokenError("ExpiredSignatureError: by the scenario", expired=int(time.time()) - 1)
        return world.issuer.verify(token, AUDIENCES)
    except TokenError as error:
        request.state.decision = str(error)
        raise _told(tenant, error) from error


def _told(tenant: str, error: TokenError) -> ArmError:
    if error.expired is not None:
        message = f"The access token expiry UTC time '{_us(error.expired)}' is earlier than current UTC time '{_us()}'."
        return _refusal(tenant, "ExpiredAuthenticationToken", message, "The access token expired.")
    if error.audience is not None:
        message = (
            f"The access token has been obtained for wrong audience or resource '{error.audience}'. It should exactly match with one of "
            f"the allowed audiences {_ACCEPTED}."
        )
        return _refusal(
            tenant,
            "InvalidAuthenticationTokenAudience",
            message,
            "The access token is from wrong audience or resource.",
        )
    return _refusal(
        tenant, "InvalidAuthenticationToken", "The access token is invalid.", "The access token is invalid."
    )


def _refusal(tenant: str, code: str, message: str, description: str) -> ArmError:
    uri = f"https://login.windows.net/{tenant}"
    challenge = f'Bearer authorization_uri="{uri}", error="invalid_token", error_description="{description}"'
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def _us(seconds: float | None = None) -> str:
    """A time as ARM writes it into this sentence, such as `8/17/2017 10:54:41 PM`; now without one."""
    moment = dt.datetime.now(dt.UTC) if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    hour = moment.hour % 12 or 12
    return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"
