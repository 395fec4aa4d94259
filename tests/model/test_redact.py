"""What must never be read by anybody is taken out, and what is no secret stays."""

from __future__ import annotations

import base64

import pytest

from mi_tui.model.redact import redact

KEY = base64.b64encode(bytes(range(64))).decode()
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {JWT}", JWT),
        ("authorization: bearer a1b2c3d4e5f6", "a1b2c3d4e5f6"),
        (f"token was {JWT} and expired", JWT),
        ("https://a.blob.core.windows.net/c/b?sv=2021&sig=ab%2Fcd%3D&sp=r", "ab%2Fcd%3D"),
        ("url%3Fsig%3Dsecretsecret rest", "secretsecret"),
        (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=x", KEY),
        (f"the key is {KEY}.", KEY),
        ("Authorization: SharedKey myaccount:Zm9vYmFyYmF6cXV4", "Zm9vYmFyYmF6cXV4"),
        ('{"primaryKey": "hunter22", "name": "x"}', "hunter22"),
        ("{'access_token': 'opaque-token', 'x': 1}", "opaque-token"),
        ("grant_type=client_credentials&client_secret=s3cr3t&scope=x", "s3cr3t"),
        ("MSI_SECRET=abc.def", "abc.def"),
    ],
)
def test_secrets_go(text: str, secret: str) -> None:
    cleaned = redact(text)
    assert secret not in cleaned
    assert "***" in cleaned
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "(ResourceNotReady) User container has crashed or terminated.",
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a",
        "The bearer of this role may read blobs.",
        "hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "See https://aka.ms/oe-tsg#error-outofquota",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text) == text
