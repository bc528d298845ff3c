"""SNS with keys of our own: signs messages, and serves its certificate and its issuer's."""

import base64
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from shared.intake.sns_signature import signed_text
from tests.fakes.certificates import common_name, key_usage
from tests.fakes.egress import Answer, Asked

TOPIC = "arn:aws:sns:us-west-2:123456789012:scenes"
HOST = "sns.us-west-2.amazonaws.com"
CERTIFICATE = f"https://{HOST}/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
ISSUER = "http://crt.r2m01.amazontrust.com/r2m01.cer"
TOKEN = "2336412f37fb687f5d51e6e2"
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "Notification": {"Subject": "news", "UnsubscribeURL": f"https://{HOST}/?Action=Unsubscribe"},
    "SubscriptionConfirmation": {"SubscribeURL": f"https://{HOST}/?Action=ConfirmSubscription", "Token": TOKEN},
    "UnsubscribeConfirmation": {"SubscribeURL": f"https://{HOST}/?Action=ConfirmSubscription", "Token": TOKEN},
}

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """A key, made once: that takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who signs certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class FakeSns:
    """SNS in one region; ``now`` is when its certificate is a month old.

    ``issuer``: where that says its issuer's is; "": it says where to ask about it alone; None: nothing of it.
    """

    def __init__(
        self,
        now: datetime,
        *,
        names: Sequence[str] = ("sns.amazonaws.com",),
        key: Callable[[], PrivateKey] = rsa_key,
        issuer: str | None = ISSUER,
        life: timedelta = timedelta(days=365),
    ) -> None:
        self.now = now
        self.key = key()
        self.root = _authority("root", at=now, by=None)
        self.issuer = _authority("issuer", at=now, by=self.root)
        self.leaf = _leaf(self.key, by=self.issuer, names=names, issuer=issuer, at=now, life=life)
        self.served: dict[str, Answer] = {
            CERTIFICATE: Answer(chunks=(self.pem(),)),
            ISSUER: Answer(chunks=(self.issuer.certificate.public_bytes(Encoding.DER),)),
        }

    def roots(self) -> Sequence[x509.Certificate]:
        """Whom to trust."""
        return (self.root.certificate,)

    def pem(self, *others: x509.Certificate) -> bytes:
        """The file that SigningCertURL leads to."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in (self.leaf, *others))

    def serve(self, asked: Asked) -> Answer:
        """What it answers."""
        if asked.url.startswith(f"https://{HOST}/?Action=ConfirmSubscription&"):
            return Answer(chunks=(b"<ConfirmSubscriptionResponse/>",))
        return self.served.get(asked.url, Answer(status=404))

    def message(self, kind: str = "Notification", **changes: str | None) -> dict[str, Any]:
        """A message, signed with its changes in it; None: without this field."""
        message = {
            "Type": kind,
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": '{"Records": []}\n\u00e9',
            "Timestamp": f"{self.now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}.655Z",
            "SignatureVersion": "2",
            "SigningCertURL": CERTIFICATE,
            **_MESSAGES[kind],
            **changes,
        }
        written = {name: value for name, value in message.items() if value is not None}
        assert isinstance(self.key, rsa.RSAPrivateKey)
        signature = self.key.sign(signed_text({"Token": "", **written}), PKCS1v15(), hashes.SHA256())
        return {**written, "Signature": base64.b64encode(signature).decode()}


def _authority(name: str, *, at: datetime, by: Authority | None) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, issuer_key = (by.certificate.subject, by.key) if by else (common_name(name), key)
    built = (
        _builder(name, key=key, issuer=issuer, at=at, life=timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
    )
    return Authority(certificate=_signed(built, issuer_key), key=key)


def _leaf(
    key: PrivateKey, *, by: Authority, names: Sequence[str], issuer: str | None, at: datetime, life: timedelta
) -> x509.Certificate:
    built = (
        _builder(names[0], key=key, issuer=by.certificate.subject, at=at, life=life)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(key_usage(signs_certificates=False), critical=True)
    )
    if issuer is not None:
        access = [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(address))
            for method, address in (
                (AuthorityInformationAccessOID.OCSP, "http://ocsp.r2m01.amazontrust.com"),
                (AuthorityInformationAccessOID.CA_ISSUERS, issuer),
            )
            if address
        ]
        built = built.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    return _signed(built, by.key)


def _builder(
    name: str, *, key: PrivateKey, issuer: x509.Name, at: datetime, life: timedelta
) -> x509.CertificateBuilder:
    began = at - timedelta(days=30)
    return (
        x509.CertificateBuilder()
        .subject_name(common_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())
