"""Endpoints that give tokens: OAuth 2, Earthdata Login, the Planetary Computer. They are asked through egress."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote_plus, urlencode

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.egress import Http, Reply, check_status, meaning_of
from shared.model.access import EarthdataSource, OAuth2Source, PlanetaryComputerSource
from shared.model.datasets import Allowlist
from shared.model.errors import SourceRefusedError
from shared.model.hrefs import host_of
from shared.sources.tokens import Token

_LARGEST_ANSWER = 64 * 1024
#: How long a token lives that doesn't say it.
_SHORT_LIFE = timedelta(minutes=5)


async def oauth2_token(http: Http, source: OAuth2Source, *, secret: str, allow: Allowlist, now: datetime) -> Token:
    """Exchange a client's credentials for a token (https://www.rfc-editor.org/rfc/rfc6749#section-4.4).

    The answer: ``{"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 3600}``.
    """
    form = {"grant_type": "client_credentials", "scope": source.scope, "audience": source.audience}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if source.client_authentication == "basic":
        headers["Authorization"] = _basic(quote_plus(source.client_id), quote_plus(secret))
    else:
        form |= {"client_id": source.client_id, "client_secret": secret}
    body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
    async with http.request("POST", source.token_url, allow=allow, headers=headers, body=body) as reply:
        found = await _read(reply, _OAuth2Answer)
    life = timedelta(seconds=found.expires_in) if found.expires_in else _SHORT_LIFE
    return Token(value=found.access_token, expires_at=now + life)


async def earthdata_token(http: Http, source: EarthdataSource, *, user: str, password: str, allow: Allowlist) -> Token:
    """Log in for a token (https://urs.earthdata.nasa.gov/documentation/for_users/user_token).

    The answer: ``{"access_token": "eyJ…", "token_type": "Bearer", "expiration_date": "10/30/2026"}``.
    """
    url = f"{source.login}/api/users/find_or_create_token"
    headers = {"Authorization": _basic(user, password), "Accept": "application/json"}
    async with http.request("POST", url, allow=allow, headers=headers, body=b"") as reply:
        found = await _read(reply, _EarthdataAnswer)
    return Token(value=found.access_token, expires_at=found.expiration_date)


async def planetary_computer_token(
    http: Http, source: PlanetaryComputerSource, *, place: str, subscription_key: str | None, allow: Allowlist
) -> Token:
    """Ask for a container's signature; ``place`` is ``account/container``.

    https://planetarycomputer.microsoft.com/docs/concepts/sas/, and the answer:
    ``{"msft:expiry": "2026-01-29T20:14:37Z", "token": "st=2026-…&sig=…"}``.
    """
    headers = {"Accept": "application/json"}
    if subscription_key is not None:
        headers["Ocp-Apim-Subscription-Key"] = subscription_key
    async with http.request("GET", f"{source.token_url}/{place}", allow=allow, headers=headers) as reply:
        found = await _read(reply, _PlanetaryComputerAnswer)
    return Token(value=found.token, expires_at=found.expiry)


async def _read[T: BaseModel](reply: Reply, model: type[T]) -> T:
    """An endpoint's answer. What it says may hold a secret, and nothing of it goes into an error."""
    host, found = host_of(reply.url), None
    if reply.status == HTTPStatus.OK:
        body = await reply.read(_LARGEST_ANSWER)
        try:
            found = model.model_validate_json(body)
        except ValidationError:
            # Raised below, where no error is being handled that would hang on the new one and quote the answer.
            found = None
    elif meaning_of(reply.status).is_outage:
        check_status(reply)
    if found is None:
        raise SourceRefusedError(f"{host} gave no token (status {reply.status}); look at the dataset's source settings")
    return found


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _american_date(text: object) -> object:
    """``10/30/2026``: valid until that day begins."""
    found = re.fullmatch(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", text) if isinstance(text, str) else None
    return datetime(int(found[3]), int(found[1]), int(found[2]), tzinfo=UTC) if found else text


#: What can stand in a header.
type _Value = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,16384}$")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _OAuth2Answer(_Answer):
    access_token: _Value
    expires_in: Annotated[int, Field(ge=0, le=10**9)] | None = None


class _EarthdataAnswer(_Answer):
    access_token: _Value
    expiration_date: Annotated[AwareDatetime, BeforeValidator(_american_date)]


class _PlanetaryComputerAnswer(_Answer):
    token: _Value
    expiry: Annotated[AwareDatetime, Field(validation_alias="msft:expiry")]
