"""The app in a folder of its own, as a deployment puts it there, with datasets of the benchmark's."""

import shutil
from pathlib import Path

from benchmarks.phases import COUNTED, WARM, Phases
from benchmarks.workloads import Workload

_ROOT = Path(__file__).resolve().parent.parent

_DATASET = """
[datasets.{name}]
catalog = {{ kind = "manifest", url = "{source}/{spec}/manifest.csv" }}
destination = {{ container = "{name}", name = "{{path}}" }}

[datasets.{name}.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}]
private_networks = ["127.0.0.0/8"]
"""


def install(root: Path, phases: Phases) -> Path:
    """Put the app into a new folder, with a dataset for each of the two workloads; returns the folder."""
    root.mkdir()
    for name in ("function_app.py", "host.json"):
        shutil.copy(_ROOT / name, root)
    shutil.copytree(_ROOT / "shared", root / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    texts = [_dataset(name, each, source=phases.source) for name, each in _datasets(phases)]
    (root / "datasets.toml").write_text("".join(texts), encoding="utf-8")
    return root


def _datasets(phases: Phases) -> tuple[tuple[str, Workload], ...]:
    return (WARM, phases.warm), (COUNTED, phases.counted)


def _dataset(name: str, workload: Workload, *, source: str) -> str:
    return _DATASET.format(name=name, spec=workload.spec, source=source, port=source.rpartition(":")[2])
