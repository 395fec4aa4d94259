"""One request to the blob service and one answer of it, apart from ASGI's words."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import Receive

from mi_tui.sandbox.blob.errors import fault, invalid_header, invalid_query
from mi_tui.sandbox.containers import container_id
from mi_tui.sandbox.store import Blob, Resource
from mi_tui.sandbox.wire import STATE, Connection
from mi_tui.sandbox.world import World

if TYPE_CHECKING:
    from mi_tui.sandbox.blob.auth import Access


@dataclass
class Call:
    """One request. `path` is as sent (encoded), `container` and `blob` are decoded; query names are lower-case."""

    world: World
    account: Resource
    method: str
    path: str
    query_string: str
    query: dict[str, str]
    headers: Headers
    receive: Receive
    state: dict[str, Any]
    container: str | None
    blob: str | None
    version: str
    client: str = "127.0.0.1"
    size: int | None = None
    """The length of the body's content where the body is more than that."""
    access: Access = field(init=False)

    @property
    def account_name(self) -> str:
        """The account's name as its blobs' rows have it."""
        return self.account.name.lower()

    @property
    def container_scope(self) -> str:
        """The id at which the right to this request is asked: the container's, or the account's where there is none."""
        return self.account.id if self.container is None else container_id(self.account.id, self.container)

    @property
    def place(self) -> tuple[str, str, str]:
        """Account, container and blob, as the store asks for them."""
        return self.account_name, self.container or "", self.blob or ""

    def container_resource(self) -> Resource:
        """The container of this request; ContainerNotFound when there is none."""
        found = self.find_container()
        if found is None:
            raise fault("ContainerNotFound")
        return found

    def find_container(self) -> Resource | None:
        """The container of this request, or None. Names are case-sensitive here, unlike resource ids."""
        found = self.world.store.resource(self.container_scope) if self.container is not None else None
        return found if found is not None and found.name == self.container else None

    def existing_blob(self) -> Blob:
        """The blob of this request; ContainerNotFound or BlobNotFound when there is none."""
        self.container_resource()
        found = self.find_blob()
        if found is None:
            raise fault("BlobNotFound")
        return found

    def find_blob(self) -> Blob | None:
        """The blob of this request, or None."""
        return self.world.store.blob(self.account_name, self.container or "", self.blob or "")

    def content_length(self) -> int:
        """The announced length of the body in bytes; MissingContentLengthHeader when there is none, as in Azure."""
        if self.size is not None:
            return self.size
        value = self.headers.get("content-length")
        if value is None:
            raise fault("MissingContentLengthHeader")
        if not value.isdecimal():
            raise invalid_header("Content-Length", value)
        return int(value)

    def whole(self, header: str) -> int:
        """The whole number in a header that has to be there. MissingRequiredHeader, InvalidHeaderValue."""
        value = self.headers.get(header)
        if value is None:
            raise fault("MissingRequiredHeader", HeaderName=header)
        if not value.isascii() or not value.isdecimal() or len(value) > 18:
            raise invalid_header(header, value)
        return int(value)

    def metadata(self) -> dict[str, str]:
        """The `x-ms-meta-*` headers, names as they were spelt. InvalidMetadata or MetadataTooLarge when Azure would refuse them."""
        sent = {name: value for name, value in self.headers.items() if name.startswith("x-ms-meta-")}
        wire = self.state.get(STATE)
        spelt = wire.spelling("x-ms-meta-") if sent and isinstance(wire, Connection) else {}
        found = {spelt.get(name, name)[10:]: value for name, value in sent.items()}
        for name in found:
            # "Metadata names must adhere to the naming rules for C# identifiers" (Set Blob Metadata).
            if not name.isidentifier():
                raise fault("InvalidMetadata")
        if sum(len(name) + len(value) for name, value in found.items()) > 8192:
            raise fault("MetadataTooLarge")
        return found

    def md5(self, header: str) -> str | None:
        """The base64 MD5 in a header, or None; InvalidMd5 when it is none."""
        value = self.headers.get(header)
        if value is None:
            return None
        try:
            if len(base64.b64decode(value, validate=True)) != 16:
                raise fault("InvalidMd5")
        except (binascii.Error, ValueError) as error:
            raise fault("InvalidMd5") from error
        return value

    def crc64(self, header: str = "x-ms-content-crc64", beside: str | None = "content-md5") -> str | None:
        """The base64 CRC-64 in a header, or None; InvalidHeaderValue when it is none, refused with an MD5 `beside` it."""
        value = self.headers.get(header)
        if value is None:
            return None
        if beside is not None and self.headers.get(beside) is not None:
            raise fault("BothCrc64AndMd5HeaderPresent")
        try:
            if len(base64.b64decode(value, validate=True)) != 8:
                raise invalid_header(header, value)
        except (binascii.Error, ValueError) as error:
            raise invalid_header(header, value) from error
        return value

    def number(self, name: str, default: int, highest: int) -> int:
        """A whole number above zero from the query, at most `highest`."""
        value = self.query.get(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 10:
            raise invalid_query(name, value, "Invalid number.")
        if int(value) == 0:
            raise fault(
                "OutOfRangeInput",
                QueryParameterName=name,
                QueryParameterValue=value,
                MinimumAllowed="1",
                MaximumAllowed=str(highest),
            )
        return min(int(value), highest)

    def flag(self, header: str) -> bool:
        """A header that is `true` or `false` (or absent)."""
        value = self.headers.get(header, "false")
        if value.lower() not in ("true", "false"):
            raise invalid_header(header, value)
        return value.lower() == "true"


@dataclass
class Slice:
    """Part of a file that is an answer's body; sizes in bytes."""

    path: Path
    offset: int
    size: int


@dataclass
class Answer:
    """What is sent back; `content` stands for a body that is streamed from a file.

    `chunked` is a body without a length beforehand, as Azure sends its lists (recorded).
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    content: Slice | None = None
    chunked: bool = False
    structured: bool = False
    """Whether `content` goes out as a structured message."""
