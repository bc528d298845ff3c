"""What failed for good: shown, and sent back. For who has the admin key: a redrive asks hosts again, and costs."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.api.exchange import Answer, Asked
from shared.clients import App
from shared.model.errors import QueryInvalidError, advice_of
from shared.poison import Choice, Order, Outcome, Poison, PoisonFact, told_of

# An answer has to be there after 230 s (https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits).
_BUDGET = timedelta(seconds=120)
_MOST = 1000
_DEFAULT = 100
#: What the host itself reads in an address: a key, and whose it is.
_HOSTS = frozenset({"code", "clientid"})
_PRINCIPAL = "x-ms-client-principal-name"

type _Limit = Annotated[int, Field(ge=1, le=_MOST)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    queue: str | None = None
    error: Annotated[str | None, Field(alias="class")] = None
    host: str | None = None
    dataset: str | None = None
    item: str | None = None
    since: str | None = None
    text: str | None = None
    dry_run: bool = True
    #: A second.
    rate: Annotated[float | None, Field(gt=0, le=1000)] = None
    limit: _Limit = _MOST

    @property
    def filters(self) -> Mapping[str, str | None]:
        """By their names."""
        return self.model_dump(by_alias=True, exclude={"dry_run", "rate", "limit"})


async def messages(app: App, asked: Asked) -> Answer:
    """Tell of the messages that are meant, and of each class of error what to do.

    Asked again without what it was told of it tells of the same: to see more, ask for a queue, a class or a time.
    """
    given = {name: value for name, value in asked.query.items() if name.lower() not in _HOSTS}
    limit = _limit(given.pop("limit", None))
    choice, now = Choice.of(given, now=app.poison.clock()), app.poison.clock()
    found: list[PoisonFact] = []

    def tell(poison: Poison) -> None:
        found.append(poison.fact)

    more = await app.poison.listing.tell(choice, to=tell, limit=limit, ends_at=now + _BUDGET)
    classes = Counter(each.error for each in found)
    return Answer.of(
        {
            "messages": [each.model_dump(mode="json") for each in found],
            "classes": {name: {"messages": count, "advice": advice_of(name)} for name, count in classes.items()},
            "more": more,
        }
    )


async def redrive(app: App, asked: Asked) -> Answer:
    """Send back what is meant, or tell what would be: ``{"class": "...", "dry_run": false, "rate": 5}``."""
    body = _read(asked.body)
    now = app.poison.clock()
    order = Order(by=_who(app, asked), dry_run=body.dry_run, rate=body.rate, limit=body.limit, ends_at=now + _BUDGET)
    told: list[JsonValue] = []

    def tell(poison: Poison, outcome: Outcome, why: str | None) -> None:
        # What was left counts for no limit.
        if len(told) < _MOST:
            told.append(told_of(poison, outcome, why))

    tally = await app.poison.redriving.redrive(Choice.of(body.filters, now=now), order, tell=tell)
    numbers = {"done": tally.done, "left": tally.left, "lost": tally.lost, "more": tally.more}
    return Answer.of({"dry_run": order.dry_run, **numbers, "messages": told})


def _read(body: bytes) -> _Body:
    try:
        return _Body.model_validate_json(body.strip() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise QueryInvalidError(
            f'{field}: {first["msg"]}; an example: {{"class": "AssetNotFoundError", "dry_run": false}}', field=field
        ) from error


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise QueryInvalidError(f"limit: {text[:80]!r} is no number from 1 to {_MOST}", field="limit")
    return int(text)


def _who(app: App, asked: Asked) -> str:
    """Who asks: by the platform where it says so, else somebody who has the key."""
    named = asked.headers.get(_PRINCIPAL) if app.poison.names_callers else None
    return named or "admin key"
