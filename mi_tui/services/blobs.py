"""Blobs: with the caller's token first, and with the account key only where the token may not and the key may."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from mi_tui.model.redact import redact
from mi_tui.model.roles import BLOB_CONTRIBUTOR, BLOB_READER, Role
from mi_tui.services import retries, storage
from mi_tui.services.errors import ServiceError, as_failure, translated
from mi_tui.services.session import CONNECT_SECONDS, READ_SECONDS, Session
from mi_tui.services.storage import AccountInfo

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import BlobServiceClient

How = Literal["token", "key"]

ROLE_MISSING = "AuthorizationPermissionMismatch"
"""The data plane's code for a caller who is known but has no role. `AuthorizationFailure` is the network, not a role."""

KEYS_OFF = "KeyBasedAuthenticationNotPermitted"

T = TypeVar("T")


class BlobInfo(Struct, frozen=True):
    """A blob as it is: the etag of its content, and what its uploader wrote beside it."""

    etag: str
    metadata: dict[str, str] = {}


class UploadInfo(Struct, frozen=True):
    """What an upload did: with which credential. `existed`: the blob was there and was left as it is; `etag` and `metadata` are its own
    then, and empty where it may not be looked at."""

    how: How
    etag: str
    size: int
    existed: bool = False
    metadata: dict[str, str] = {}


def exists(session: Session, account: AccountInfo, container: str, blob: str) -> bool | None:
    """Whether the blob is there; None when neither token nor key may look. Raises ServiceError for any other failure."""
    try:
        found, _ = _either(
            session, account, BLOB_READER, lambda client: bool(client.get_blob_client(container, blob).exists())
        )
    except ServiceError as error:
        if error.code == ROLE_MISSING:
            return None
        raise
    return found


def there(session: Session, account: AccountInfo, container: str, blob: str) -> bool | None:
    """Whether the blob is there, as far as the token may see; None when it may not. Asks for no key. Raises ServiceError otherwise."""
    with translated():
        from azure.core.exceptions import HttpResponseError

        try:
            return _properties(_by_token(session, account), container, blob) is not None
        except HttpResponseError as error:
            if not _is(error, ROLE_MISSING):
                raise
            return None


def end_of(session: Session, account: str, container: str, path: str, most: int) -> str:
    """The last `most` bytes of a blob as text, without secrets, as far as the token may read; such as the log of an image build.

    `account` is an account's name. Raises ServiceError.
    """
    endpoint = f"https://{account}.blob.core.windows.net/"
    with translated():
        client = session.client(("blobs", endpoint), lambda: _client_at(session, endpoint, session.credential))
        blob = client.get_blob_client(container, path)
        size = int(blob.get_blob_properties().size)
        if not size:
            return ""
        begin = max(0, size - most)
        data: bytes = blob.download_blob(offset=begin, length=size - begin).readall()
        return redact(data.decode("utf-8", "replace"))


def find(session: Session, account: AccountInfo, container: str, blob: str) -> BlobInfo | None:
    """The blob, or None when it (or its container) is not there. Raises ServiceError, with code ROLE_MISSING when one may not look."""
    return _either(session, account, BLOB_READER, lambda client: _properties(client, container, blob))[0]


def upload(
    session: Session,
    account: AccountInfo,
    container: str,
    blob: str,
    path: Path,
    metadata: dict[str, str] | None = None,
) -> UploadInfo:
    """Upload a file as a new blob, with `metadata`. One that exists is never overwritten (If-None-Match: *).

    Raises ServiceError; when it is a role that is missing, the failure's advice says which one, where and for whom.
    """

    def work(client: BlobServiceClient) -> UploadInfo:
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        with path.open("rb") as file:
            try:
                answer: dict[str, Any] = client.get_blob_client(container, blob).upload_blob(
                    file, overwrite=False, metadata=metadata
                )
            except ResourceExistsError:
                try:
                    there = _properties(client, container, blob) or BlobInfo("")
                except HttpResponseError as error:
                    if not _is(error, ROLE_MISSING):
                        raise
                    there = BlobInfo("")
                return UploadInfo("token", there.etag, path.stat().st_size, True, there.metadata)
        return UploadInfo("token", str(answer.get("etag", "")).strip('"'), path.stat().st_size)

    done, how = _either(session, account, BLOB_CONTRIBUTOR, work)
    return msgspec.structs.replace(done, how=how)


def delete(session: Session, account: AccountInfo, container: str, blob: str, etag: str = "") -> bool:
    """Delete the blob; False when it, its container or both were gone already.

    With `etag`, only the content that has it: ServiceError with status 412 when it was replaced. Without one, also what an upload
    that was broken off left of it. Raises ServiceError.
    """

    def work(client: BlobServiceClient) -> bool:
        # Looked at first: a delete whose answer was lost need not be sent again.
        if _properties(client, container, blob) is not None and _remove(client, container, blob, etag):
            return True
        return not etag and blob in _listed(client, container, blob) and _discard(client, container, blob)

    return _either(session, account, BLOB_CONTRIBUTOR, work)[0]


def list_names(session: Session, account: AccountInfo, container: str, prefix: str = "") -> list[str]:
    """The names of the blobs that begin with `prefix`. Raises ServiceError."""

    def work(client: BlobServiceClient) -> list[str]:
        return list(client.get_container_client(container).list_blob_names(name_starts_with=prefix or None))

    return _either(session, account, BLOB_READER, work)[0]


class ListedBlob(Struct, frozen=True):
    """A blob of a list: `made` is when it was created (ISO 8601)."""

    name: str
    etag: str
    made: str


def list_marked(
    session: Session, account: AccountInfo, container: str, key: str, value: str, prefix: str = ""
) -> list[ListedBlob]:
    """The blobs whose metadata has this value under `key` (without case); all of them without a key; none when the container is gone.

    Raises ServiceError.
    """

    def work(client: BlobServiceClient) -> list[ListedBlob]:
        from azure.core.exceptions import ResourceNotFoundError

        listed = client.get_container_client(container).list_blobs(
            name_starts_with=prefix or None, include=["metadata"] if key else None
        )
        try:
            return [
                ListedBlob(str(item.name), str(item.etag or "").strip('"'), item.creation_time.isoformat())
                for item in listed
                if not key or {str(k).lower(): v for k, v in (item.metadata or {}).items()}.get(key) == value
            ]
        except ResourceNotFoundError:
            return []

    return _either(session, account, BLOB_READER, work)[0]


def list_prefixes(session: Session, account: AccountInfo, container: str, prefix: str) -> list[str]:
    """The folders directly under `prefix`, each with its slash at the end. Raises ServiceError."""

    def work(client: BlobServiceClient) -> list[str]:
        from azure.storage.blob import BlobPrefix

        found = client.get_container_client(container).walk_blobs(name_starts_with=prefix or None, delimiter="/")
        return [str(item.name) for item in found if isinstance(item, BlobPrefix)]

    return _either(session, account, BLOB_READER, work)[0]


def delete_prefix(session: Session, account: AccountInfo, container: str, prefix: str) -> int:
    """Delete every blob whose name begins with `prefix`, and what uploads that were broken off left there; how many there were.

    Raises ServiceError, ValueError without a prefix.
    """
    if not prefix.strip("/"):
        raise ValueError("a prefix is needed: without one this would empty the container")

    def work(client: BlobServiceClient) -> int:
        found = _listed(client, container, prefix)
        return sum(_remove(client, container, name) or _discard(client, container, name) for name in found)

    return _either(session, account, BLOB_CONTRIBUTOR, work)[0]


def _listed(client: BlobServiceClient, container: str, prefix: str) -> list[str]:
    """The names of the blobs that begin with `prefix`, also of those that have only uncommitted blocks; none without the container."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        found = client.get_container_client(container).list_blobs(name_starts_with=prefix, include=["uncommittedblobs"])
        return [str(item.name) for item in found]
    except ResourceNotFoundError:
        return []


def _discard(client: BlobServiceClient, container: str, blob: str) -> bool:
    """Discard the uncommitted blocks of a blob that was never committed: Azure keeps them for a week, and counts them.

    They cannot be deleted (Delete Blob finds no blob); a Put Blob discards them (REST: Put Block), and what it put is deleted.
    """
    from azure.core.exceptions import ResourceExistsError

    try:
        client.get_blob_client(container, blob).upload_blob(b"", overwrite=False)
    except ResourceExistsError:
        return False  # somebody else committed it just now
    return _remove(client, container, blob)


def _properties(client: BlobServiceClient, container: str, blob: str) -> BlobInfo | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        found = client.get_blob_client(container, blob).get_blob_properties()
    except ResourceNotFoundError:
        return None
    return BlobInfo(str(found.etag or "").strip('"'), {str(k): str(v) for k, v in (found.metadata or {}).items()})


def _remove(client: BlobServiceClient, container: str, blob: str, etag: str = "") -> bool:
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceNotFoundError

    only: dict[str, Any] = {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified} if etag else {}
    try:
        client.get_blob_client(container, blob).delete_blob(delete_snapshots="include", **only)
    except ResourceNotFoundError:
        return False
    return True


def _either(
    session: Session, account: AccountInfo, role: Role, work: Callable[[BlobServiceClient], T]
) -> tuple[T, How]:
    """Do the work with the token, or else with the key. `role` is the one that the token would need."""
    with translated():
        from azure.core.exceptions import HttpResponseError

        try:
            return work(_by_token(session, account)), "token"
        except HttpResponseError as error:
            if not _is(error, ROLE_MISSING):
                raise
            refused = error
        if not account.shared_keys:
            raise _role_missing(session, account, role, refused, "The account does not allow its key to be used.")
        try:
            key = storage.account_key(session, account.group, account.name)
        except ServiceError as error:
            if error.status not in {403, 409}:  # a network that fails, or a service, says nothing about rights
                raise
            raise _role_missing(
                session, account, role, refused, f"The account key may not be read either ({error.code})."
            ) from error
        client = _client(session, account, key.reveal())
        try:
            return work(client), "key"
        except HttpResponseError as error:
            if not _is(error, KEYS_OFF):
                raise
            raise _role_missing(
                session, account, role, refused, "The account does not allow its key to be used."
            ) from None
        finally:
            client.close()


def _by_token(session: Session, account: AccountInfo) -> BlobServiceClient:
    return session.client(("blobs", account.blob_endpoint), lambda: _client(session, account, session.credential))


def _client(session: Session, account: AccountInfo, credential: Any) -> BlobServiceClient:
    return _client_at(session, account.blob_endpoint, credential)


def _client_at(session: Session, endpoint: str, credential: Any) -> BlobServiceClient:
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient(
        endpoint,
        credential=credential,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retry_policy=retries.for_blobs(session.operations),
        raw_response_hook=session.operations.heard,
    )


def _is(error: HttpResponseError, code: str) -> bool:
    return error.status_code == 403 and as_failure(error).code == code


def _role_missing(
    session: Session, account: AccountInfo, role: Role, refused: HttpResponseError, why_no_key: str
) -> ServiceError:
    caller = session.caller()
    advice = f"{caller.name} needs the role '{role.name}' on {account.id}. {why_no_key} A new role takes up to 10 minutes to act."
    failure = as_failure(refused)
    # Storage's words are the same for the endpoint's identity, which has no part in it.
    who = f"It was asked for with your own sign-in ({caller.name}), not by the endpoint."
    return ServiceError(msgspec.structs.replace(failure, advice=advice, details=(*failure.details, who)))
