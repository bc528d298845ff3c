"""Who may send events to a dataset, asked before a byte of a body is believed."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import SecretStr

from shared.egress import Http
from shared.intake.calls import Call, Handshake
from shared.intake.entra import check_principal
from shared.intake.hmac_signature import check_signature
from shared.intake.rate import Rates
from shared.intake.sns_certificates import Certificates, Roots, trusted_roots
from shared.intake.sns_signature import verified_message
from shared.intake.sns_subscriptions import answer_subscription
from shared.intake.subscribing import check_topics, grant_origin
from shared.model.errors import EventTooLargeError
from shared.model.event_access import EntraAccess, EventAccess, HmacAccess, SnsAccess

MAX_BODY_BYTES = 1024 * 1024


class Guards:
    """Tells who may send. One object a process: rates are counted, and certificates kept, in it."""

    def __init__(
        self,
        *,
        http: Http,
        secrets: Mapping[str, SecretStr],
        built_in_authentication: bool,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        roots: Roots = trusted_roots,
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._built_in_authentication = built_in_authentication
        self._clock = clock
        self._rates = Rates(monotonic)
        self._certificates = Certificates(http, clock=clock, rates=Rates(monotonic), roots=roots)

    async def admit(self, dataset: str, access: EventAccess, call: Call) -> Handshake | None:
        """Let a call pass (None), or answer one that only asks whether events are taken.

        Of a message of SNS that passes, Type, MessageId, TopicArn, Timestamp and Message are verified. Raises
        NotAuthenticatedError, ForbiddenError, EventTooLargeError, MalformedEventError, TooManyEventsError,
        SenderUnavailableError.
        """
        if call.method == "OPTIONS":
            return grant_origin(access, call.headers)
        if len(call.body) > MAX_BODY_BYTES:
            raise EventTooLargeError(f"the body has more than {MAX_BODY_BYTES} bytes: send fewer events in a call")
        if isinstance(access, SnsAccess):
            return await self._of_sns(dataset, access, call)
        if isinstance(access, HmacAccess):
            check_signature(access, call, secrets=self._secrets, now=self._clock())
            return self._counted(dataset, access)
        if isinstance(access, EntraAccess):
            check_principal(access, call.headers, built_in_authentication=self._built_in_authentication)
        self._counted(dataset, access)
        # A large body takes a moment to parse, and copies share the event loop.
        return await asyncio.to_thread(check_topics, access, call)

    async def _of_sns(self, dataset: str, access: SnsAccess, call: Call) -> Handshake | None:
        message = await verified_message(access, call.body, certificates=self._certificates, now=self._clock())
        self._counted(dataset, access)
        return await answer_subscription(message, http=self._http, dataset=dataset)

    def _counted(self, dataset: str, access: EventAccess) -> None:
        """Count those who may send only: nobody else can use up their rate."""
        self._rates.take(f"calls for {dataset}", per_minute=access.per_minute)
