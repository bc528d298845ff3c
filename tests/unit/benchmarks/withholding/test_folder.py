import base64
import tomllib
from pathlib import Path

from benchmarks.withholding.folder import install
from benchmarks.withholding.plan import KEYS, Plan
from benchmarks.withholding.trickle import live_message
from shared.catalogs.manifest_lines import Layout, ManifestFormat
from shared.model.datasets import load_datasets
from shared.model.messages import CopyRequest

PLAN = Plan(items=3, page_items=2)
PORTS = (8001, 8002)


def test_the_manifest_names_every_asset(tmp_path: Path) -> None:
    """The app reads of each line what the source serves: all items with all their assets, on the ports in turn."""
    root = install(tmp_path / "app", PLAN, ports=PORTS)

    header, *lines = (root / "backfill.csv").read_text(encoding="utf-8").splitlines()
    layout, _ = Layout.of(header, url="backfill.csv", stated=ManifestFormat.AUTO)
    entries = [layout.entry(each) for each in lines]
    assert [each.url.split("/", 3)[3] for each in entries] == [
        f"backfill/{item}/{key}.bin" for item in PLAN.item_names for key in KEYS
    ]
    assert {each.url.split("/")[2] for each in entries} == {"127.0.0.1:8001", "127.0.0.1:8002"}


def test_the_datasets_can_be_used(tmp_path: Path) -> None:
    """A page has so many items as planned, each with all its assets."""
    root = install(tmp_path / "app", PLAN, ports=PORTS)

    datasets = load_datasets(root / "datasets.toml").datasets
    pages = tomllib.loads((root / "datasets.toml").read_text(encoding="utf-8"))["datasets"]
    assert set(datasets) == {"backfill", "paused", "live"}
    assert {each["catalog"]["page_size"] for each in pages.values()} == {2 * len(KEYS)}


def test_a_live_message_is_a_copy_request() -> None:
    """The app reads it as a request for one asset, whose name and cause are its own."""
    first, second = (CopyRequest.decode(base64.b64decode(live_message(each, ports=PORTS))) for each in (1, 2))

    assert (first.dataset, [each.item for each in first.assets]) == ("live", ["live-000001"])
    assert first.cause != second.cause
