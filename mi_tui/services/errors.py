"""Whatever the SDKs raise, as one exception with a Failure in it: code, message, request ids, and no secrets."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import os
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from mi_tui.model import entra
from mi_tui.model.failure import Failure, parse_error
from mi_tui.model.redact import redact

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

NETWORK = "mi-tui/network"
"""No answer came: gone, cut, slow or refused. What passes by itself; the two below do not."""
CERTIFICATE = "mi-tui/certificate"
"""The server's certificate is not trusted: the network works, and somebody has to say which authority to trust."""
PROXY = "mi-tui/proxy"
"""The proxy answers and refuses, such as for want of a sign-in (407)."""
SIGN_IN = "mi-tui/sign-in"
FILE = "mi-tui/file"
INTERNAL = "mi-tui/internal"
ABANDONED = "mi-tui/abandoned"

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Abandoned(Exception):
    """The wait for a long operation was given up because `stop` was set. The operation itself goes on in Azure."""


class ServiceError(Exception):
    """A call to Azure failed; `failure` says how. Its text is the failure's sentence."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.sentence())

    @property
    def code(self) -> str:
        """Azure's error code, or ours (`mi-tui/...`)."""
        return self.failure.code

    @property
    def status(self) -> int:
        """The HTTP status of the answer; 0 when there was none."""
        return self.failure.status

    @property
    def request_id(self) -> str:
        """Azure's id of the request, for a support ticket."""
        return self.failure.request_id

    @property
    def correlation_id(self) -> str:
        """Azure's id of the chain of requests."""
        return self.failure.correlation_id


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever is raised inside into ServiceError. ServiceError and Abandoned pass through."""
    try:
        yield
    except (ServiceError, Abandoned):
        raise
    except Exception as error:  # noqa: BLE001 - five families of exceptions come out of the SDKs; none may leave this floor
        # A traceback prints the text of the cause: keep the cause only when it carries no secret.
        text = str(error)
        raise ServiceError(as_failure(error)) from (error if redact(text) == text else None)


def as_failure(error: BaseException) -> Failure:
    """The Failure in any exception: of the Azure SDKs, of `requests`, of the file system, of our own."""
    if isinstance(error, ServiceError):
        return error.failure
    if isinstance(error, Abandoned):
        return _clean(Failure(ABANDONED, str(error) or "The wait was given up; the operation goes on in Azure."))
    return _clean(_azure_failure(error) or _other_failure(error))


def plain(text: str) -> str:
    """Text without terminal escape sequences."""
    return _ANSI.sub("", text)


def _clean(failure: Failure) -> Failure:
    def words(text: str) -> str:
        return redact(plain(text)).strip()

    return msgspec.structs.replace(
        failure,
        message=words(failure.message),
        advice=words(failure.advice),
        target=words(failure.target),
        details=tuple(words(detail) for detail in failure.details),
        raw=words(failure.raw),
    )


def _azure_failure(error: BaseException) -> Failure | None:
    """The Failure in an exception of azure-core, azure-identity or azure-ai-ml; None for any other."""
    if "azure.core.exceptions" not in sys.modules:
        return None  # nobody has imported the SDK, so this is none of its exceptions
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        IncompleteReadError,
        ServiceRequestError,
        ServiceResponseError,
    )

    if isinstance(error, IncompleteReadError) or _cut_off(error):
        return _network_failure(error)
    if isinstance(error, ClientAuthenticationError) and (error.response is None or entra.number_in(str(error))):
        return _sign_in_failure(error)
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _http_failure(error)
    if isinstance(error, ClientAuthenticationError):
        return _sign_in_failure(error)
    if isinstance(error, (ServiceRequestError, ServiceResponseError)):
        return _network_failure(error)
    if type(error) is Exception and isinstance(error.__cause__, AzureError):
        # So azure-ai-ml tells of an upload that is refused: a HEAD request, which has no words of its own.
        found = _azure_failure(error.__cause__)
        return None if found is None else msgspec.structs.replace(found, message=" ".join(str(error).split()))
    if not isinstance(error, AzureError):
        return None
    # MlException and its kin wrap the exception of the call that failed, or are raised from it or while it is handled.
    inner = error.inner_exception or error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if isinstance(inner, AzureError) and (found := _azure_failure(inner)) is not None:
        return found
    target = getattr(error, "target", "")
    return Failure(
        code=type(error).__name__,
        message=str(error.message or error),
        target="" if target in (None, "Unknown") else str(target),
        raw=str(error),
    )


def _http_failure(error: HttpResponseError) -> Failure:
    response = error.response
    headers = {str(name).lower(): str(value) for name, value in (getattr(response, "headers", None) or {}).items()}
    status = int(error.status_code or getattr(response, "status_code", 0) or 0)
    if status < 400:
        status = 0  # a poll answers 200 also when it tells of a failed operation
    request_id = headers.get("x-ms-request-id", "")
    correlation_id = headers.get("x-ms-correlation-request-id", "")
    text = _body(response)
    body = _json(text)
    if body is not None and ("error" in body or "code" in body or "message" in body):
        failure = parse_error(body, status=status, request_id=request_id, correlation_id=correlation_id)
        # What Resource Manager hands on of a storage service ends with that service's request id and time; `raw` keeps them.
        failure = msgspec.structs.replace(failure, message=failure.message.split("\nRequestId:")[0].strip())
    else:
        code, message = _xml(text)
        code = headers.get("x-ms-error-code", "") or code or str(getattr(error, "error_code", None) or "")
        message = message or (text if 0 < len(text) < 1000 and not text.lstrip().startswith("<") else "")
        failure = parse_error(
            {"code": code, "message": message or str(error.reason or "") or str(error.message)},
            status=status,
            request_id=request_id,
            correlation_id=correlation_id,
        )
        failure = msgspec.structs.replace(failure, raw=text[:8_000] or str(error.message))
    if pause := retry_after(headers):
        failure = msgspec.structs.replace(failure, retry_after=pause)
    if status == 401 and not failure.advice:
        return msgspec.structs.replace(failure, advice="Sign in again; the token was not accepted.")
    return failure


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that an answer asks to wait, by headers in lower case; 0 when it does not.

    `Retry-After` in seconds or as a date, `x-ms-retry-after-ms` and `retry-after-ms` in milliseconds (azure-core knows the same).
    """
    for name, unit in (("x-ms-retry-after-ms", 1000.0), ("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
            return float(text) / unit
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


def _cut_off(error: BaseException) -> bool:
    """Whether the body of an answer broke off while it was read, which azure-core tells as an answer without one."""
    inner = getattr(error, "inner_exception", None)
    return type(inner).__name__ in {"ChunkedEncodingError", "ProtocolError", "IncompleteRead"}


def _body(response: object) -> str:
    """The text of an answer of either generation of azure-core; empty when it was never read."""
    reader = getattr(response, "text", None)
    if not callable(reader):
        return ""
    try:
        return str(reader())
    except Exception:  # noqa: BLE001 - a body that cannot be read (stream closed, odd charset) must not hide the status
        return ""


def _json(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _xml(text: str) -> tuple[str, str]:
    """Code and message of the storage data plane's `<Error>`. Its second line, RequestId, is dropped from the message."""
    start = text.find("<Error>")
    if start < 0:
        return "", ""
    try:
        root = ET.fromstring(text[start:])
    except ET.ParseError:
        return "", ""
    message = (root.findtext("Message") or "").strip()
    return (root.findtext("Code") or "").strip(), message.split("\nRequestId:")[0].strip()


def _sign_in_failure(error: BaseException) -> Failure:
    """A sign-in that did not work: Entra's refusal explained by its number, or what azure-identity says."""
    text = str(getattr(error, "message", "") or error)
    if number := entra.number_in(text):
        said, trace, correlation = entra.sentence_in(text)
        what, advice = entra.EXPLAINED.get(number, (said, _SIGN_IN_ADVICE))
        return Failure(
            code=f"AADSTS{number}",
            message=what,
            advice=advice,
            request_id=trace,
            correlation_id=correlation,
            details=(said,) if said != what else (),
            raw=text,
        )
    if type(error).__name__ == "AuthenticationRequiredError":
        return Failure(
            SIGN_IN, "The sign-in has ended.", advice="Sign in again on the first screen, then go on.", raw=text
        )
    if cause := _network_cause(error):
        return _network_failure(cause)
    if _CLI_OFFLINE.search(text):
        # What the Azure CLI prints when it cannot reach Entra; azure-identity tells it as a sign-in that failed.
        return _network_failure(error)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "The sign-in failed.")
    return Failure(
        code=SIGN_IN,
        message=first.removeprefix("Authentication failed: "),
        advice=_SIGN_IN_ADVICE,
        details=tuple(line.strip() for line in text.splitlines()[1:6] if line.strip()),
        raw=text,
    )


_SIGN_IN_ADVICE = "Run 'az login', then try again; or sign in another way: --sign-in browser or device-code, in the wizard on its first screen."


def _network_cause(error: BaseException) -> BaseException | None:
    """The network's error that a credential of azure-identity wraps as a sign-in that failed; None when it is none."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    cause = error.__cause__
    return cause if isinstance(cause, (ServiceRequestError, ServiceResponseError)) else None


_CLI_OFFLINE = re.compile(
    r"Max retries exceeded|Failed to establish a new connection|Failed to resolve|Connection aborted|Read timed out"
    r"|Network is unreachable|Temporary failure in name resolution|Failed to invoke the Azure CLI"
)
"""Urllib3's words in the output of `az`; the last are azure-identity's own for an `az` that did not answer in time."""


def _network_failure(error: BaseException) -> Failure:
    text = f"{type(error).__name__}: {error}"
    host = re.search(r"host=['\"]?([\w.-]+)", text) or re.search(r"https?://([\w.-]+)", text)
    where = host.group(1) if host else ""
    words, code, advice = next(
        ((words, code, advice) for pattern, words, code, advice in _NETWORK_KINDS if pattern.search(text)),
        ("The request did not reach the server", NETWORK, _NETWORK_ADVICE),
    )
    return Failure(code=code, message=f"{words}{f': {where}' if where else ''}.", advice=advice, target=where, raw=text)


_NETWORK_ADVICE = "Check the network, the proxy (HTTPS_PROXY) and, behind an inspecting proxy, REQUESTS_CA_BUNDLE."
_CERTIFICATE_ADVICE = "Behind a proxy that inspects TLS, point REQUESTS_CA_BUNDLE and SSL_CERT_FILE to a file with its certificate authority."
_PROXY_ADVICE = "Check HTTPS_PROXY (name and password of the proxy may have to stand in it) and NO_PROXY."

_NETWORK_KINDS = (
    (
        re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLCertVerification|doesn't match", re.I),
        "The server's certificate is not trusted",
        CERTIFICATE,
        _CERTIFICATE_ADVICE,
    ),
    (
        # 408, 429 and 5xx pass by themselves: a proxy answers 502 to 504 when it cannot reach Azure itself.
        re.compile(r"Tunnel connection failed: (?!408|429)4\d\d|InvalidProxyURL|SOCKS support", re.IGNORECASE),
        "The proxy refused the connection",
        PROXY,
        _PROXY_ADVICE,
    ),
    (
        re.compile(
            r"Name or service not known|NameResolution|getaddrinfo|nodename nor servname|Temporary failure in name",
            re.I,
        ),
        "The name cannot be resolved",
        NETWORK,
        _NETWORK_ADVICE,
    ),
    (
        # Urllib3 says "unable to connect to proxy" of these as well, when a connection through one breaks.
        re.compile(r"reset|aborted|RemoteDisconnected|IncompleteRead|SSLError|EOF occurred|unexpected eof", re.I),
        "The connection broke off",
        NETWORK,
        _NETWORK_ADVICE,
    ),
    (
        re.compile(r"ProxyError|Tunnel connection failed|Unable to connect to proxy", re.IGNORECASE),
        "The proxy cannot be reached, or cannot reach the server",
        NETWORK,
        _NETWORK_ADVICE,
    ),
    (re.compile(r"timed out|Timeout", re.IGNORECASE), "The server did not answer in time", NETWORK, _NETWORK_ADVICE),
    (re.compile(r"refused", re.IGNORECASE), "The connection was refused", NETWORK, _NETWORK_ADVICE),
)
"""Texts of urllib3, ssl and http.client; the first that fits decides."""


def _file_failure(error: OSError) -> Failure:
    """Which file of this machine an error is about, and what to do."""
    why = str(error.strerror or error)
    if error.filename:
        words = f"A file of this machine cannot be used: {error.filename} ({why})."
        return Failure(FILE, words, advice="Once it can be, go on.", raw=repr(error))
    try:
        os.getcwd()
    except FileNotFoundError:
        return Failure(
            FILE, "The folder in which mi-tui was started has been removed, and it is needed here.",
            advice="Go to a folder that is there ('cd'), and go on from it.", raw=repr(error),
        )  # fmt: skip
    return Failure(FILE, f"A file of this machine cannot be used ({why}).", raw=repr(error))


def _other_failure(error: BaseException) -> Failure:
    if "requests.exceptions" in sys.modules:
        import requests

        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)):
            return Failure(INTERNAL, f"{type(error).__name__}: {error}", raw=repr(error))
        if isinstance(error, requests.RequestException):
            return _network_failure(error)
    if isinstance(error, OSError):
        if isinstance(error, ConnectionError):
            return Failure(NETWORK, str(error.strerror or error), raw=repr(error))
        return _file_failure(error)
    return Failure(INTERNAL, f"{type(error).__name__}: {error}", raw=repr(error))
