"""Cross-origin requests of browsers, by the rules of the blob service's properties: preflights, and headers of other answers.

Source: "CORS support for Azure Storage" and "Preflight Blob Request" (Storage REST reference).
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from xml.etree import ElementTree

from mi_tui.sandbox.blob import settings
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import BlobError, fault

_METHOD, _HEADERS = "access-control-request-method", "access-control-request-headers"


@dataclass(frozen=True)
class _Rule:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: str
    age: str

    def allows(self, origin: str, method: str, headers: list[str]) -> bool:
        """Whether this rule is for a request; the scheme, host and port of an origin count as they are written."""
        return (
            any(fnmatch.fnmatchcase(origin, _literal(allowed)) for allowed in self.origins)
            and method in self.methods
            and all(any(_header(name, allowed) for allowed in self.headers) for name in headers)
        )

    def told(self, origin: str) -> dict[str, str]:
        """What every answer to an allowed request says."""
        if "*" in self.origins:
            return {"access-control-allow-origin": "*"}
        return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}


def preflight(call: Call) -> Answer:
    """Preflight Blob Request: nobody has to sign it. 403 CorsPreflightFailure without a rule, 400 without the headers."""
    call.state["decision"] = "a preflight asks for no right"
    for name in ("Origin", "Access-Control-Request-Method"):
        if not call.headers.get(name):
            error = fault("InvalidHeaderValue", MessageDetails=f"Invalid required CORS header {name}")
            error.message = "A required CORS header is not present."
            raise error
    origin, method = call.headers["origin"], call.headers[_METHOD]
    asked = call.headers.get(_HEADERS)
    rule = _rule(call, origin, method, [name.strip() for name in (asked or "").split(",") if name.strip()])
    if rule is None:
        raise BlobError(
            403,
            "CorsPreflightFailure",
            "CORS not enabled or no matching rule found for this request.",
            {"MessageDetails": "No CORS rules matches this request"},
        )
    headers = {**rule.told(origin), "access-control-allow-methods": method, "access-control-max-age": rule.age}
    if asked:
        headers["access-control-allow-headers"] = asked
    return Answer(200, headers)


def told(call: Call) -> dict[str, str]:
    """The headers that the answer to a browser's request has beside its own; none where no rule is for it."""
    origin = call.headers.get("origin", "")
    rule = _rule(call, origin, call.method, []) if origin else None
    if rule is None:
        return {}
    found = rule.told(origin)
    return found | {"access-control-expose-headers": rule.exposed} if rule.exposed else found


def _rule(call: Call, origin: str, method: str, headers: list[str]) -> _Rule | None:
    """The first rule that is for a request."""
    root = ElementTree.fromstring(f"<Cors>{settings.held(call.world.store, call.account).get('Cors', '')}</Cors>")
    for entry in root:
        rule = _Rule(
            _parts(entry, "AllowedOrigins"), _parts(entry, "AllowedMethods"), _parts(entry, "AllowedHeaders"),
            ",".join(_parts(entry, "ExposedHeaders")), entry.findtext("MaxAgeInSeconds") or "0",
        )  # fmt: skip
        if rule.allows(origin, method, headers):
            return rule
    return None


def _parts(entry: ElementTree.Element, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (entry.findtext(name) or "").split(",") if part.strip())


def _header(name: str, allowed: str) -> bool:
    """Names of headers have no case; `x-ms-meta-*` is whatever begins so."""
    if allowed.endswith("*"):
        return name.lower().startswith(allowed[:-1].lower())
    return name.lower() == allowed.lower()


def _literal(allowed: str) -> str:
    """An allowed origin as a pattern: only the star of a subdomain, or of all origins, is one."""
    return allowed.replace("[", "[[]").replace("?", "[?]")
