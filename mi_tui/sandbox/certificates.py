"""The sandbox's private certificate authority, kept between runs, and its leaf certificates, made per host name on demand."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import ssl
import tempfile
from collections import OrderedDict
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mi_tui.sandbox.hosts import SUBTREES, service_of
from mi_tui.sandbox.paths import CA_NAME

CA_DAYS = 1825
CA_RENEW_DAYS = 120
LEAF_DAYS = 90
"""Below the 397 days that clients accept, and below CA_RENEW_DAYS, so that no leaf outlives its CA."""

_CACHED_HOSTS = 256
_OTHER_NAME = "sandbox.invalid"


class Authority:
    """The CA in a folder, and the server contexts that it signs for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.ca_file = folder / CA_NAME
        self._key_file = folder / "ca-key.pem"
        self._key, self.certificate = self._load() or self._create()
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: OrderedDict[str, tuple[ssl.SSLContext, dt.datetime]] = OrderedDict()

    def server_context(self) -> ssl.SSLContext:
        """A context that answers each served host name (SNI) with a leaf of its own, and any other name with a useless one."""
        context = self._context(_OTHER_NAME)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            if name is not None and service_of(name) is not None:
                connection.context = self._context(name.lower())

        context.sni_callback = choose
        return context

    def leaf(self, host: str) -> x509.Certificate:
        """A new certificate for one host name, valid from an hour ago."""
        now = dt.datetime.now(dt.UTC)
        public = self._leaf_key.public_key()
        ends = min(now + dt.timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
        return (
            x509.CertificateBuilder()
            .subject_name(_name("mi-tui sandbox"))
            .issuer_name(self.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _context(self, host: str) -> ssl.SSLContext:
        known = self._contexts.get(host)
        if known is not None and known[1] - dt.datetime.now(dt.UTC) > dt.timedelta(days=1):
            self._contexts.move_to_end(host)
            return known[0]
        certificate = self.leaf(host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # Each host has a context of its own, so a ticket taken at one must not be offered at another: give none.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        self._install(context, certificate)
        self._contexts[host] = (context, certificate.not_valid_after_utc)
        while len(self._contexts) > _CACHED_HOSTS:
            self._contexts.popitem(last=False)
        return context

    def _install(self, context: ssl.SSLContext, certificate: x509.Certificate) -> None:
        # The ssl module takes certificates from files only; this one exists for the length of the call.
        handle, path = tempfile.mkstemp(dir=self._folder, prefix="leaf-", suffix=".pem")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_pem(self._leaf_key) + certificate.public_bytes(serialization.Encoding.PEM))
            context.load_cert_chain(path)
        finally:
            os.unlink(path)

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        """The kept CA, or None when there is none, it is damaged, or it ends soon."""
        try:
            key = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
                return None
            certificate.verify_directly_issued_by(certificate)
            # One of a version that served fewer hosts could sign for the others, but no client would believe it.
            if certificate.extensions.get_extension_for_class(x509.NameConstraints).value != _constraints():
                return None
        except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return None
        if certificate.not_valid_after_utc - dt.datetime.now(dt.UTC) < dt.timedelta(days=CA_RENEW_DAYS):
            return None
        return key, certificate

    def _create(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        name = _name(f"mi-tui sandbox CA {now:%Y-%m-%d %H:%M:%S}")
        # Even in a trust store this CA is worth nothing for hosts that the sandbox does not serve.
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(_constraints(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        # The key first: a crash in between leaves a pair that does not match, which _load refuses.
        _write(self._key_file, _pem(key))
        _write(self.ca_file, certificate.public_bytes(serialization.Encoding.PEM))
        return key, certificate


def _constraints() -> x509.NameConstraints:
    return x509.NameConstraints([x509.DNSName(host) for host in SUBTREES], None)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by its owner only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
