"""Calls that are signed with a shared secret."""

import ast
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from shared.intake.hmac_signature import signature
from shared.model.errors import ForbiddenError, NotAuthenticatedError
from tests.unit.intake.gate import Gate, access
from tests.unit.model.builders import NOON

_SECRET = "s3cret-of-thirty-two-characters!"
_NEXT = "another-secret-of-32-characters!!"
_ACCESS = access(kind="hmac", secret_setting="SOURCE_EVENTS", next_secret_setting="SOURCE_NEXT")
_SECRETS = {"SOURCE_EVENTS": _SECRET, "SOURCE_NEXT": _NEXT}
_BODY = b'{"assets": []}'
_TIME = str(int(NOON.timestamp()))


def _headers(body: bytes = _BODY, *, secret: str = _SECRET, timestamp: str = _TIME) -> dict[str, str]:
    signed = signature(secret.encode(), timestamp=timestamp, body=body)
    return {"X-Sluice-Timestamp": timestamp, "X-Sluice-Signature": signed}


def test_a_known_signature() -> None:
    """HMAC-SHA256 over timestamp, dot and body: what openssl dgst -sha256 -hmac says of these."""
    found = signature(b"key", timestamp="1717243200", body=b"{}")

    assert found == "sha256=bb00ebbd34224d75d0d8e2699e770b83680b4bae9623413e27bf153716a28b60"


@pytest.mark.parametrize("secret", [_SECRET, _NEXT])
async def test_a_signed_call(secret: str) -> None:
    """It passes with either secret, so that senders can change from one to the other."""
    assert await Gate(secrets=_SECRETS).admit(_ACCESS, _BODY, headers=_headers(secret=secret)) is None


async def test_one_secret() -> None:
    """A second one may be left out, and isn't taken then."""
    one = access(kind="hmac", secret_setting="SOURCE_EVENTS")
    gate = Gate(secrets=_SECRETS)

    passed = await gate.admit(one, _BODY, headers=_headers())
    with pytest.raises(NotAuthenticatedError):
        await gate.admit(one, _BODY, headers=_headers(secret=_NEXT))

    assert passed is None


@pytest.mark.parametrize("style", [str.upper, str.lower, str.title])
async def test_names_of_headers(style: "type[str]") -> None:
    """Headers may be written in any case."""
    headers = {style(name): value for name, value in _headers().items()}

    assert await Gate(secrets=_SECRETS).admit(_ACCESS, _BODY, headers=headers) is None


async def test_digits_of_any_case() -> None:
    """Hexadecimal digits may be capitals."""
    headers = _headers()
    headers["X-Sluice-Signature"] = f"sha256={headers['X-Sluice-Signature'][7:].upper()}"

    assert await Gate(secrets=_SECRETS).admit(_ACCESS, _BODY, headers=headers) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Sluice-Signature": ""},
        {"X-Sluice-Signature": "sha256="},
        {"X-Sluice-Signature": f"sha256={'0' * 64}"},
        {"X-Sluice-Signature": _headers()["X-Sluice-Signature"].removeprefix("sha256=")},
        {"X-Sluice-Signature": _headers()["X-Sluice-Signature"].replace("sha256", "md5")},
        {"X-Sluice-Signature": f"{_headers()['X-Sluice-Signature']}, {_headers()['X-Sluice-Signature']}"},
        {"X-Sluice-Signature": f"{_headers()['X-Sluice-Signature']}\n"},
        {"X-Sluice-Signature": "sha256=\u0663" * 64},
        {"X-Sluice-Timestamp": ""},
        {"X-Sluice-Timestamp": str(int(_TIME) + 1)},
        {"X-Sluice-Timestamp": f"+{_TIME}"},
        {"X-Sluice-Timestamp": f"{_TIME}.0"},
        {"X-Sluice-Timestamp": "9" * 13},
        {"X-Sluice-Timestamp": "\u0661\u0667"},
        # Names that differ in case only: which of them would count is anybody's guess, so neither does.
        {"x-sluice-signature": f"sha256={'0' * 64}"},
        {"x-sluice-timestamp": _TIME},
    ],
    ids=repr,
)
async def test_altered_headers(changes: Mapping[str, str]) -> None:
    """Whatever is missing, malformed, doubled or of something else isn't taken."""
    with pytest.raises(NotAuthenticatedError):
        await Gate(secrets=_SECRETS).admit(_ACCESS, _BODY, headers={**_headers(), **changes})


async def test_an_altered_body() -> None:
    """The signature covers every byte."""
    with pytest.raises(NotAuthenticatedError, match="doesn't agree"):
        await Gate(secrets=_SECRETS).admit(_ACCESS, _BODY + b" ", headers=_headers())


async def test_the_dot() -> None:
    """A digit can't be moved from the body to the timestamp."""
    with pytest.raises(NotAuthenticatedError):
        await Gate(secrets=_SECRETS).admit(_ACCESS, b"", headers={**_headers(b"1"), "X-Sluice-Timestamp": _TIME + "1"})


@pytest.mark.parametrize("seconds", [-300, 0, 300])
async def test_clocks_that_differ(seconds: int) -> None:
    """Five minutes are allowed, either way."""
    gate = Gate(secrets=_SECRETS)
    gate.clock.pass_by(timedelta(seconds=seconds))

    assert await gate.admit(_ACCESS, _BODY, headers=_headers()) is None


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_a_replay(seconds: int) -> None:
    """A call that was recorded is of no use after five minutes, nor is one for later."""
    gate = Gate(secrets=_SECRETS)
    gate.clock.pass_by(timedelta(seconds=seconds))

    with pytest.raises(NotAuthenticatedError, match="more than five minutes apart"):
        await gate.admit(_ACCESS, _BODY, headers=_headers())


async def test_a_short_secret() -> None:
    """A secret that could be guessed is refused, and the error names its setting and never the secret."""
    short = "x" * 31

    with pytest.raises(ForbiddenError, match="SOURCE_NEXT has fewer than 32 characters") as raised:
        await Gate(secrets={**_SECRETS, "SOURCE_NEXT": short}).admit(_ACCESS, _BODY, headers=_headers(secret=short))

    assert short not in str(raised.value)


def test_comparison_in_constant_time(root: Path) -> None:
    """What a sender gives meets a digest in hmac.compare_digest only."""
    module = ast.parse((root / "shared/intake/hmac_signature.py").read_text(encoding="utf-8"))

    compared = [
        ast.unparse(each)
        for each in ast.walk(module)
        if isinstance(each, ast.Compare) and {"given", "expected"} & {ast.unparse(part) for part in ast.walk(each)}
    ]
    calls = [ast.unparse(each.func) for each in ast.walk(module) if isinstance(each, ast.Call)]

    assert compared == []
    assert calls.count("hmac.compare_digest") == 1
