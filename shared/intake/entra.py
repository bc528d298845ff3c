"""Calls whose token App Service's built-in authentication has verified, and says so in a header.

https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities::

    X-MS-CLIENT-PRINCIPAL: <Base64 of
      {"auth_typ": "aad", "name_typ": "…", "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
       "claims": [{"typ": "azp", "val": "4962773b-…"}, {"typ": "roles", "val": "…"}, …]}>

App Service takes such a header off whatever comes from outside, but only where built-in authentication is on.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.catalogs.json_text import parse_json
from shared.model.errors import ForbiddenError, NotAuthenticatedError
from shared.model.event_access import EntraAccess

_HEADER = "x-ms-client-principal"
_CLAIMS = "http://schemas.microsoft.com/identity/claims"
#: Names of claims in tokens of version 1 and 2, and as built-in authentication may write them.
_APP = frozenset({"appid", "azp"})
_OBJECT = frozenset({"oid", f"{_CLAIMS}/objectidentifier"})
_TENANT = frozenset({"tid", f"{_CLAIMS}/tenantid"})
_ROLES = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})


def check_principal(access: EntraAccess, headers: Mapping[str, str], *, built_in_authentication: bool) -> None:
    """Raise NotAuthenticatedError or ForbiddenError unless the caller is one that the dataset names."""
    if not built_in_authentication:
        raise ForbiddenError(
            "events.auth is of kind entra, and built-in authentication isn't on (WEBSITE_AUTH_ENABLED): turn it on for "
            "this app (Settings, Authentication), or use another kind; without it anybody could write the header"
        )
    principal = _principal(headers.get(_HEADER))
    if principal.auth_typ != "aad":
        raise NotAuthenticatedError("the caller wasn't authenticated by Microsoft Entra, as events.auth wants it")
    if _only(principal, _TENANT) != access.tenant:
        raise ForbiddenError("the caller's token is of another tenant than events.auth.tenant")
    if _only(principal, _APP) not in access.apps and _only(principal, _OBJECT) not in access.objects:
        raise ForbiddenError("the caller is neither in events.auth.apps nor in events.auth.objects")
    if access.role is not None and access.role not in principal.values(_ROLES | {principal.role_typ or "roles"}):
        raise ForbiddenError(f"the caller hasn't the app role {access.role!r} of events.auth.role; assign it")


class _Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    typ: str
    val: str


class _Principal(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    auth_typ: str
    role_typ: str = ""
    claims: tuple[_Claim, ...] = Field(max_length=1000)

    def values(self, names: Iterable[str]) -> set[str]:
        """Everything that the claims of these names say."""
        return {each.val for each in self.claims if each.typ in names}


def _principal(header: str | None) -> _Principal:
    if not header:
        raise NotAuthenticatedError("the call has no token: get one of Microsoft Entra and send it in Authorization")
    try:
        return _Principal.model_validate(_document(header))
    except ValidationError:
        _refuse()


def _document(header: str) -> Any:
    try:
        return parse_json(base64.b64decode(header, validate=True))
    except ValueError:
        _refuse()


def _refuse() -> NoReturn:
    """What stands there may be personal: it isn't quoted."""
    raise NotAuthenticatedError(f"{_HEADER} isn't what App Service writes: Base64 of JSON with auth_typ and claims")


def _only(principal: _Principal, names: Iterable[str]) -> UUID | None:
    """The id that claims of these names agree about; None where there is none, or more than one."""
    try:
        found = {UUID(each) for each in principal.values(names)}
    except ValueError:
        return None
    return found.pop() if len(found) == 1 else None
