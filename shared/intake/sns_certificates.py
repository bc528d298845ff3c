"""The certificates that SNS signs with: fetched from SNS itself, verified up to a trusted root, kept for a day.

What is verified: the host (by TLS, as of every request), the chain, its time, and the certificate's name. What isn't:
whether a certificate was revoked.
"""

import asyncio
import dataclasses
import functools
import re
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from shared.egress import Http, check_status
from shared.intake.rate import Rates
from shared.intake.sns_endpoint import Endpoint
from shared.model.datasets import Allowlist
from shared.model.errors import (
    AssetNotFoundError,
    AssetTooLargeError,
    DeferredError,
    NotAuthenticatedError,
    RetryableError,
    SenderUnavailableError,
    UrlRefusedError,
)

type Roots = Callable[[], Sequence[x509.Certificate]]

_LIFE = timedelta(days=1)
_MOST = 16
_MAX_BYTES = 64 * 1024
_PER_MINUTE = 10
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_ISSUER_HOSTS = ("*.amazontrust.com", "cacerts.digicert.com")
#: SNS hands out its own certificate alone; whose issuer's is where the certificate says, without TLS: the chain is
#: what makes it trusted.
_ISSUERS = Allowlist(hosts=_ISSUER_HOSTS, http_hosts=_ISSUER_HOSTS)


@functools.cache
def trusted_roots() -> Sequence[x509.Certificate]:
    """The roots of Mozilla's store, by the package certifi; those that the parser finds fault with aren't trusted."""
    found = (_loaded(each, x509.load_pem_x509_certificate) for each in _PEM.findall(certifi.contents().encode()))
    return tuple(each for each in found if each is not None)


class Certificates:
    """Keys of SNS by their certificates' addresses."""

    def __init__(self, http: Http, *, clock: Callable[[], datetime], rates: Rates, roots: Roots) -> None:
        self._http = http
        self._clock = clock
        self._rates = rates
        self._roots = roots
        self._held: dict[str, _Held] = {}
        self._fetching = asyncio.Lock()

    async def key(self, address: str, *, endpoint: Endpoint) -> RSAPublicKey:
        """The public key of the certificate at an address of the endpoint.

        Raises NotAuthenticatedError for what is no certificate of SNS, SenderUnavailableError, TooManyEventsError.
        """
        if (held := self._fresh(address)) is not None:
            return held.key
        # One at a time: whoever names addresses that don't exist makes this process ask no more than a few.
        async with self._fetching:
            if (held := self._fresh(address)) is not None:
                return held.key
            self._rates.take("certificates of SNS", per_minute=_PER_MINUTE)
            held = await self._fetched(address, endpoint=endpoint)
            self._held.pop(address, None)
            while len(self._held) >= _MOST:
                del self._held[next(iter(self._held))]
            self._held[address] = held
            return held.key

    def _fresh(self, address: str) -> "_Held | None":
        held = self._held.get(address)
        return held if held is not None and self._clock() < held.until else None

    async def _fetched(self, address: str, *, endpoint: Endpoint) -> "_Held":
        leaf, *others = _certificates(await self._read(address, allow=endpoint.allow))
        now = self._clock()
        chain = _verified(
            leaf,
            others or await self._issuers(leaf),
            names=endpoint.signers,
            roots=self._roots(),
            now=now,
        )
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey):
            raise NotAuthenticatedError("the certificate of SNS has no key of RSA, which its signatures are made with")
        return _Held(key=key, until=min(now + _LIFE, *(each.not_valid_after_utc for each in chain)))

    async def _issuers(self, leaf: x509.Certificate) -> list[x509.Certificate]:
        address = _issuer_address(leaf)
        found = _loaded(await self._read(address, allow=_ISSUERS), x509.load_der_x509_certificate) if address else None
        return [found] if found is not None else []

    async def _read(self, address: str, *, allow: Allowlist) -> bytes:
        try:
            async with self._http.request("GET", address, allow=allow) as reply:
                check_status(reply)
                return await reply.read(_MAX_BYTES)
        except (AssetNotFoundError, AssetTooLargeError, UrlRefusedError) as error:
            raise NotAuthenticatedError(f"the certificate that the message names can't be used: {error}") from error
        except (RetryableError, DeferredError) as error:
            raise SenderUnavailableError(f"the certificate of SNS can't be fetched now: {error}") from error


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    key: RSAPublicKey
    until: datetime


def _certificates(pem: bytes) -> list[x509.Certificate]:
    """One certificate, and what may stand behind it."""
    found = [_loaded(each, x509.load_pem_x509_certificate) for each in _PEM.findall(pem)]
    certificates = [each for each in found if each is not None]
    if not certificates or len(certificates) < len(found):
        raise NotAuthenticatedError("SigningCertURL leads to what is no certificate")
    return certificates


def _loaded(encoded: bytes, load: Callable[[bytes], x509.Certificate]) -> x509.Certificate | None:
    """None where it can't be parsed, and where the parser only puts up with it: it warns of what it will refuse."""
    try:
        with warnings.catch_warnings(action="error"):
            return load(encoded)
    except (ValueError, Warning):
        return None


def _issuer_address(leaf: x509.Certificate) -> str | None:
    """Where the issuer's certificate is, as the certificate itself says (RFC 5280, 4.2.2.1)."""
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return None
    for each in access:
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS and isinstance(
            each.access_location, x509.UniformResourceIdentifier
        ):
            return each.access_location.value
    return None


def _verified(
    leaf: x509.Certificate,
    issuers: Sequence[x509.Certificate],
    *,
    names: Sequence[str],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> list[x509.Certificate]:
    """The chain from a certificate of one of these names up to a root."""
    policy = PolicyBuilder().store(Store(list(roots))).time(now)
    why: VerificationError | None = None
    for name in names:
        try:
            return policy.build_server_verifier(x509.DNSName(name)).verify(leaf, list(issuers))
        except VerificationError as error:
            why = error
    raise NotAuthenticatedError(f"the certificate isn't one of SNS ({', '.join(names)}): {why}") from why
