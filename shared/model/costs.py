"""What work costs on Azure, worked out from what one asset asks of storage and of compute."""

import dataclasses
import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from shared.model.prices import Prices

_GB = 10**9
_STORED = "stored, GB-months"

#: What the arithmetic takes for granted; a bill shows it.
ASSUMPTIONS = (
    "2 GB instances that copy 120 small assets or 100 MB a second; pages and publishing take next to nothing of them",
    "a line of 1 KB in the logs for each asset and three for each invocation",
    "no retry, no redelivery, and none of the free grants",
    "ingress to Azure is free; private endpoints, always-ready instances and looks at schedules are left out",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done."""

    assets: int
    bytes: int
    #: Copy requests, and the pages and parts of pages that send them.
    requests: int
    pages: int
    parts: int
    #: Items that discovery looks up in the ledger, an item by a query.
    items: int
    #: Calls that write blobs of assets, and that look at them.
    puts: int
    looks: int
    #: Items that are published, and those that were already and of which only that is looked up.
    published: int = 0
    published_before: int = 0
    #: Months for which what was copied is kept.
    months: float = 1
    #: Looks at the schedule of a dataset, each with one at how things stand: its gauges.
    ticks: int = 0
    #: What one instance copies in a second: assets, or bytes, whichever is reached first.
    assets_a_second: float = 120
    bytes_a_second: float = 100e6
    instance_gb: float = 2


def puts_and_looks(size: int, *, block_size: int) -> tuple[int, int]:
    """The calls of one asset.

    One block: a Put Blob. More: a look at what stands, the block list, the blocks, the commit, a look at the result.
    """
    blocks = math.ceil(size / block_size)
    return (1, 0) if blocks <= 1 else (blocks + 1, 3)


def units(work: Work) -> dict[str, float]:
    """How much of each thing some work uses."""
    busy = max(work.assets / work.assets_a_second, work.bytes / work.bytes_a_second)
    invocations = work.requests + work.parts + work.published
    # A request of an item that is published may ask whether the item is whole; who publishes asks once more.
    asked_whole = 2 * work.published
    return {
        "compute, GB-s": (busy + work.ticks * 2 * 0.5) * work.instance_gb,
        "executions": invocations + work.ticks * 2,
        # A page is kept, and of an item that is published its document, in each run; then it is written.
        "blob writes": work.puts + work.pages + 2 * work.published + work.published_before,
        # Who publishes reads the document and looks at what is published.
        "blob reads": work.looks + 2 * work.published + work.published_before,
        # Each message is sent, taken and deleted; a tick keeps one instance for a minute that asks four queues.
        # Gauges count ten and look into five.
        "queue calls": 3 * invocations + work.ticks * (60 / 2 * 4 + 15),
        # A request asks the ledger once and writes it once; a part writes its counts and the run's row.
        # Gauges read six rows of a dataset, and write one.
        "table calls": 2 * work.requests + work.items + 6 * work.parts + asked_whole + work.ticks * (2 + 7),
        _STORED: work.bytes / _GB * work.months,
        "logs, GB": (work.assets + 3 * (invocations + work.ticks) + work.ticks * (3 + 7)) * 1000 / _GB,
    }


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Line(_Shown):
    """One thing that is paid for."""

    what: str
    units: float
    dollars: float
    #: Where the price is from, and of when.
    source: str
    date: str


class EgressLine(_Shown):
    """What leaves a cloud, at the rate that its owner pays for the internet at most."""

    cloud: str
    bytes: int
    dollars: float
    paid_by: str
    source: str
    date: str


class Bill(_Shown):
    """What a run would cost."""

    #: Once, and for each month that the blobs stay.
    dollars_once: float
    dollars_a_month: float
    once: tuple[Line, ...]
    a_month: Line
    #: In no sum: it is the source's owner's, or its requester's.
    egress: tuple[EgressLine, ...]
    assumptions: tuple[str, ...]


def bill(work: Work, *, egress: Mapping[str, int], prices: Prices, requester_pays: bool) -> Bill:
    """Work out a bill; ``egress`` has bytes by the clouds of the prices."""
    lines = {
        name: Line(
            what=name,
            units=amount,
            dollars=dollars(name, amount, prices=prices),
            source=prices.price[name].source,
            date=prices.price[name].date,
        )
        for name, amount in units(work).items()
    }
    a_month = lines.pop(_STORED)
    payer = "you: the source's requester pays" if requester_pays else "the source's owner"
    out = tuple(
        EgressLine(
            cloud=each.cloud,
            bytes=egress[each.cloud],
            dollars=_cents(egress[each.cloud] / _GB * each.dollars),
            paid_by=payer,
            source=each.source,
            date=each.date,
        )
        for each in prices.egress
        if egress.get(each.cloud)
    )
    return Bill(
        dollars_once=_cents(math.fsum(each.dollars for each in lines.values())),
        dollars_a_month=a_month.dollars,
        once=tuple(lines.values()),
        a_month=a_month,
        egress=out,
        assumptions=ASSUMPTIONS,
    )


def dollars(name: str, amount: float, *, prices: Prices) -> float:
    """What so many units cost."""
    price = prices.price[name]
    return _cents(amount / price.units * price.dollars)


def _cents(amount: float) -> float:
    """To a hundredth of a cent: finer would be a precision that the prices haven't."""
    return round(amount, 4)
