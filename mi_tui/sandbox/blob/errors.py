"""The data plane's errors: Azure's codes, sentences and XML, as recorded.

Where there is no recording: "Common REST API error codes" and "Blob Storage error codes" (REST reference).
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_BOM = "\ufeff"
XML_HEAD = f'{_BOM}<?xml version="1.0" encoding="utf-8"?>'
"""How every XML answer of the data plane begins (recorded)."""

_AUTHENTICATION = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)
_CHALLENGED = (
    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
)

BEING_DELETED = "The specified container is being deleted. Try operation later."
"""What is said of a container whose name cannot be had again yet; Resource Manager hands it on under a code of its own."""

_ANSWERS: dict[str, tuple[int, str]] = {
    "AuthenticationFailed": (403, _AUTHENTICATION),
    "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationResourceTypeMismatch": (
        403,
        "This request is not authorized to perform this operation using this resource type.",
    ),
    "AuthorizationServiceMismatch": (
        403,
        "This request is not authorized to perform this operation using this service.",
    ),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "BothCrc64AndMd5HeaderPresent": (
        400,
        "Both x-ms-content-crc64 header and Content-MD5 header are present.",
    ),
    "BlockListTooLong": (400, "The block list may not contain more than 50,000 blocks."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "ContainerAlreadyExists": (409, "The specified container already exists."),
    "ContainerBeingDeleted": (409, BEING_DELETED),
    "ContainerNotFound": (404, "The specified container does not exist."),
    "Crc64Mismatch": (
        400,
        "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.",
    ),
    "FeatureNotSupportedForAccount": (409, "This feature is not currently supported for this account type."),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidMd5": (
        400,
        "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 encoded.",
    ),
    "InvalidMetadata": (400, "The metadata specified is invalid. It has characters that are not permitted."),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    # The missing letter is Azure's (recorded).
    "InvalidResourceName": (400, "The specifed resource name contains invalid characters."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "KeyBasedAuthenticationNotPermitted": (
        403,
        "Key based authentication is not permitted on this storage account.",
    ),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
    ),
    "MetadataTooLarge": (400, "The size of the specified metadata exceeds the maximum size permitted."),
    "MissingContentLengthHeader": (411, "The content length header is not specified."),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "NoAuthenticationInformation": (401, _CHALLENGED),
    "OutOfRangeInput": (400, "One of the request inputs is out of range."),
    "PublicAccessNotPermitted": (409, "Public access is not permitted on this storage account."),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "UnsatisfiableCondition": (400, "The request includes an unsatisfiable condition for this operation."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support specified Http Verb."),
    # Leases, tags, tiers, copies, append and page blobs ("Blob Storage error codes").
    "AppendPositionConditionNotMet": (412, "The append position condition specified was not met."),
    "BlobArchived": (409, "This operation is not permitted on an archived blob."),
    "BlobBeingRehydrated": (409, "This operation is not permitted because the blob is being rehydrated."),
    "BlobIsSealed": (
        409,
        "The specified blob is sealed and its contents can't be modified unless the blob is re-created after a delete.",
    ),
    "BlockCountExceedsLimit": (409, "The committed block count cannot exceed the maximum limit of 50,000 blocks."),
    "CannotVerifyCopySource": (
        500,
        "Could not verify the copy source within the specified time. Examine the HTTP status code and message for more information about the failure.",
    ),
    "InvalidBlobTier": (400, "The specified blob tier is invalid."),
    "InvalidBlobType": (409, "The blob type is invalid for this operation."),
    "InvalidPageRange": (416, "The page range specified is invalid."),
    "InvalidTags": (400, "The tags specified are invalid. It contains characters that are not permitted."),
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithBlobOperation": (412, "The lease ID specified did not match the lease ID for the blob."),
    "LeaseIdMismatchWithContainerOperation": (
        412,
        "The lease ID specified did not match the lease ID for the container.",
    ),
    "LeaseIdMismatchWithLeaseOperation": (409, "The lease ID specified did not match the lease ID for the blob."),
    "LeaseIdMissing": (412, "There is currently a lease on the blob and no lease ID was specified in the request."),
    "LeaseIsBreakingAndCannotBeAcquired": (
        409,
        "The lease is currently in breaking state and cannot be acquired until the lease is broken.",
    ),
    "LeaseIsBreakingAndCannotBeChanged": (
        409,
        "The lease is currently in breaking state and cannot be changed until the lease is broken.",
    ),
    "LeaseIsBrokenAndCannotBeRenewed": (409, "The lease has been broken and cannot be renewed."),
    "LeaseLost": (412, "A lease ID was specified, but the lease for the blob has expired."),
    "LeaseNotPresentWithBlobOperation": (412, "There is currently no lease on the blob."),
    "LeaseNotPresentWithContainerOperation": (412, "There is currently no lease on the container."),
    "LeaseNotPresentWithLeaseOperation": (409, "There is currently no lease on the blob."),
    "MaxBlobSizeConditionNotMet": (412, "The max blob size condition specified was not met."),
    "NoPendingCopyOperation": (409, "There is currently no pending copy operation."),
    "SequenceNumberConditionNotMet": (412, "The sequence number condition specified was not met."),
    "SourceConditionNotMet": (412, "The source condition specified using HTTP conditional header(s) is not met."),
    "AuthorizationSourceIPMismatch": (
        403,
        "This request is not authorized to perform this operation using this source IP {SourceIP}.",
    ),
    "AuthorizationProtocolMismatch": (
        403,
        "This request is not authorized to perform this operation using this protocol.",
    ),
    "InvalidInput": (400, "One of the request inputs is not valid."),
}

# Azure's front end refuses these before the blob service sees them: another Server, no x-ms-version (recorded).
_FRONT_END = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"})


@dataclass
class BlobError(Exception):
    """An answer that ends a request. `extra` are the XML elements after the message, in order."""

    status: int
    code: str
    message: str
    extra: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    bare: bool = False
    """Whether the answer has neither x-ms-error-code nor x-ms-version."""

    def __str__(self) -> str:
        return f"({self.code}) {self.message}"

    @property
    def front_end(self) -> bool:
        """Whether Azure's front end answers this, and not the blob service."""
        return self.code in _FRONT_END

    def xml(self, request_id: str) -> bytes:
        """The body; the sentence carries the request id and the time, as Azure's does."""
        message = f"{self.message}\nRequestId:{request_id}\nTime:{_now()}"
        extra = "".join(
            f"<{name}>{text(value)}</{name}>" if value else f"<{name} />" for name, value in self.extra.items()
        )
        return f"{XML_HEAD}<Error><Code>{self.code}</Code><Message>{text(message)}</Message>{extra}</Error>".encode()


def fault(code: str, **extra: str) -> BlobError:
    """The error with this code and Azure's sentence for it; keyword arguments become XML elements."""
    status, message = _ANSWERS[code]
    return BlobError(status, code, message, extra)


def not_modified() -> BlobError:
    """The 304 of a read whose condition says that nothing changed; its code is that of a 412 (recorded)."""
    return BlobError(304, "ConditionNotMet", _ANSWERS["ConditionNotMet"][1])


def authentication_failed(detail: str) -> BlobError:
    """403 with the reason that Azure gives in AuthenticationErrorDetail."""
    return fault("AuthenticationFailed", AuthenticationErrorDetail=detail)


def malformed_authorization() -> BlobError:
    """400 for an Authorization header of no known scheme (recorded)."""
    return BlobError(
        400,
        "InvalidAuthenticationInfo",
        "Authentication information is not given in the correct format. Check the value of Authorization header.",
    )


def challenge(tenant: str) -> dict[str, str]:
    """The header that tells a client where to get a token."""
    return {
        "www-authenticate": f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}/oauth2/authorize "
        "resource_id=https://storage.azure.com"
    }


def invalid_token(tenant: str, detail: str) -> BlobError:
    """401 for a token that is not accepted."""
    extra = {"AuthenticationErrorDetail": detail}
    return BlobError(401, "InvalidAuthenticationInfo", _CHALLENGED, extra, challenge(tenant))


def invalid_header(name: str, value: str) -> BlobError:
    """400 that names the header (recorded)."""
    return fault("InvalidHeaderValue", HeaderName=name, HeaderValue=value)


def invalid_query(name: str, value: str, reason: str) -> BlobError:
    """400 that names the query parameter."""
    return fault("InvalidQueryParameterValue", QueryParameterName=name, QueryParameterValue=value, Reason=reason)


def unsupported(what: str) -> BlobError:
    """The refusal of a feature that Azure has and the sandbox has not; the SDK shows the extra element to its user."""
    return fault("FeatureNotSupportedForAccount", AdditionalInformation=f"The mi-tui sandbox does not have {what}.")


def new_request_id() -> str:
    """A request id in Storage's shape: a GUID that ends in six zeros."""
    return str(uuid.uuid4())[:24] + secrets.token_hex(3) + "000000"


def text(value: str) -> str:
    """Text for XML; a character that XML 1.0 cannot carry becomes U+FFFD."""
    return escape("".join(c if allowed_in_xml(c) else "\ufffd" for c in value))


def allowed_in_xml(character: str) -> bool:
    """Whether XML 1.0 can carry a character."""
    code = ord(character)
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _now() -> str:
    # Seven decimals and a Z (recorded).
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
