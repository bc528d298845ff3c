"""The package as a Function App gets it: unpacked, with the packages of requirements.txt, and nothing else of ours."""

import hashlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobClient

from demo.azurite import Azurite
from demo.processes import free_ports, running
from tests.end_to_end.background import in_background
from tests.fakes.raw_server import Answer, raw_server, reply
from tools.package import write

pytestmark = [pytest.mark.timeout(300), pytest.mark.installs]

_BODY = b"an asset of a deployed app"
_DATASETS = """
[datasets.trial]
catalog = {{ kind = "manifest", url = "http://127.0.0.1:{port}/list.csv" }}
destination = {{ container = "assets" }}

[datasets.trial.allow]
hosts = ["127.0.0.1"]
http_hosts = ["127.0.0.1"]
ports = [{port}]
private_networks = ["127.0.0.0/8"]
"""


def test_package_copies_an_asset(root: Path, tmp_path: Path, storage: Azurite) -> None:
    """The package starts with what requirements.txt installs, and copies an asset."""
    app = _unpacked(tmp_path, root=root)
    python, platform = _installed(tmp_path, root=root)
    (port,) = free_ports(1)

    with in_background(raw_server()) as files:
        href = files.url("/asset.bin")
        listed = f"url,sha256\n{href},{hashlib.sha256(_BODY).hexdigest()}\n".encode()
        files.answers["/list.csv"] = (Answer(sent=reply(listed, headers={"ETag": '"1"'})),)
        files.answers["/asset.bin"] = (Answer(sent=reply(_BODY)),)
        datasets = tmp_path / "datasets.toml"
        datasets.write_text(_DATASETS.format(port=files.port), encoding="utf-8")
        command = [str(python), "-m", "functions_host", "start", "--root", str(app), "--port", str(port)]
        environment = _environment(storage, datasets=datasets, platform=platform)
        log = tmp_path / "host.log"
        with running(command, log=log, ports=(port,), environment=environment, directory=platform):
            run = _ask(f"http://127.0.0.1:{port}/api/datasets/trial/runs", method="POST")
            blob = _blob(storage, name=f"trial/127.0.0.1/{Path(href).name}", log=log)

    assert run["dataset"] == "trial"
    assert blob == _BODY


def _unpacked(folder: Path, *, root: Path) -> Path:
    app = folder / "app"
    write(folder / "package.zip", root=root)
    with zipfile.ZipFile(folder / "package.zip") as package:
        package.extractall(app)
    return app


def _installed(folder: Path, *, root: Path) -> tuple[Path, Path]:
    """A Python with the package's requirements, and a folder for what the platform brings: its worker and its host."""
    uv, python, platform = str(root / ".venv/bin/uv"), folder / "venv/bin/python", folder / "platform"
    _run(uv, "venv", "--quiet", "--python", "3.13", str(folder / "venv"))
    requirements = str(folder / "app/requirements.txt")
    _run(uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", requirements)
    worker = ("azure-functions-runtime==1.3.*", "azurefunctions-extensions-base")
    _run(uv, "pip", "install", "--quiet", "--python", str(python), "--target", str(platform), "--no-deps", *worker)
    shutil.copytree(root / "functions_host", platform / "functions_host")
    return python, platform


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=200)


def _environment(storage: Azurite, *, datasets: Path, platform: Path) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(platform),
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": storage.connection_string,
        "SluiceStorage": storage.connection_string,
        "STORAGE_CREATE_MISSING": "true",
        "DATASETS_FILE": str(datasets),
        "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
    }


def _ask(address: str, *, method: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30) as answer:
        return json.loads(answer.read())


def _blob(storage: Azurite, *, name: str, log: Path) -> bytes:
    """The blob's content, once it is there."""
    deadline = time.monotonic() + 30
    with BlobClient.from_connection_string(storage.connection_string, "assets", name) as blob:
        while not blob.exists():
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")[-3000:]
            time.sleep(0.2)
        return blob.download_blob().readall()
