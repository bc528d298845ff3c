"""The certificates that SNS signs with."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.egress import Reply
from shared.intake.rate import Rates
from shared.intake.sns_certificates import Certificates, trusted_roots
from shared.intake.sns_endpoint import Endpoint
from shared.model.errors import NotAuthenticatedError, SenderUnavailableError, TooManyEventsError
from tests.fakes.egress import Answer, FakeEgress
from tests.fakes.sns import CERTIFICATE, HOST, ISSUER, TOPIC, FakeSns
from tests.unit.intake.gate import Gate, access
from tests.unit.model.builders import NOON

_ACCESS = access(kind="sns", topics=[TOPIC])
_PEM = FakeSns(NOON).pem()


def _gate(**values: Any) -> Gate:
    """A gate before an SNS with another certificate."""
    gate = Gate()
    gate.sns = FakeSns(NOON, **values)
    return gate


async def test_a_chain_by_the_issuers_address() -> None:
    """SNS serves its own certificate alone: its issuer's is fetched from where that says, and the chain verified."""
    gate = Gate()

    assert await gate.admit(_ACCESS, gate.sns.message()) is None
    assert gate.addresses() == [CERTIFICATE, ISSUER]


async def test_a_chain_in_the_file() -> None:
    """Where the issuer's certificate stands behind SNS's own, nothing else is fetched."""
    gate = Gate()
    gate.sns.served[CERTIFICATE] = Answer(chunks=(gate.sns.pem(gate.sns.issuer.certificate),))

    assert await gate.admit(_ACCESS, gate.sns.message()) is None
    assert gate.addresses() == [CERTIFICATE]


@pytest.mark.parametrize("name", ["sns.amazonaws.com", "sns-signing.us-west-2.amazonaws.com", HOST])
async def test_its_names(name: str) -> None:
    """A certificate has one of the names that SNS's have in this region."""
    gate = _gate(names=[name])

    assert await gate.admit(_ACCESS, gate.sns.message()) is None


@pytest.mark.parametrize("name", ["example.org", "sns.us-east-1.amazonaws.com", "a.sns.amazonaws.com", "*.example.org"])
async def test_another_name(name: str) -> None:
    """The certificate of anybody else signs nothing, though a trusted authority issued it and SNS's host serves it."""
    gate = _gate(names=[name])

    with pytest.raises(NotAuthenticatedError, match="isn't one of SNS"):
        await gate.admit(_ACCESS, gate.sns.message())


@pytest.mark.parametrize("days", [-31, 336])
async def test_another_time(days: int) -> None:
    """A certificate that has run out, or isn't valid yet, signs nothing."""
    gate = Gate()
    gate.clock.pass_by(timedelta(days=days))
    message = gate.sns.message(Timestamp=gate.clock().isoformat())

    with pytest.raises(NotAuthenticatedError, match="isn't one of SNS"):
        await gate.admit(_ACCESS, message)


async def test_an_authority_that_nobody_trusts() -> None:
    """A chain that ends at another root is none."""
    gate = Gate()
    other = FakeSns(NOON)
    gate.sns.served = other.served

    with pytest.raises(NotAuthenticatedError, match="isn't one of SNS"):
        await gate.admit(_ACCESS, other.message())


async def test_its_own_authority() -> None:
    """A root that comes in the file itself isn't trusted for that."""
    gate = Gate()
    other = FakeSns(NOON)
    pem = other.pem(other.issuer.certificate, other.root.certificate)
    gate.sns.served[CERTIFICATE] = Answer(chunks=(pem,))

    with pytest.raises(NotAuthenticatedError, match="isn't one of SNS"):
        await gate.admit(_ACCESS, other.message())


async def test_the_real_roots() -> None:
    """Without other roots those of Mozilla's store are trusted, Amazon's among them."""
    names = {each.subject.rfc4514_string() for each in trusted_roots()}

    assert "CN=Amazon Root CA 1,O=Amazon,C=US" in names
    assert len(names) > 50


@pytest.mark.parametrize(
    "issuer",
    [None, "http://issuer.example.org/ca.cer", "http://crt.r2m01.amazontrust.com.example.org/a", "ldap:///cn=ca", ""],
)
async def test_an_issuer_elsewhere(issuer: str | None) -> None:
    """An issuer's certificate is fetched from authorities' own hosts only."""
    gate = _gate(issuer=issuer)

    with pytest.raises(NotAuthenticatedError):
        await gate.admit(_ACCESS, gate.sns.message())

    assert gate.addresses() == [CERTIFICATE]


async def test_an_issuer_that_is_none() -> None:
    """What is served as the issuer's certificate has to be one."""
    gate = Gate()
    gate.sns.served[ISSUER] = Answer(chunks=(b"<html>",))

    with pytest.raises(NotAuthenticatedError, match="isn't one of SNS"):
        await gate.admit(_ACCESS, gate.sns.message())


@pytest.mark.parametrize(
    "served",
    [
        b"",
        b"<html>",
        _PEM.replace(b"MII", b"AAA", 1),
        _PEM + _PEM.replace(b"MII", b"AAA", 1),
        _PEM.replace(b"END", b"AND"),
        b"-" * (64 * 1024 + 1),
    ],
    ids=["nothing", "page", "damaged", "damaged behind", "without an end", "large"],
)
async def test_no_certificate(served: bytes) -> None:
    """What SNS's host serves there has to be a certificate, and small."""
    gate = Gate()
    gate.sns.served[CERTIFICATE] = Answer(chunks=(served,))

    with pytest.raises(NotAuthenticatedError):
        await gate.admit(_ACCESS, gate.sns.message())


async def test_an_address_that_leads_nowhere() -> None:
    """A certificate that SNS's host doesn't know signs nothing."""
    gate = Gate()
    del gate.sns.served[CERTIFICATE]

    with pytest.raises(NotAuthenticatedError, match="can't be used"):
        await gate.admit(_ACCESS, gate.sns.message())


async def test_a_key_of_another_sort() -> None:
    """SNS signs by RSA."""
    gate = _gate(key=lambda: ec.generate_private_key(ec.SECP256R1()))

    with pytest.raises(NotAuthenticatedError, match="no key of RSA"):
        await gate.admit(_ACCESS, Gate().sns.message())


@pytest.mark.parametrize("address", [CERTIFICATE, ISSUER])
@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_host_in_trouble(address: str, status: int) -> None:
    """If the certificate can't be had now, the sender is told to send again."""
    gate = Gate()
    gate.sns.served[address] = Answer(status=status)

    with pytest.raises(SenderUnavailableError) as raised:
        await gate.admit(_ACCESS, gate.sns.message())

    assert raised.value.retry_after_seconds == 30


async def test_it_is_kept() -> None:
    """The certificate is fetched once, for every message that names it."""
    gate = Gate()

    for _ in range(3):
        await gate.admit(_ACCESS, gate.sns.message())

    assert gate.addresses() == [CERTIFICATE, ISSUER]


async def test_it_is_fetched_once() -> None:
    """Messages that come together wait for one fetch."""
    sns = FakeSns(NOON)
    http = _SlowHttp(FakeEgress(sns.serve))
    certificates = Certificates(http, clock=lambda: NOON, rates=Rates(lambda: 0), roots=sns.roots)
    waiting = [asyncio.create_task(certificates.key(CERTIFICATE, endpoint=Endpoint.of(TOPIC))) for _ in range(5)]
    await http.asked.wait()
    http.answers.set()

    keys = await asyncio.gather(*waiting)

    assert keys == [sns.leaf.public_key()] * 5
    assert [each.url for each in http.inner.asked] == [CERTIFICATE, ISSUER]


async def test_it_is_fetched_again() -> None:
    """After a day it is looked at anew."""
    gate = Gate()
    await gate.admit(_ACCESS, gate.sns.message())
    gate.clock.pass_by(timedelta(days=1))

    await gate.admit(_ACCESS, gate.sns.message(Timestamp=gate.clock().isoformat()))

    assert gate.addresses() == [CERTIFICATE, ISSUER] * 2


async def test_it_ends() -> None:
    """A certificate that is kept isn't used beyond its own time."""
    gate = _gate(life=timedelta(days=30, hours=1))
    await gate.admit(_ACCESS, gate.sns.message())
    gate.clock.pass_by(timedelta(hours=2))

    with pytest.raises(NotAuthenticatedError, match="isn't one of SNS"):
        await gate.admit(_ACCESS, gate.sns.message(Timestamp=gate.clock().isoformat()))


async def test_addresses_that_are_made_up() -> None:
    """Who names one address after the other makes this process ask ten times a minute; who is known still passes."""
    gate = Gate()
    await gate.admit(_ACCESS, gate.sns.message())
    for number in range(9):
        with pytest.raises(NotAuthenticatedError):
            await gate.admit(_ACCESS, gate.sns.message(SigningCertURL=_numbered(number)))

    with pytest.raises(TooManyEventsError, match="certificates of SNS") as raised:
        await gate.admit(_ACCESS, gate.sns.message(SigningCertURL=_numbered(9)))
    known = await gate.admit(_ACCESS, gate.sns.message())

    assert raised.value.retry_after_seconds == 6
    assert known is None
    assert len(gate.addresses()) == 2 + 9


async def test_few_are_kept() -> None:
    """Sixteen are kept, the latest."""
    gate = Gate()
    for number in range(17):
        gate.sns.served[_numbered(number)] = gate.sns.served[CERTIFICATE]
        gate.seconds += 6
        await gate.admit(_ACCESS, gate.sns.message(SigningCertURL=_numbered(number)))
    before = len(gate.addresses())

    await gate.admit(_ACCESS, gate.sns.message(SigningCertURL=_numbered(1)))
    kept = len(gate.addresses())
    await gate.admit(_ACCESS, gate.sns.message(SigningCertURL=_numbered(0)))

    assert kept == before
    assert len(gate.addresses()) == before + 2


class _SlowHttp:
    """Answers once it is told to."""

    def __init__(self, inner: FakeEgress) -> None:
        self.inner = inner
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    @contextlib.asynccontextmanager
    async def request(self, method: str, url: str, **values: Any) -> AsyncGenerator[Reply]:
        """See ``Egress.request``."""
        self.asked.set()
        await self.answers.wait()
        async with self.inner.request(method, url, **values) as reply:
            yield reply


def _numbered(number: int) -> str:
    return f"https://{HOST}/SimpleNotificationService-{number}.pem"
