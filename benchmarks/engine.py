"""Sluice's engine alone, without queues and ledger (``python -m benchmarks.engine``): the parts that the app opens.

Its settings come from the environment, as the app's do.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.phases import Phases, run
from benchmarks.workloads import File
from shared.clients import open_app
from shared.copying.job import Copied, Job
from shared.model.assets import Asset
from shared.model.datasets import load_datasets

_DAY = timedelta(days=1)


async def main(root: Path, arguments: list[str]) -> None:
    """Copy by the engine of the app whose datasets stand in ``root``; one is called after each container."""
    async with open_app(root) as app:
        datasets = load_datasets(root / "datasets.toml")

        async def copy(file: File, href: str, container: str) -> None:
            now = datetime.now(UTC)
            outcome = await app.copying.copy(
                Job(
                    dataset_name=container,
                    dataset=datasets.named(container),
                    asset=Asset(item=href, key=href, href=href, name=file.name, size=file.size),
                    cause="benchmark",
                    asked_at=now,
                    entry=None,
                    deadline=now + _DAY,
                )
            )
            if not isinstance(outcome, Copied):
                raise TypeError(f"{file.name} was not copied: {outcome}")

        await run(Phases.read(arguments), copy)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
