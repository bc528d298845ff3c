"""What a delivery of small assets costs: ``python -m benchmarks.hot_delivery [--profile]``.

CPU-ms of this process an asset, from the message to the ledger: source, storage and tables are a server of our own that
discards what it is sent.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.hot_server import FILE, OPERATIONS, hot_server
from shared.clients import open_app
from shared.copying import Copying
from shared.model.assets import Asset
from shared.model.messages import CopyRequest, Queue

_DATASET = """
[datasets.small]
catalog = {{ kind = "manifest", url = "http://127.0.0.1:{port}/manifest.csv" }}
destination = {{ container = "small", name = "{{path}}" }}

[datasets.small.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}]
private_networks = ["127.0.0.0/8"]
"""


def main() -> None:
    """Measure and print; with --profile also where the time goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundles", type=int, default=100, help="bundles of 16 assets in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=4, help="deliveries at once")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with hot_server(None) as port, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "datasets.toml").write_text(_DATASET.format(port=port))
        (root / "host.json").write_text(Path("host.json").read_text())
        endpoints = "".join(f"{each}Endpoint=http://127.0.0.1:{port}/account;" for each in ("Blob", "Queue", "Table"))
        account = f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey=c2VjcmV0;{endpoints}"
        os.environ |= {"SluiceStorage": account}
        asyncio.run(_measure(root, port, given))


async def _measure(root: Path, port: int, given: argparse.Namespace) -> None:
    async with open_app(root) as app:
        await _cost(app.copying, _bodies(given.bundles // 5, port), at_once=given.at_once)
        bodies, costs = _bodies(given.bundles, port), list[float]()
        profile = cProfile.Profile() if given.profile else None
        for _ in range(given.rounds):
            if profile:
                profile.enable()
            costs.append(await _cost(app.copying, bodies, at_once=given.at_once))
            if profile:
                profile.disable()
    least, most, load = min(costs), max(costs), os.getloadavg()[0]
    print(f"CPU-ms an asset: {statistics.median(costs):.3f} ({least:.3f}-{most:.3f}), load {load:.1f}")
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(60)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(110)


async def _cost(copying: Copying, bodies: list[bytes], *, at_once: int) -> float:
    left = iter(bodies)

    async def some() -> None:
        for each in left:
            await copying.deliver(each, lane=Queue.COPY)

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())
    return (time.process_time() - began) * 1000 / (len(bodies) * OPERATIONS)


def _bodies(count: int, port: int) -> list[bytes]:
    return [_request(f"item-{number}", port).encode().encode() for number in range(count)]


def _request(item: str, port: int) -> CopyRequest:
    assets = [
        Asset(
            item=item,
            key=f"asset-{number}",
            href=f"http://127.0.0.1:{port}/files/{item}/{number}.tif",
            name=f"{item}/{number}.tif",
            media_type="image/tiff",
            size=len(FILE),
        )
        for number in range(OPERATIONS)
    ]
    return CopyRequest(dataset="small", cause="run-1", asked_at=datetime.now(UTC), assets=tuple(assets))


if __name__ == "__main__":
    main()
