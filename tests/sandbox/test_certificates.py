"""The sandbox's certificate authority, and which host names it is for."""

from __future__ import annotations

import contextlib
import datetime as dt
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mi_tui.sandbox import certificates
from mi_tui.sandbox.certificates import Authority
from mi_tui.sandbox.hosts import service_of

ENDPOINT = f"{'e' * 32}.australiasoutheast.inference.ml.azure.com"
"""75 characters: longer than a certificate's common name may be."""

HOSTS = ("management.azure.com", "login.microsoftonline.com", "stcontoso1.blob.core.windows.net", ENDPOINT)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("management.azure.com", "management"),
        ("Management.Azure.com", "management"),
        ("login.microsoftonline.com", "login"),
        ("stcontoso1.blob.core.windows.net", "blob"),
        ("ep-1.westeurope.inference.ml.azure.com", "inference"),
        ("evil-management.azure.com", None),
        ("management.azure.com.evil.example", None),
        ("blob.core.windows.net", None),
        ("a.b.blob.core.windows.net", None),
        (".blob.core.windows.net", None),
        ("x-.blob.core.windows.net", None),
        ("stxblob.core.windows.net", None),
        ("login.windows.net", "login"),
        ("graph.microsoft.com", "graph"),
        ("graph.windows.net", None),
        ("westeurope-5.in.applicationinsights.azure.com", "telemetry"),
        ("dc.services.visualstudio.com", "telemetry"),
        ("westeurope.livediagnostics.monitor.azure.com", "telemetry"),
        ("in.applicationinsights.azure.com", None),
        ("x.monitor.azure.com", None),
        ("example.org", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_which_hosts_are_served(host: str, service: str | None) -> None:
    assert service_of(host) == service


def test_ca_is_kept_between_runs_and_private(tmp_path: Path) -> None:
    first = Authority(tmp_path / "ca")
    again = Authority(tmp_path / "ca")
    assert first.certificate == again.certificate
    assert first.ca_file.read_bytes().count(b"BEGIN CERTIFICATE") == 1
    assert b"PRIVATE" not in first.ca_file.read_bytes()
    first.server_context()
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == ["ca-key.pem", "mi-tui-sandbox-ca.pem"]
    assert (mode(tmp_path / "ca"), mode(tmp_path / "ca" / "ca-key.pem")) == (0o700, 0o600)


@pytest.mark.parametrize("damage", ["no key", "no certificate", "half a key", "another's key"])
def test_a_damaged_ca_is_made_anew(tmp_path: Path, damage: str) -> None:
    before = Authority(tmp_path / "ca").certificate
    key, certificate = tmp_path / "ca" / "ca-key.pem", tmp_path / "ca" / "mi-tui-sandbox-ca.pem"
    match damage:
        case "no key":
            key.unlink()
        case "no certificate":
            certificate.unlink()
        case "half a key":
            key.write_bytes(key.read_bytes()[:80])
        case _:
            Authority(tmp_path / "other")
            key.write_bytes((tmp_path / "other" / "ca-key.pem").read_bytes())
    after = Authority(tmp_path / "ca")
    assert after.certificate != before
    assert handshake(after, HOSTS[0])


def test_a_ca_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "CA_DAYS", certificates.CA_RENEW_DAYS - 1)
    before = Authority(tmp_path).certificate
    leaf = Authority(tmp_path).leaf(HOSTS[0])
    assert leaf.not_valid_after_utc <= Authority(tmp_path).certificate.not_valid_after_utc
    monkeypatch.undo()
    after = Authority(tmp_path).certificate
    assert after != before
    assert Authority(tmp_path).certificate == after


def test_leaf_says_what_strict_clients_ask_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    leaf = authority.leaf(ENDPOINT)
    extensions = leaf.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [ENDPOINT]
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert (
        extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        == identifier.key_identifier
    )
    own = x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    assert extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value == own
    assert ExtendedKeyUsageOID.SERVER_AUTH in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= dt.timedelta(days=397)


def handshake(authority: Authority, host: str, context: ssl.SSLContext | None = None) -> dict[str, Any]:
    """A TLS handshake in memory, with every check that OpenSSL has; the certificate that the client saw."""
    trusting = ssl.create_default_context(cafile=str(authority.ca_file))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=host)
    server = (context or authority.server_context()).wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in (client, server):
            if side not in done:
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                    done.add(side)
    assert len(done) == 2
    return dict(client.getpeercert() or {})


def test_each_host_gets_its_own_leaf_by_sni(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context()
    for host in (*HOSTS, *HOSTS):
        assert handshake(authority, host, context)["subjectAltName"] == (("DNS", host),)


def test_a_host_that_is_not_served_gets_no_certificate_that_a_client_accepts(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(Authority(tmp_path), "example.org")


def test_the_ca_is_worth_nothing_for_other_hosts(tmp_path: Path) -> None:
    """Even a leaf signed with the stolen CA key is refused: the CA is constrained to the names that the sandbox serves."""
    authority = Authority(tmp_path)
    forged = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority._install(forged, authority.leaf("example.org"))
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(authority, "example.org", forged)


def test_leaves_are_cached_and_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    assert authority._context(HOSTS[0]) is authority._context(HOSTS[0])
    monkeypatch.setattr(certificates, "_CACHED_HOSTS", 3)
    for number in range(9):
        authority._context(f"a{number}.blob.core.windows.net")
    assert len(authority._contexts) == 3
