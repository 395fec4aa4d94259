"""Names of people, groups and applications, from Microsoft Graph; where it may not be read, there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mi_tui.services.errors import translated
from mi_tui.services.session import CONNECT_SECONDS, READ_SECONDS, Session

if TYPE_CHECKING:
    from azure.core import PipelineClient

GRAPH = "https://graph.microsoft.com"
_MOST = 1000
"""Ids in one `getByIds`; "directoryObject: getByIds" (Microsoft Graph)."""


def display_names(session: Session, object_ids: list[str]) -> dict[str, str]:
    """Object id -> the name that a person knows it by, for those that Graph tells. Raises ServiceError."""
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpRequest

    if not object_ids:
        return {}
    asked = HttpRequest("POST", f"{GRAPH}/v1.0/directoryObjects/getByIds", json={"ids": object_ids[:_MOST]})
    with translated():
        response = _client(session).send_request(asked)
        if response.status_code != 200:
            raise HttpResponseError(response=response)
        found: dict[str, str] = {}
        for item in response.json().get("value", []):
            name = item.get("userPrincipalName") or item.get("displayName")
            if isinstance(item, dict) and name:
                found[str(item.get("id", "")).lower()] = str(name)
        return found


def _client(session: Session) -> PipelineClient[Any, Any]:
    def make() -> PipelineClient[Any, Any]:
        from azure.core import PipelineClient
        from azure.core.pipeline import policies

        chain = [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(sdk_moniker="mi-tui"),
            policies.ProxyPolicy(),
            policies.BearerTokenCredentialPolicy(session.credential, f"{GRAPH}/.default"),
        ]
        return PipelineClient(GRAPH, policies=chain, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)

    return session.client("graph", make)
