"""Entra's discovery documents, as recorded: where a tenant's endpoints are, and which clouds there are."""

from __future__ import annotations

from urllib.parse import urlsplit

from mi_tui.sandbox.furnish import TENANT_DOMAIN, TENANT_NAME
from mi_tui.sandbox.hosts import LOGIN, LOGIN_ALIASES

# preferred network, preferred cache, aliases; recorded from /common/discovery/instance, api-version 1.1.
_CLOUDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (LOGIN, "login.windows.net", (LOGIN, *LOGIN_ALIASES)),
    (
        "login.partner.microsoftonline.cn",
        "login.partner.microsoftonline.cn",
        ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    ),
    ("login.microsoftonline.de", "login.microsoftonline.de", ("login.microsoftonline.de",)),
    ("login.microsoftonline.us", "login.microsoftonline.us", ("login.microsoftonline.us", "login.usgovcloudapi.net")),
    ("login-us.microsoftonline.com", "login-us.microsoftonline.com", ("login-us.microsoftonline.com",)),
)


def instance(authorization_endpoint: str) -> dict[str, object] | None:
    """The answer of `/common/discovery/instance`, or None when the endpoint asked about is of no known cloud."""
    host = urlsplit(authorization_endpoint).hostname
    if not any(host in aliases for _, _, aliases in _CLOUDS):
        return None
    tenant = urlsplit(authorization_endpoint).path.strip("/").split("/")[0] or "common"
    return {
        "tenant_discovery_endpoint": f"https://{host}/{tenant}/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {"preferred_network": network, "preferred_cache": cache, "aliases": list(aliases)}
            for network, cache, aliases in _CLOUDS
        ],
    }


def user_realm(name: str) -> dict[str, object]:
    """How a user signs in: by a password kept in the cloud, or not known here. What MSAL asks before it sends a password."""
    domain = name.rpartition("@")[2].lower()
    body: dict[str, object] = {"ver": "1.0", "account_type": "Managed" if domain == TENANT_DOMAIN else "Unknown"}
    if domain == TENANT_DOMAIN:
        body |= {"domain_name": domain, "federation_brand_name": TENANT_NAME}
    return body | {"cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline"}


def openid_configuration(tenant: str, tenant_id: str, *, v2: bool, pages: str = "") -> dict[str, object]:
    """The OpenID configuration. `tenant` is as in the path; of a shared one the issuer is a template, as in Entra.

    `pages` is where the page stands on which a person signs in, when that is not the login host: a browser knows neither the
    sandbox's proxy nor its certificate.
    """
    base = f"https://{LOGIN}/{tenant}"
    version = "/v2.0" if v2 else ""
    shared = tenant != tenant_id
    issuer_tenant = "{tenantid}" if shared else tenant_id
    issuer = f"https://{LOGIN}/{issuer_tenant}/v2.0" if v2 else f"https://sts.windows.net/{issuer_tenant}/"
    body: dict[str, object] = {
        "token_endpoint": f"{base}/oauth2{version}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery{version}/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"] if v2 else ["openid"],
        "issuer": issuer,
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo" if v2 else f"{base}/openid/userinfo",
        "authorization_endpoint": f"{pages}/{tenant}/oauth2{version}/authorize" if pages else f"{base}/oauth2{version}/authorize",
        "device_authorization_endpoint": f"{base}/oauth2{version}/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{base}/oauth2{version}/logout",
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host", "aud", "exp",
            "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
        ],
        "kerberos_endpoint": f"{base}/kerberos",
        "tenant_region_scope": None if shared else "WW",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    }  # fmt: skip
    return body
