"""What Sluice costs on Azure: four workloads, by the arithmetic and the prices that plans are billed by.

``python -m tools.costs`` prints the table of docs/costs.md. ``shared/prices.toml`` has the prices, in US dollars, and
where each is from; what a source's owner charges for egress isn't in here.
"""

import dataclasses
import math

from shared.model import costs
from shared.model.costs import Work, puts_and_looks
from shared.model.prices import PRICED, load_prices

_MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Assets of one size, and how they travel."""

    name: str
    assets: int
    asset_bytes: int
    #: Assets of one copy request: an item's.
    bundle: int = 1
    #: Whether the items are published.
    publishes: bool = False
    block_bytes: int = 8 * _MIB
    #: Looks at a dataset's schedule and how it stands: one each five minutes of a month.
    ticks: int = 12 * 24 * 30


WORKLOADS = (
    Workload(name="a million assets of 16 KiB", assets=1_000_000, asset_bytes=16 * 1024, bundle=16),
    Workload(name="the same, published", assets=1_000_000, asset_bytes=16 * 1024, bundle=16, publishes=True),
    Workload(name="a TB in assets of 64 MiB", assets=14_902, asset_bytes=64 * _MIB),
    Workload(name="a month without a new asset", assets=0, asset_bytes=0),
)


def units(load: Workload) -> dict[str, float]:
    """How much of each thing a workload uses."""
    requests = math.ceil(load.assets / load.bundle)
    pages = math.ceil(load.assets / 500)
    puts, looks = puts_and_looks(load.asset_bytes, block_size=load.block_bytes)
    return costs.units(
        Work(
            assets=load.assets,
            bytes=load.assets * load.asset_bytes,
            requests=requests,
            pages=pages,
            parts=pages,
            items=requests,
            puts=load.assets * puts,
            looks=load.assets * looks,
            published=requests if load.publishes else 0,
            ticks=load.ticks,
        )
    )


def table() -> str:
    """The workloads as a table in Markdown, in dollars, before any free grant."""
    prices = load_prices()
    used = [units(each) for each in WORKLOADS]
    lines = ["| | " + " | ".join(each.name for each in WORKLOADS) + " |", "|---|" + "---:|" * len(WORKLOADS)]
    totals = [0.0] * len(WORKLOADS)
    for name in PRICED:
        dollars = [costs.dollars(name, each[name], prices=prices) for each in used]
        totals = [before + each for before, each in zip(totals, dollars, strict=True)]
        cells = [f"{each[name]:,.0f} = ${cost:.2f}" for each, cost in zip(used, dollars, strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"| **together** | {' | '.join(f'**${each:.2f}**' for each in totals)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table())
