"""What Sluice costs on Azure: three workloads, worked out from what one asset asks of storage and of compute.

``python -m tools.costs`` prints the table of docs/costs.md. Prices are list prices in US dollars; ``PRICES`` says where
each is from. Ingress is free on Azure; what a source's owner charges for egress isn't in here.
"""

import dataclasses
import math

_MIB = 1024 * 1024
_GB = 10**9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for so many units."""

    dollars: float
    units: float
    source: str


_FUNCTIONS = "modal.com/blog/azure-function-pricing-guide of 2025-05-22, for East US"
_STORAGE = (
    "azure.microsoft.com/pricing/details/storage, East US, LRS, hot tier, as remembered of 2025: not looked up again"
)
_MONITOR = "azure.microsoft.com/pricing/details/monitor, East US, as remembered of 2025: not looked up again"
PRICES = {
    "compute, GB-s": Price(dollars=0.000026, units=1, source=_FUNCTIONS),
    "executions": Price(dollars=0.40, units=1_000_000, source=_FUNCTIONS),
    "blob writes": Price(dollars=0.05, units=10_000, source=_STORAGE),
    "blob reads": Price(dollars=0.004, units=10_000, source=_STORAGE),
    "queue calls": Price(dollars=0.004, units=10_000, source=_STORAGE),
    "table calls": Price(dollars=0.00036, units=10_000, source=_STORAGE),
    "stored, GB-months": Price(dollars=0.018, units=1, source=_STORAGE),
    "logs, GB": Price(dollars=2.30, units=1, source=_MONITOR),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Assets of one size, and how they travel."""

    name: str
    assets: int
    asset_bytes: int
    #: Assets of one copy request.
    bundle: int = 1
    #: What one instance copies in a second: assets, or bytes, whichever is reached first.
    assets_a_second: float = 120
    bytes_a_second: float = 100e6
    instance_gb: float = 2
    block_bytes: int = 8 * _MIB
    #: Months for which what was copied is kept.
    months: float = 1
    #: Looks at the datasets' schedules: one each five minutes of a month.
    ticks: int = 12 * 24 * 30


WORKLOADS = (
    Workload(name="a million assets of 16 KiB", assets=1_000_000, asset_bytes=16 * 1024, bundle=16),
    Workload(name="a TB in assets of 64 MiB", assets=14_902, asset_bytes=64 * _MIB),
    Workload(name="a month without a new asset", assets=0, asset_bytes=0),
)


def units(work: Workload) -> dict[str, float]:
    """How much of each thing a workload uses."""
    requests = math.ceil(work.assets / work.bundle)
    blocks = math.ceil(work.asset_bytes / work.block_bytes)
    # One block: a Put Blob. More: a look at what stands, the block list, the blocks, the commit, a look at the result.
    writes, reads = (1, 0) if blocks <= 1 else (blocks + 1, 3)
    pages = math.ceil(work.assets / 500)
    busy = max(work.assets / work.assets_a_second, work.assets * work.asset_bytes / work.bytes_a_second)
    return {
        "compute, GB-s": (busy + work.ticks * 0.5) * work.instance_gb,
        "executions": requests + pages + work.ticks,
        "blob writes": work.assets * writes + pages,
        "blob reads": work.assets * reads,
        # Each message is sent, taken and deleted; a tick keeps one instance for a minute that asks four queues.
        "queue calls": 3 * (requests + pages) + work.ticks * 60 / 2 * 4,
        # A request asks the ledger once and writes it once; a page writes its counts and the run's row.
        "table calls": 2 * requests + 6 * pages + work.ticks * 2,
        "stored, GB-months": work.assets * work.asset_bytes / _GB * work.months,
        # A line of 1 KB for each asset, and three for each invocation.
        "logs, GB": (work.assets + 3 * (requests + pages + work.ticks)) * 1000 / _GB,
    }


def table() -> str:
    """The three workloads as a table in Markdown, in dollars, before any free grant."""
    used = [units(each) for each in WORKLOADS]
    lines = ["| | " + " | ".join(each.name for each in WORKLOADS) + " |", "|---|" + "---:|" * len(WORKLOADS)]
    for name, price in PRICES.items():
        cells = [f"{each[name]:,.0f} = ${each[name] / price.units * price.dollars:.2f}" for each in used]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    totals = [sum(each[name] / price.units * price.dollars for name, price in PRICES.items()) for each in used]
    lines.append(f"| **together** | {' | '.join(f'**${each:.2f}**' for each in totals)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table())
