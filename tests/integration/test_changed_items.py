"""Runs over a STAC API that isn't ours, ``rustac serve``, through discovery and copying, with stores in memory."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.copying import Copying
from shared.egress import Egress
from shared.model.messages import Queue
from shared.model.rows import RunKind, RunState
from shared.model.windows import Window
from tests.fakes.sources import Version
from tests.integration.rustac import feature, rustac, searching
from tests.unit.copying.world import World as CopyingWorld
from tests.unit.discovery.world import World
from tests.unit.model.builders import dataset

_HOST = "https://data.example.org"
_DAY = timedelta(days=1)


class _Pipeline:
    """Discovery and copying of one dataset, over the same ledger."""

    def __init__(self, **parts: Any) -> None:
        self.copies = CopyingWorld()
        self.world = World({}, **parts)
        self.world.ledger = self.copies.ledger
        self._copied = 0

    async def run(self, port: int, egress: Egress, *, run: str | None = None, **catalog: Any) -> None:
        """Go through a catalog, and copy what is asked for; ``run``: begin that one, else what is due."""
        # It reads as the one in memory does.
        self.world.catalog = searching(port, egress, **catalog)  # pyright: ignore[reportAttributeAccessIssue]
        if run is None:
            assert await self.world.starting().start_due()
        else:
            now = self.world.clock()
            await self.world.deliver(await self.world.begin(run=run, began_at=now, progress_at=now))
        await self.world.drain()
        for body in self.world.queues.bodies(Queue.COPY)[self._copied :]:
            await self._copying.deliver(body.encode(), lane=Queue.COPY)
            self._copied += 1

    def etags(self) -> dict[str, str]:
        """The blobs' ETags, which change with each write."""
        return {path.name: blob.etag for path, blob in self.copies.blobs.blobs.items()}

    @property
    def _copying(self) -> Copying:
        datasets, ledger = self.world.datasets, self.world.ledger
        return dataclasses.replace(self.copies.copying, datasets=datasets, ledger=ledger)


def _scene(pipeline: _Pipeline, number: int, *, image: bytes, updated: str) -> dict[str, Any]:
    """An item of an image with a checksum and a label without one; the server has both."""
    bodies = {"image": image, "label": f"label {number}".encode()}
    assets: dict[str, Any] = {}
    for key, body in bodies.items():
        href = f"{_HOST}/{number}/{key}.bin"
        pipeline.copies.sources.serve(href, Version(body=body, validator=f"etag:{hashlib.sha256(body).hexdigest()}"))
        assets[key] = {"href": href, "file:size": len(body)}
    assets["image"]["file:checksum"] = f"1220{hashlib.sha256(image).hexdigest()}"
    properties = {"datetime": f"2024-01-{number + 1:02}T00:00:00Z", "updated": updated}
    return feature(number, properties=properties, assets=assets)


def _scenes(pipeline: _Pipeline, *, changed: int | None = None) -> list[dict[str, Any]]:
    before = [_scene(pipeline, each, image=b"old", updated="2024-02-01T00:00:00Z") for each in range(4)]
    if changed is not None:
        before[changed] = _scene(pipeline, changed, image=b"new", updated="2024-02-02T00:00:00Z")
    return before


@pytest.mark.parametrize("mode", ["skip_verified", "if_source_changed"])
async def test_changed_items(mode: str, egress: Egress, tmp_path: Path) -> None:
    """Of an item that has a newer version the changed asset is copied, and nothing else is written."""
    pipeline = _Pipeline(policy={"on_existing": mode, "digests": []})
    with rustac(_scenes(pipeline), directory=tmp_path) as port:
        await pipeline.run(port, egress, run="run-1", page_size=2)
    before = pipeline.etags()
    with rustac(_scenes(pipeline, changed=2), directory=tmp_path) as port:
        pipeline.world.clock.pass_by(_DAY)
        await pipeline.run(port, egress, run="run-2", page_size=2)
    after = pipeline.etags()

    changed = {name for name in after if after[name] != before.get(name)}
    asked = {asset.identity for each in pipeline.world.requests() if each.cause == "run-2" for asset in each.assets}
    assert len(before) == 8
    assert changed == {"demo/scenes/scene-02/image/image.bin"}
    assert pipeline.copies.bodies()["demo/scenes/scene-02/image/image.bin"] == b"new"
    assert pipeline.world.run.state is RunState.COMPLETE
    assert len(asked) == (2 if mode == "skip_verified" else 8)


async def test_sources_that_change_under_their_description(egress: Egress, tmp_path: Path) -> None:
    """With if_source_changed a full run finds what the catalog knows nothing of."""
    pipeline = _Pipeline(policy={"on_existing": "if_source_changed", "digests": []})
    with rustac(_scenes(pipeline), directory=tmp_path) as port:
        await pipeline.run(port, egress, run="run-1")
        before = pipeline.etags()
        pipeline.copies.sources.serve(f"{_HOST}/3/label.bin", Version(body=b"other 3", validator="etag:other"))
        pipeline.world.clock.pass_by(_DAY)

        await pipeline.run(port, egress, run="run-2")

    after = pipeline.etags()
    assert {name for name in after if after[name] != before[name]} == {"demo/scenes/scene-03/label/label.bin"}
    assert pipeline.copies.bodies()["demo/scenes/scene-03/label/label.bin"] == b"other 3"


async def test_what_is_new_by_its_time(egress: Egress, tmp_path: Path) -> None:
    """After a run of all the schedule's next one asks the API for the days since, and for the overlap."""
    pipeline = _Pipeline(schedule="0 0 * * *", incremental={"property": "datetime", "overlap": "P1D"})
    world, now = pipeline.world, datetime(2024, 1, 16, tzinfo=UTC)
    scenes = [_scene(pipeline, each, image=b"old", updated="2024-02-01T00:00:00Z") for each in range(20)]
    world.clock.now = now
    with rustac(scenes[:16], directory=tmp_path) as port:
        await pipeline.run(port, egress)
    full = world.run
    world.clock.pass_by(2 * _DAY)
    with rustac(scenes, directory=tmp_path) as port:
        await pipeline.run(port, egress)

    total = await world.total()
    window = Window(since=now - _DAY, until=now + 2 * _DAY)
    assert (full.kind, full.state) == (RunKind.FULL, RunState.COMPLETE)
    assert (world.run.kind, world.run.window, world.run.state) == (RunKind.INCREMENTAL, window, RunState.COMPLETE)
    assert (total.available, total.items_sent, total.items_already) == (4, 2, 2)
    watermark = await world.watermarks.of("demo")
    assert watermark is not None
    assert watermark.watermark.at == now + 2 * _DAY


async def test_a_search_that_may_have_been_cut(egress: Egress, tmp_path: Path) -> None:
    """Exactly as many items as an API lists at most: it is asked again for each half of the time."""
    pipeline = _Pipeline()
    search = {"kind": "stac", "url": "https://stac.example.org", "result_cap": 8}
    pipeline.world.datasets = pipeline.world.datasets.model_copy(update={"datasets": {"demo": dataset(catalog=search)}})
    scenes = [_scene(pipeline, each, image=b"old", updated="2024-02-01T00:00:00Z") for each in range(8)]
    with rustac(scenes, directory=tmp_path) as port:
        await pipeline.run(port, egress, run="run-1", page_size=3)

    windows = {each.window.interval for each in pipeline.world.pages() if each.window}
    assert len(windows) > 2
    assert pipeline.world.run.state is RunState.COMPLETE
    assert len({asset.item for each in pipeline.world.requests() for asset in each.assets}) == 8
