"""An authority of a test's own, and servers' certificates: the right one, and wrong ones."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority.

    Parameters: `folder`, where files go. Attributes: `path`, of its certificate in PEM.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        certificate = (
            self._builder(self._name, self._key.public_key(), -_DAY, _DAY)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / "authority.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, kind: str) -> ssl.SSLContext:
        """Return what a server for localhost presents.

        Parameters: `kind`: `right`, `self-signed`, `expired`, `other-host`, or `weak`.
        """
        weak = kind == "weak"
        key = (
            rsa.generate_private_key(65537, 1024)
            if weak
            else ec.generate_private_key(ec.SECP256R1())
        )
        host = "evil.test" if kind == "other-host" else "localhost"
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        ends = -_DAY if kind == "expired" else _DAY
        builder = self._builder(name, key.public_key(), -2 * _DAY, ends).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        if kind == "self-signed":
            certificate = builder.issuer_name(name).sign(key, hashes.SHA256())
        else:
            certificate = builder.issuer_name(self._name).sign(self._key, hashes.SHA256())
        path = self._folder / f"{kind}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if weak:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(path)
        return context

    def _builder(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        begins: dt.timedelta,
        ends: dt.timedelta,
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder(subject_name=name, public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
        )
