import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.access import EarthdataSource, OAuth2Source, PlanetaryComputerSource
from shared.model.datasets import Allowlist
from shared.model.errors import SluiceError, SourceRefusedError, SourceThrottledError, SourceUnavailableError
from shared.sources.endpoints import earthdata_token, oauth2_token, planetary_computer_token
from shared.sources.tokens import Token
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.unit.model.builders import NOON

_ALLOW = Allowlist(hosts=("*.example.org",))
_SECRET = "c4n4ry &="
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


def _egress(answer: object, *, status: int = 200, headers: dict[str, str] | None = None) -> FakeEgress:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return FakeEgress(lambda _: Answer(status=status, headers=headers or {}, chunks=(body,)))


def _oauth2(**values: Any) -> OAuth2Source:
    defaults: dict[str, Any] = {
        "kind": "oauth2",
        "hosts": ("data.example.org",),
        "token_url": "https://login.example.org/token",
        "client_id": "me:1",
        "client_secret_setting": "SOURCE_A",
    }
    return OAuth2Source(**{**defaults, **values})


async def _oauth2_token(egress: FakeEgress, **values: Any) -> Token:
    return await oauth2_token(egress, _oauth2(**values), secret=_SECRET, allow=_ALLOW, now=NOON)


@pytest.mark.parametrize(
    ("values", "headers", "body"),
    [
        (
            {"scope": "read all"},
            {**_FORM, "Authorization": "Basic bWUlM0ExOmM0bjRyeSslMjYlM0Q="},
            b"grant_type=client_credentials&scope=read+all",
        ),
        (
            {"client_authentication": "body", "audience": "https://a"},
            _FORM,
            b"grant_type=client_credentials&audience=https%3A%2F%2Fa&client_id=me%3A1&client_secret=c4n4ry+%26%3D",
        ),
    ],
)
async def test_oauth2_request(values: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
    """Id and secret travel in the header or in the body, as the endpoint wants them."""
    egress = _egress({"access_token": "t"})

    await _oauth2_token(egress, **values)

    asked = Asked(method="POST", url="https://login.example.org/token", headers=headers, body=body)
    assert egress.asked == [asked]


@pytest.mark.parametrize(
    ("answer", "life"),
    [
        ({"expires_in": 3600}, timedelta(hours=1)),
        ({"expires_in": "60"}, timedelta(minutes=1)),
        ({"expires_in": 0}, timedelta(minutes=5)),
        ({}, timedelta(minutes=5)),
    ],
)
async def test_oauth2_answer(answer: dict[str, Any], life: timedelta) -> None:
    """A token lives as long as it says, or a short while."""
    token = await _oauth2_token(_egress({"access_token": "t0k3n", "token_type": "Bearer", **answer}))

    assert token == Token(value="t0k3n", expires_at=NOON + life)


async def test_earthdata() -> None:
    """User and password go to the login host alone, and its token is good until its day begins."""
    egress = _egress({"access_token": "t0k3n", "token_type": "Bearer", "expiration_date": "10/30/2024"})
    source = EarthdataSource(
        kind="earthdata",
        hosts=("data.example.org",),
        login="https://login.example.org",
        user_setting="SOURCE_A",
        password_setting="SOURCE_B",
    )

    token = await earthdata_token(egress, source, user="me", password=_SECRET, allow=_ALLOW)

    headers = {"Authorization": "Basic bWU6YzRuNHJ5ICY9", "Accept": "application/json"}
    url = "https://login.example.org/api/users/find_or_create_token"
    assert token == Token(value="t0k3n", expires_at=datetime(2024, 10, 30, tzinfo=UTC))
    assert egress.asked == [Asked(method="POST", url=url, headers=headers, body=b"")]


@pytest.mark.parametrize(("key", "sent"), [(None, {}), ("k3y", {"Ocp-Apim-Subscription-Key": "k3y"})])
async def test_planetary_computer(key: str | None, sent: dict[str, str]) -> None:
    """A container's signature is asked for by account and container, with a subscription's key where there is one."""
    egress = _egress({"msft:expiry": "2024-06-01T13:00:00Z", "token": "sv=1&sig=c4n4ry%3D"})
    source = PlanetaryComputerSource(kind="planetary_computer", token_url="https://pc.example.org/token")

    token = await planetary_computer_token(
        egress, source, place="account/container", subscription_key=key, allow=_ALLOW
    )

    url = "https://pc.example.org/token/account/container"
    assert token == Token(value="sv=1&sig=c4n4ry%3D", expires_at=NOON + timedelta(hours=1))
    assert egress.asked == [Asked(method="GET", url=url, headers={"Accept": "application/json", **sent})]


@pytest.mark.parametrize(
    ("answer", "status", "headers", "error"),
    [
        ({"error": "invalid_client", "hint": "c4n4ry"}, 400, {}, SourceRefusedError),
        ({"access_token": "c4n4ry"}, 401, {}, SourceRefusedError),
        ({}, 403, {}, SourceRefusedError),
        ({}, 404, {}, SourceRefusedError),
        ({}, 302, {"Location": "https://login.example.org/?c4n4ry"}, SourceRefusedError),
        ({"access_token": ["c4n4ry"]}, 200, {}, SourceRefusedError),
        ({"access_token": "c4n4ry\r\nHost: evil"}, 200, {}, SourceRefusedError),
        ({"access_token": ""}, 200, {}, SourceRefusedError),
        ({"access_token": "c4n4ry", "expires_in": -1}, 200, {}, SourceRefusedError),
        (b"c4n4ry", 200, {}, SourceRefusedError),
        ({}, 408, {}, SourceUnavailableError),
        ({}, 429, {"Retry-After": "7"}, SourceThrottledError),
        ({}, 500, {}, SourceUnavailableError),
        ({}, 503, {"Retry-After": "7"}, SourceThrottledError),
    ],
)
async def test_no_token(answer: object, status: int, headers: dict[str, str], error: type[SluiceError]) -> None:
    """An endpoint that gives no token fails its asset as the asset's own host would; nothing of its answer is told."""
    with pytest.raises(error) as raised:
        await _oauth2_token(_egress(answer, status=status, headers=headers))

    chain = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert chain[1:] == [None, None]
    assert "c4n4ry" not in repr(chain)
    assert "login.example.org" in str(raised.value)
