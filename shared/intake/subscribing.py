"""Subscriptions of Event Grid and of CloudEvents: whose events are taken, and what is answered before they come.

None of this authenticates anybody: it keeps what was subscribed by mistake, or by somebody else, from being sent here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote

from shared.intake.calls import Call, Handshake, document_of
from shared.model.errors import ForbiddenError, MalformedEventError
from shared.model.event_access import EntraAccess, EventAccess, KeyAccess

#: https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_CODE = re.compile(r"[\x21-\x7e]{1,256}")
_SHOWN_LENGTH = 200


def grant_origin(access: EventAccess, headers: Mapping[str, str]) -> Handshake:
    """Answer CloudEvents' handshake for an origin that is listed; raises ForbiddenError for any other.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
    """
    origin = headers.get("webhook-request-origin", "")
    if not isinstance(access, EntraAccess | KeyAccess):
        raise ForbiddenError(f"events.auth is of kind {access.kind}, which has no handshake of CloudEvents")
    if origin.lower() not in {each.lower() for each in access.origins}:
        raise ForbiddenError(
            f"WebHook-Request-Origin is {_shown(origin)}, which isn't listed; add it to events.auth.origins if it is "
            "to send events"
        )
    allowed = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": str(access.per_minute), "Allow": "POST"}
    return Handshake(headers=allowed)


def check_topics(access: EntraAccess | KeyAccess, call: Call) -> Handshake | None:
    """Answer Event Grid's validation of a subscription; of other calls, let those of listed topics pass.

    With a key alone every event has to be of a listed topic. Else what has no topic (an item, a list) may come, too.
    Raises ForbiddenError, MalformedEventError.
    """
    validates = call.headers.get("aeg-event-type", "").lower() == "subscriptionvalidation"
    # Without topics any may send, but only subscriptions of expected ones are welcomed.
    if not validates and not access.topics:
        return None
    document = document_of(call.body)
    topics = list(_topics(document, call.headers))
    for each in topics:
        _check(each, access=access, needed=validates or isinstance(access, KeyAccess))
    if not validates:
        return None
    return Handshake(body={"validationResponse": _code(document)})


def _topics(document: Any, headers: Mapping[str, str]) -> Iterator[str | None]:
    """The topic of each event: in Event Grid's schema ``topic``, in CloudEvents ``source``; None where it has none."""
    if "ce-specversion" in headers:
        yield unquote(headers.get("ce-source", ""))
        return
    for each in cast("list[Any]", document if isinstance(document, list) else [document]):
        match each:
            # An event of both schemas at once could be read as either: it has no topic at all.
            case {"specversion": _, "eventType": _}:
                yield ""
            case {"specversion": _, **rest}:
                yield str(rest.get("source", ""))
            case {"eventType": _, **rest}:
                yield str(rest.get("topic", ""))
            case _:
                yield None


def _check(topic: str | None, *, access: EntraAccess | KeyAccess, needed: bool) -> None:
    # Azure's resource ids are the same in any case.
    listed = {each.lower() for each in access.topics}
    if topic is None and not needed:
        return
    if topic is None:
        raise ForbiddenError(
            "events.auth is of kind key, which takes events of the topics that it lists and nothing else; "
            "for items and lists use hmac or entra"
        )
    if topic.lower() not in listed:
        raise ForbiddenError(f"an event of the topic {_shown(topic)}, which isn't listed; add it to events.auth.topics")


def _code(document: Any) -> str:
    match document:
        case [{"eventType": kind, "data": {"validationCode": str(code)}}] if kind == _VALIDATION:
            if _CODE.fullmatch(code):
                return code
        case _:
            pass
    raise MalformedEventError("aeg-event-type is SubscriptionValidation, and the body isn't one event with its code")


def _shown(text: str) -> str:
    return repr(text[:_SHOWN_LENGTH])
