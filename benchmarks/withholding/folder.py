"""The app in a folder of its own, with a manifest and a dataset for each way in which assets come."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.withholding.plan import FILE_BYTES, KEYS, Plan, Streams
from benchmarks.withholding.reader import CONTAINER

#: A run's, the same once more to be paused, and what events ask for. Each is a stream of the source, too.
BACKFILL, PAUSED, LIVE = "backfill", "paused", "live"

_ROOT = Path(__file__).resolve().parent.parent.parent

_DATASET = """
[datasets.{name}]
catalog = {{ kind = "manifest", url = "file:{name}.csv", page_size = {page_size} }}
destination = {{ container = "{name}", name = "{{path}}" }}

[datasets.{name}.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = {ports}
private_networks = ["127.0.0.0/8"]
"""
_PUBLISH = f"""
[datasets.{BACKFILL}.publish]
container = "{CONTAINER}"
"""


def streams_of(plan: Plan) -> Streams:
    """How the source serves each dataset."""
    return {BACKFILL: plan.stream, PAUSED: plan.stream, LIVE: plan.live_stream}


def install(root: Path, plan: Plan, *, ports: Sequence[int]) -> Path:
    """Put the app into a new folder, its assets on these ports of the source; returns the folder."""
    root.mkdir()
    for name in ("function_app.py", "host.json"):
        shutil.copy(_ROOT / name, root)
    shutil.copytree(_ROOT / "shared", root / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    listed = {BACKFILL: plan.item_names, PAUSED: plan.item_names, LIVE: ()}
    for name, items in listed.items():
        (root / f"{name}.csv").write_text(_manifest(name, items, ports=ports), encoding="utf-8")
    page_size = plan.page_items * len(KEYS)
    datasets = [_DATASET.format(name=name, page_size=page_size, ports=list(ports)) for name in listed]
    (root / "datasets.toml").write_text("".join((*datasets, _PUBLISH)), encoding="utf-8")
    return root


def href_of(stream: str, item: str, key: str, *, ports: Sequence[int]) -> str:
    """Where a file is; an item's files are on several hosts, as a client sees it."""
    port = ports[(int(item.rpartition("-")[2]) + KEYS.index(key)) % len(ports)]
    return f"http://127.0.0.1:{port}/{stream}/{item}/{key}.bin"


def _manifest(stream: str, items: Iterable[str], *, ports: Sequence[int]) -> str:
    lines = [f"{href_of(stream, item, key, ports=ports)},{FILE_BYTES},{item}\n" for item in items for key in KEYS]
    return "url,size,item\n" + "".join(lines)
