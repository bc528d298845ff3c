"""A secret of a source is nowhere but in the requests that it was meant for."""

import base64
import contextlib
import json
import logging
import traceback
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import pytest
from pydantic import SecretStr

from shared.egress import Egress
from shared.sources.credentials import Credentials
from shared.sources.reading import HttpSources
from shared.sources.tokens import Tokens
from tests.fakes.names import Names
from tests.fakes.raw_server import Answer, Ending, RawServer, raw_server, reply
from tests.unit.copying.world import LARGE, SMALL, World, request
from tests.unit.model.builders import asset

_CANARY = "c4n4ry"
_SECRETS = {name: SecretStr(f"{_CANARY}{number}") for number, name in enumerate(("SOURCE_A", "SOURCE_B", "SOURCE_SAS"))}
_HOSTS = {"hosts": ["data.example.org"]}


@pytest.fixture
async def server() -> AsyncGenerator[RawServer]:
    async with raw_server() as running:
        yield running


def _sources(server: RawServer) -> Mapping[str, tuple[dict[str, Any], str]]:
    """Sources by kind, each with an address of /con/key.tif, in the path of whose endpoint the store stands."""
    login, own = server.url("", host="login.example.org"), server.url("/con/key.tif", host="data.example.org")
    endpoint = server.url("", host="data.example.org")
    return {
        "header": ({"kind": "header", "value_setting": "SOURCE_A", **_HOSTS}, own),
        "oauth2": (
            {
                "kind": "oauth2",
                "token_url": f"{login}/token",
                "client_id": "me",
                "client_secret_setting": "SOURCE_A",
                **_HOSTS,
            },
            own,
        ),
        "earthdata": (
            {
                "kind": "earthdata",
                "login": login,
                "user_setting": "SOURCE_A",
                "password_setting": "SOURCE_B",
                **_HOSTS,
            },
            own,
        ),
        "azure": (
            {
                "kind": "azure",
                "accounts": ["data"],
                "endpoint": endpoint,
                "auth": "sas",
                "sas_setting": "SOURCE_SAS",
            },
            "az://data/con/key.tif",
        ),
        "s3": (
            {
                "kind": "s3",
                "endpoint": endpoint,
                "access_key_id_setting": "SOURCE_A",
                "secret_access_key_setting": "SOURCE_B",
                "session_token_setting": "SOURCE_SAS",
            },
            "s3://con/key.tif",
        ),
    }


def _answer(outcome: str) -> Answer:
    """What the source says; it quotes what it was told, as far as it knows that beforehand."""
    quoted = f"{_CANARY}0 Bearer {_CANARY}-token"
    elsewhere = f"https://elsewhere.example.net/?sig={_CANARY}"
    return {
        "small": Answer(sent=reply(SMALL, headers={"X-Echo": quoted})),
        "large": Answer(sent=reply(LARGE, headers={"X-Echo": quoted})),
        "refused": Answer(sent=reply(quoted.encode(), status=f"403 {quoted}")),
        "missing": Answer(sent=reply(quoted.encode(), status=f"404 {quoted}")),
        "broken": Answer(sent=reply(quoted.encode(), status=f"500 {quoted}")),
        "redirected": Answer(sent=reply(status="302 Found", headers={"Location": elsewhere})),
        "malformed": Answer(sent=f"HTTP/1.1 200 OK\r\n{quoted}\r\n\r\n".encode()),
        "truncated": Answer(sent=reply(SMALL, headers={"Content-Length": "999"})),
        "reset": Answer(sent=b"", ending=Ending.RESET),
    }[outcome]


@pytest.mark.parametrize("kind", ["header", "oauth2", "earthdata", "azure", "s3"])
@pytest.mark.parametrize(
    "outcome",
    ["small", "large", "refused", "missing", "broken", "redirected", "malformed", "truncated", "reset", "no token"],
)
async def test_secrets_rest_nowhere(
    server: RawServer, caplog: pytest.LogCaptureFixture, kind: str, outcome: str
) -> None:
    """However a copy ends, no secret is in a message, row, label, failure, log or exception, redacted or not."""
    caplog.set_level(logging.DEBUG)
    source, href = _sources(server)[kind]
    token = json.dumps({"access_token": f"{_CANARY}-token", "expires_in": 3600, "expiration_date": "10/30/2999"})
    if outcome == "no token":
        token = json.dumps({"access_token": [_CANARY]})
    answer = _answer("small" if outcome == "no token" else outcome)
    server.answers = {
        "/data/con/key.tif" if kind == "azure" else "/con/key.tif": (answer,),
        "/token": (Answer(sent=reply(token.encode())),),
        "/api/users/find_or_create_token": (Answer(sent=reply(token.encode())),),
    }
    world = World(
        catalog={"kind": "manifest", "url": "file:list.csv"},
        allow={
            "hosts": ["*.example.org"],
            "http_hosts": ["*.example.org"],
            "ports": [server.port],
            "private_networks": ["127.0.0.1/32"],
        },
        source=source,
    )
    raised: list[str] = []

    async with contextlib.aclosing(Egress(resolver=Names(["127.0.0.1"]))) as egress:
        credentials = Credentials(
            http=egress, secrets=_SECRETS, identity=_no_identity, tokens=Tokens(world.clock), clock=world.clock
        )
        world.sources = cast("Any", HttpSources(egress, credentials))
        try:
            await world.deliver(request(asset(href=href)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the host writes it down
            raised = traceback.format_exception(error)

    told = [
        *raised,
        repr(world.queues.sent),
        repr(world.ledger.__dict__),
        repr(world.failures.__dict__),
        repr(world.blobs.blobs),
        *(repr(each.__dict__) for each in caplog.records),
    ]
    assert _asked_with_secrets(server) == (outcome != "no token" or kind in {"header", "azure", "s3"})
    assert [each for each in told if _CANARY in each or _encoded() in each] == []
    assert (outcome in {"small", "large"}) <= bool(world.blobs.blobs)


def _asked_with_secrets(server: RawServer) -> bool:
    """Whether the source was asked as it wants to be: else there would have been nothing to hide."""
    asked = [each for each in server.asked if each.target.partition("?")[0].endswith("/key.tif")]
    return any(_CANARY in f"{each.target} {each.headers}" for each in asked)


def _encoded() -> str:
    """What the canary looks like at the beginning of Base64."""
    return base64.b64encode(_CANARY.encode()).decode()


async def _no_identity() -> Any:
    raise NotImplementedError
