"""Who sends a request and whether that one may: tokens and Azure RBAC, account keys, shared access signatures, nobody.

Source: "Authorize requests to Azure Storage", "Authorize with Shared Key", and the permissions table of each operation.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, unquote_plus

from mi_tui.sandbox import rbac
from mi_tui.sandbox.blob import sas
from mi_tui.sandbox.blob.call import Call
from mi_tui.sandbox.blob.errors import (
    BlobError,
    authentication_failed,
    challenge,
    fault,
    invalid_token,
    malformed_authorization,
)
from mi_tui.sandbox.tokens import STORAGE, TokenError

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_SERVICES = "Microsoft.Storage/storageAccounts/blobServices"

CLOCK_SKEW = 900
"""Seconds that the date of a request signed with a key may lie in the past; Azure speaks of no limit in the future."""


@dataclass(frozen=True)
class Need:
    """The right that an operation asks for: any of these RBAC actions, or any of these letters of a SAS.

    `level` is an account SAS's resource type: `s` service, `c` container, `o` object. `service_sas` says whether a SAS
    for one container or blob can allow it at all; `public` names the container's public access that makes it free.
    """

    actions: tuple[str, ...]
    letters: str
    level: str
    data: bool = True
    service_sas: bool = True
    public: tuple[str, ...] = ()


READ = Need((f"{_BLOBS}/read",), "r", "o", public=("blob", "container"))
LIST = Need((f"{_BLOBS}/read",), "l", "c", public=("container",))
WRITE = Need((f"{_BLOBS}/write",), "w", "o")
CREATE = Need((f"{_BLOBS}/write", f"{_BLOBS}/add/action"), "wc", "o")
APPEND = Need((f"{_BLOBS}/write", f"{_BLOBS}/add/action"), "aw", "o")
DELETE = Need((f"{_BLOBS}/delete",), "d", "o")
BREAK_LEASE = Need((f"{_BLOBS}/write",), "wd", "o")
SNAPSHOT = Need((f"{_BLOBS}/write", f"{_BLOBS}/add/action"), "wc", "o")
TAGS_READ = Need((f"{_BLOBS}/tags/read",), "t", "o")
TAGS_WRITE = Need((f"{_BLOBS}/tags/write",), "t", "o")
FILTER = Need((f"{_BLOBS}/filter/action",), "f", "s", service_sas=False)
FILTER_HERE = Need((f"{_BLOBS}/filter/action",), "f", "c")
CONTAINER_READ = Need((f"{_CONTAINERS}/read",), "r", "c", data=False, service_sas=False, public=("container",))
CONTAINER_CREATE = Need((f"{_CONTAINERS}/write",), "wc", "c", data=False, service_sas=False)
CONTAINER_WRITE = Need((f"{_CONTAINERS}/write",), "w", "c", data=False, service_sas=False)
CONTAINER_DELETE = Need((f"{_CONTAINERS}/delete",), "d", "c", data=False, service_sas=False)
CONTAINER_GET_ACL = Need((f"{_CONTAINERS}/getAcl/action",), "", "c", data=False, service_sas=False)
CONTAINER_SET_ACL = Need((f"{_CONTAINERS}/setAcl/action",), "", "c", data=False, service_sas=False)
CONTAINERS_LIST = Need((f"{_CONTAINERS}/read",), "l", "s", data=False, service_sas=False)
SERVICE_READ = Need((f"{_SERVICES}/read",), "r", "s", data=False, service_sas=False)
SERVICE_WRITE = Need((f"{_SERVICES}/write",), "w", "s", data=False, service_sas=False)
# Any permission of a SAS is enough to ask for the account's kind; a token needs the right to read the service.
ACCOUNT_READ = Need((f"{_SERVICES}/getInfo/action", f"{_SERVICES}/read"), "rwdlacuptfi", "sco", data=False)
DELEGATE = Need((f"{_SERVICES}/generateUserDelegationKey/action",), "", "s", data=False, service_sas=False)


@dataclass(frozen=True)
class Access:
    """An authenticated caller: exactly one of a principal, an account key, a SAS, or nobody."""

    object_id: str | None = None
    key_name: str | None = None
    signed: sas.Signed | None = None


def authenticate(call: Call) -> None:
    """Find out who calls and whether that way in is open. BlobError 400, 401, 403 or 409 as Azure answers."""
    scheme, _, rest = call.headers.get("authorization", "").partition(" ")
    call.state["caller"] = "anonymous"
    if scheme.lower() == "bearer" and rest:
        call.access = _bearer(call, rest)
        if "sduoid" in call.query:
            call.access = _for_one_user(call, call.access)
    elif scheme.lower() == "sharedkey" and rest:
        call.access = _shared_key(call, rest)
    elif scheme:
        raise malformed_authorization()
    elif "sig" in call.query:
        if call.query.get("sduoid"):
            raise authentication_failed("The signature is bound to a user, whose token has to come with the request.")
        call.access = _sas(call)
    else:
        call.access = Access()
    properties = call.account.body.get("properties", {})
    # What "Disabled" and a default of "Deny" have in common: no address of this machine's kind is let in.
    rules = properties.get("networkAcls") or {}
    if (
        properties.get("publicNetworkAccess") in ("Disabled", "SecuredByPerimeter")
        or rules.get("defaultAction") == "Deny"
    ):
        call.state["decision"] = "the account's network rules refuse every public address"
        raise fault("AuthorizationFailure")


def authorize(call: Call, need: Need) -> None:
    """Raise Azure's error unless the caller has the right; the reason goes into the request log."""
    access = call.access
    if access.object_id is not None:
        decision = _ask(call, access.object_id, need)
        call.state["decision"] = decision.reason
        if not decision.allowed:
            raise fault("AuthorizationPermissionMismatch")
    elif access.signed is not None:
        _check_signed(call, access.signed, need)
    elif access.key_name is not None:
        call.state["decision"] = f"account key {access.key_name}: everything"
    else:
        _check_public(call, need)


def _ask(call: Call, object_id: str, need: Need) -> rbac.Decision:
    decisions = [
        rbac.decide(call.world.store, object_id, action, call.container_scope, data=need.data)
        for action in need.actions
    ]
    return next((decision for decision in decisions if decision.allowed), decisions[0])


def _check_signed(call: Call, signed: sas.Signed, need: Need) -> None:
    call.state["decision"] = f"SAS signed with {signed.key_name}, permissions {signed.permissions}"
    if signed.kind == "account":
        if not signed.resource_types:
            raise fault("AuthorizationServiceMismatch")
        if not set(need.level) & set(signed.resource_types):
            raise fault("AuthorizationResourceTypeMismatch")
    elif not need.service_sas or (call.blob is None and call.container is not None and not _covers(signed, need)):
        raise fault("AuthorizationFailure")
    if not set(need.letters) & set(signed.permissions):
        raise fault("AuthorizationPermissionMismatch")
    if signed.object_id is not None:
        # The key's owner has to have the right now, at this container: a signature hands rights on, it gives none.
        decision = _ask(call, signed.object_id, need)
        call.state["decision"] += f"; {decision.reason}"
        if not decision.allowed:
            raise fault("AuthorizationPermissionMismatch")


def _covers(signed: sas.Signed, need: Need) -> bool:
    """Whether a service SAS reaches what is no blob: a blob's does not, and a directory's reaches the list below it."""
    return signed.resource == "c" or (signed.resource == "d" and need is LIST)


def _check_public(call: Call, need: Need) -> None:
    allowed = call.account.body.get("properties", {}).get("allowBlobPublicAccess") is True
    if not allowed:
        call.state["decision"] = "anonymous, and the account allows no public access"
        raise fault("PublicAccessNotPermitted")
    container = call.find_container()
    access = "" if container is None else str(container.body.get("properties", {}).get("publicAccess") or "").lower()
    if access in need.public:
        call.state["decision"] = f"anonymous: the container's public access is {access}"
        return
    call.state["decision"] = "anonymous, and the container is private"
    # "Bearer challenge": clients of version 2019-12-12 and later are told where to get a token, older ones see nothing.
    error = fault("NoAuthenticationInformation" if call.version >= "2019-12-12" else "ResourceNotFound")
    if error.status == 401:
        error.headers = challenge(call.world.issuer.tenant)
    raise error


def _bearer(call: Call, token: str) -> Access:
    if call.version < "2017-11-09":
        raise authentication_failed("Authentication scheme Bearer is not supported in this version.")
    issuer = call.world.issuer
    try:
        if call.state.get("expired"):
            raise TokenError("Expired in this scenario")
        caller = issuer.verify(token.strip(), (STORAGE, f"https://{call.account_name}.blob.core.windows.net"))
    except TokenError as error:
        call.state["decision"] = str(error)
        if "Expired" in str(error):
            detail = "Lifetime validation failed. The token is expired."
        elif "Audience" in str(error):
            detail = "Audience validation failed. Audience did not match."
        elif "tenant" in str(error):
            detail = "Issuer validation failed. Issuer did not match."
        else:
            detail = "Signature validation failed. Signature verification failed."
        raise invalid_token(issuer.tenant, detail) from error
    call.state["caller"] = caller.name
    return Access(object_id=caller.object_id)


def _for_one_user(call: Call, access: Access) -> Access:
    """A user delegation SAS that one user alone may use (`sduoid`), with that user's token."""
    if access.object_id is None or access.object_id.lower() != call.query["sduoid"].lower():
        raise authentication_failed("The token is not that of the user to whom the signature is bound.")
    return _sas(call)


def _sas(call: Call) -> Access:
    kind = "account" if "ss" in call.query else "user delegation" if "skoid" in call.query else "service"
    call.state["caller"] = f"SAS ({kind})"
    if kind != "user delegation":
        _refuse_keys(call)
    try:
        return Access(signed=sas.verify(call))
    except BlobError as error:
        # The first sentence: the rest of it is the string to sign.
        call.state["decision"] = error.extra.get("AuthenticationErrorDetail", "").partition(". ")[0]
        raise


def _shared_key(call: Call, credentials: str) -> Access:
    call.state["caller"] = "account key"
    name, colon, signature = credentials.strip().partition(":")
    if not colon:
        raise malformed_authorization()
    _refuse_keys(call)
    _check_date(call)
    strings = strings_to_sign(call)
    key = sas.matching_key(sas.keys(call.account), signature, strings) if name.lower() == call.account_name else None
    if key is None:
        call.state["decision"] = "signed with neither of the account's keys"
        shown = strings[0]
        raise authentication_failed(
            f"The MAC signature found in the HTTP request '{signature}' is not the same as any computed signature. "
            f"Server used following string to sign: '{shown}'."
        )
    call.state["caller"] = key
    return Access(key_name=key)


def _refuse_keys(call: Call) -> None:
    if call.account.body.get("properties", {}).get("allowSharedKeyAccess") is False:
        call.state["decision"] = "allowSharedKeyAccess is false"
        raise fault("KeyBasedAuthenticationNotPermitted")


def _check_date(call: Call) -> None:
    value = call.headers.get("x-ms-date") or call.headers.get("date")
    if value is None:
        raise authentication_failed("Request date header not specified")
    try:
        sent = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError) as error:
        raise authentication_failed(f"Request date header has an incorrect format: '{value}'") from error
    if time.time() - sent > CLOCK_SKEW:
        raise authentication_failed(f"Request date header too old: '{value}'")


_MARKS = "!#$%&*.^_`|~+"
"""Punctuation of header names in the order of Windows."""

_SIGNED_HEADERS = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


def strings_to_sign(call: Call) -> list[str]:
    """What a client may have signed with an account key. Clients differ in two points that Azure tolerates.

    Headers are sorted by bytes or as Windows sorts words (hyphens count last: the Azure SDKs), and a plus sign in a
    query is taken as it is or as a space.
    """
    plain = {name: value.strip() for name, value in call.headers.items()}
    if plain.get("content-length") == "0":
        del plain["content-length"]
    if "x-ms-date" in plain:
        plain["date"] = ""
    head = "\n".join([call.method, *(plain.get(name, "") for name in _SIGNED_HEADERS)])
    names = [name for name in plain if name.startswith("x-ms-")]
    orders = (sorted(names, key=_windows_order), sorted(names))
    strings: list[str] = []
    for order, decode in itertools.product(orders, (unquote, unquote_plus)):
        headers = "".join(f"{name}:{plain[name]}\n" for name in order)
        query: dict[str, list[str]] = {}
        for pair in call.query_string.split("&"):
            if pair:
                name, _, value = pair.partition("=")
                query.setdefault(decode(name).lower(), []).append(decode(value))
        resource = f"/{call.account_name}{call.path}"
        resource += "".join(f"\n{name}:{','.join(sorted(query[name]))}" for name in sorted(query))
        string = f"{head}\n{headers}{resource}"
        if string not in strings:
            strings.append(string)
    return strings


@functools.lru_cache(maxsize=256)
def _windows_order(name: str) -> tuple[list[tuple[int, str]], list[int]]:
    """Names without hyphens and apostrophes, punctuation before digits before letters; then where the hyphens stand."""
    heavy: Iterable[str] = (c for c in name if c not in "-'")
    return [(0, chr(_MARKS.find(c) + 1)) if not c.isalnum() else (1 if c.isdigit() else 2, c) for c in heavy], [
        -index for index, c in enumerate(name) if c in "-'"
    ]
