"""Calls that App Service has authenticated."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from shared.model.errors import ForbiddenError, NotAuthenticatedError
from tests.unit.intake.gate import APP, ENTRA, OBJECT, TENANT, Gate, access, principal

_OTHER = "33333333-3333-3333-3333-333333333333"
_SCHEMA = "http://schemas.microsoft.com/identity/claims"
_ROLE = "AzureEventGridSecureWebhookSubscriber"
_ROLE_TYPE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


async def _admit(headers: Mapping[str, str], **values: Any) -> None:
    of = access(**{**ENTRA, **values})
    assert await Gate(built_in_authentication=True).admit(of, {"assets": []}, headers=headers) is None


@pytest.mark.parametrize(
    "claims",
    [
        [("tid", TENANT), ("azp", APP)],
        [("tid", TENANT), ("appid", APP.upper())],
        [(f"{_SCHEMA}/tenantid", TENANT), ("appid", APP), ("azp", APP)],
        [("tid", TENANT), ("azp", APP), ("oid", _OTHER), ("aud", _OTHER)],
    ],
    ids=repr,
)
async def test_an_app(claims: list[tuple[str, str]]) -> None:
    """An app that is named may send, by a token of either version."""
    await _admit(principal(*claims))


@pytest.mark.parametrize("name", ["oid", f"{_SCHEMA}/objectidentifier"])
async def test_an_object(name: str) -> None:
    """So may a principal whose object id is named."""
    await _admit(principal(("tid", TENANT), (name, OBJECT), ("azp", _OTHER)), apps=[], objects=[OBJECT])


@pytest.mark.parametrize(
    ("name", "values"), [("roles", {}), (_ROLE_TYPE, {}), ("custom", {"role_typ": "custom"})], ids=repr
)
async def test_a_role(name: str, values: Mapping[str, str]) -> None:
    """Where a role is asked for, it is one of the caller's."""
    claims = [("tid", TENANT), ("azp", APP), (name, "Reader"), (name, _ROLE)]

    await _admit(principal(*claims, **values), role=_ROLE)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ([("tid", _OTHER), ("azp", APP)], "events.auth.tenant"),
        ([("azp", APP)], "events.auth.tenant"),
        ([("tid", TENANT), ("tid", _OTHER), ("azp", APP)], "events.auth.tenant"),
        ([("tid", "no id"), ("azp", APP)], "events.auth.tenant"),
        ([("tid", TENANT)], "events.auth.apps"),
        ([("tid", TENANT), ("azp", _OTHER)], "events.auth.apps"),
        ([("tid", TENANT), ("azp", APP), ("appid", _OTHER)], "events.auth.apps"),
        ([("tid", TENANT), ("oid", APP)], "events.auth.apps"),
        ([("tid", TENANT), ("azp", "")], "events.auth.apps"),
    ],
    ids=repr,
)
async def test_somebody_else(claims: list[tuple[str, str]], reason: str) -> None:
    """Another tenant or app, none, or several of which one is right: refused by the field that says so."""
    with pytest.raises(ForbiddenError, match=reason):
        await _admit(principal(*claims))


@pytest.mark.parametrize("claim", [("roles", "Reader"), ("roles", _ROLE.lower()), ("aud", _ROLE), ("", _ROLE)])
async def test_without_the_role(claim: tuple[str, str]) -> None:
    """A caller without the role is refused."""
    with pytest.raises(ForbiddenError, match=f"hasn't the app role '{_ROLE}'"):
        await _admit(principal(("tid", TENANT), ("azp", APP), claim), role=_ROLE)


async def test_a_header_without_the_platforms_sign() -> None:
    """Where built-in authentication is off, anybody can write the header: it isn't even read."""
    headers = principal(("tid", TENANT), ("azp", APP))

    with pytest.raises(ForbiddenError, match="WEBSITE_AUTH_ENABLED"):
        await Gate().admit(access(**ENTRA), b"", headers=headers)


async def test_another_provider() -> None:
    """Somebody whom another provider knows isn't a caller by Entra."""
    with pytest.raises(NotAuthenticatedError, match="Microsoft Entra"):
        await _admit(principal(("tid", TENANT), ("azp", APP), auth_typ="github"))


@pytest.mark.parametrize("headers", [{}, {"X-MS-CLIENT-PRINCIPAL": ""}, {"X-MS-CLIENT-PRINCIPAL-ID": OBJECT}])
async def test_nobody(headers: Mapping[str, str]) -> None:
    """Without a token there is no caller; an id alone says nothing."""
    with pytest.raises(NotAuthenticatedError, match="no token"):
        await _admit(headers)


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{", b'{"auth_typ": "aad"}', b'{"auth_typ": "aad", "claims": [{"typ": "tid"}]}', b"[" * 70, b"\xff"],
)
async def test_a_header_that_says_nothing(document: bytes) -> None:
    """What isn't as App Service writes it is refused, and not quoted: it may be personal."""
    header = base64.b64encode(document).decode() or "?"

    with pytest.raises(NotAuthenticatedError, match="isn't what App Service writes") as raised:
        await _admit({"X-MS-CLIENT-PRINCIPAL": header})

    assert header not in str(raised.value)


async def test_the_header_twice() -> None:
    """Two of them are none."""
    headers = principal(("tid", TENANT), ("azp", APP))
    twice = {**headers, "x-ms-client-principal": headers["X-MS-CLIENT-PRINCIPAL"]}

    with pytest.raises(NotAuthenticatedError):
        await _admit(twice)
