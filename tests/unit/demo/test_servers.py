import subprocess
import sys
from pathlib import Path

from demo.servers import write_datasets
from shared.model.datasets import load_datasets


def test_datasets(tmp_path: Path) -> None:
    """The sample's dataset is run as it stands in the project, with the ports of this run."""
    path = tmp_path / "datasets.toml"

    write_datasets(path, catalog_port=50001, files_port=50002)

    dataset = load_datasets(path).named("demo")
    assert dataset.catalog.url == "http://127.0.0.1:50001"
    assert dataset.allow.ports == (50001, 50002)


def test_independence(root: Path) -> None:
    """The demo, and so its judge, uses nothing of what it judges."""
    code = "import sys, demo.__main__; sys.exit(any(name.split('.')[0] == 'shared' for name in sys.modules))"

    ended = subprocess.run([sys.executable, "-c", code], cwd=root, check=False, timeout=60)

    assert ended.returncode == 0
