"""What is known of one asset."""

import asyncio

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.api.exchange import Answer, Asked
from shared.clients import App
from shared.model.errors import QueryInvalidError

# An answer has to be there after 230 s (https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits).
_SECONDS = 120.0
_TIMED_OUT = 504
_TOO_MANY_ROWS = (
    "this is neither an item nor a blob, and every row can't be looked at in time: `sluice ledger show` has all the "
    "time that it needs"
)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    #: An address, a blob's name, ``container/blob`` or an item.
    what: str
    #: Of an item: one of its assets.
    key: str | None = None
    #: Look in this one alone.
    dataset: str | None = None


async def find(app: App, asked: Asked) -> Answer:
    """Tell where an asset is, where it came from and how it failed: ``{"what": "https://..."}``.

    A body, and no query: an address may be signed, and addresses of requests are written into logs.
    """
    body = _read(asked.body)
    try:
        async with asyncio.timeout(_SECONDS):
            found = await app.ledgers.showing.show(body.what.strip(), body.key, dataset=body.dataset)
    except TimeoutError:
        return Answer.of({"error": _TOO_MANY_ROWS}, status=_TIMED_OUT)
    return Answer.of(found)


def _read(body: bytes) -> _Body:
    try:
        read = _Body.model_validate_json(body.strip() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise QueryInvalidError(
            f'{field}: {first["msg"]}; an example: {{"what": "https://data.example.org/a.tif"}}', field=field
        ) from error
    if not read.what.strip():
        raise QueryInvalidError("what: is empty; name an address, a blob or an item", field="what")
    return read
