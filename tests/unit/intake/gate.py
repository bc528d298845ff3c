"""Guards among fakes, and what they say to a call."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.x509 import Certificate
from pydantic import SecretStr, TypeAdapter

from shared.intake import Call, Guards, Handshake
from shared.model.event_access import EventAccess
from tests.fakes.egress import Answer, Asked, FakeEgress
from tests.fakes.sns import FakeSns
from tests.unit.discovery.world import Clock
from tests.unit.model.builders import NOON

TENANT = "11111111-1111-1111-1111-111111111111"
APP = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
OBJECT = "22222222-2222-2222-2222-222222222222"
ENTRA: Mapping[str, Any] = {"kind": "entra", "tenant": TENANT, "apps": [APP]}
_ACCESS: TypeAdapter[EventAccess] = TypeAdapter(EventAccess)


def access(**values: Any) -> Any:
    """Who may send, as datasets.toml says it."""
    return _ACCESS.validate_python(values)


def principal(*claims: tuple[str, str], **values: Any) -> dict[str, str]:
    """The header that App Service writes."""
    document = {"auth_typ": "aad", "claims": [{"typ": typ, "val": val} for typ, val in claims], **values}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(document).encode()).decode()}


class Gate:
    """One process's guards."""

    def __init__(self, *, secrets: Mapping[str, str] | None = None, built_in_authentication: bool = False) -> None:
        self.clock = Clock(NOON)
        self.seconds = 0.0
        self.sns = FakeSns(NOON)
        self.http = FakeEgress(self._serve)
        self._guards = Guards(
            http=self.http,
            secrets={name: SecretStr(value) for name, value in (secrets or {}).items()},
            built_in_authentication=built_in_authentication,
            clock=self.clock,
            monotonic=lambda: self.seconds,
            roots=self._roots,
        )

    async def admit(
        self,
        of: EventAccess,
        body: Any = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        dataset: str = "demo",
    ) -> Handshake | None:
        """Whether a call passes; ``body`` is written as JSON unless it is bytes."""
        written = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._guards.admit(dataset, of, Call(method=method, headers=headers or {}, body=written))

    def addresses(self) -> list[str]:
        """What was asked of others."""
        return [each.url for each in self.http.asked]

    def _serve(self, asked: Asked) -> Answer:
        """Of the SNS that stands there now: a test may put another in its place."""
        return self.sns.serve(asked)

    def _roots(self) -> Sequence[Certificate]:
        return self.sns.roots()
