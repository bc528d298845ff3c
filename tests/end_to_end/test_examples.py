"""The examples that can be tried on one machine, as they stand but for the port: from ``examples/files`` to blobs."""

import contextlib
import functools
import http.client
import http.server
import shutil
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import override
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import ContainerClient

from demo.azurite import azurite
from demo.host import functions_host
from tests.end_to_end.pipeline import WAIT_SECONDS

_ROOT = Path(__file__).resolve().parent.parent.parent
_KINDS = ("http_index", "manifest", "static_stac")
_MARK = "[datasets.local-"


class _Handler(http.server.SimpleHTTPRequestHandler):
    """As ``make sources`` serves them."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, str]]:
    """An app with the examples' local datasets: where it listens, and its storage."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(_ROOT / "examples" / "files", folder / "files")
    handler = functools.partial(_Handler, directory=str(folder / "files"))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stack.callback(thread.join, timeout=10)
        stack.callback(server.shutdown)
        port = str(server.server_port)
        for path in (folder / "files").glob("*.csv"):
            path.write_text(path.read_text(encoding="utf-8").replace("8080", port), encoding="utf-8")
        text = "\n".join(_local(kind) for kind in _KINDS).replace("8080", port)
        (folder / "datasets.toml").write_text(text, encoding="utf-8")
        storage = stack.enter_context(azurite(folder))
        settings = {
            "SluiceStorage": storage.connection_string,
            "STORAGE_CREATE_MISSING": "true",
            "DATASETS_FILE": str(folder / "datasets.toml"),
            # Once a year: the test asks by itself.
            "DISCOVER_SCHEDULE": "0 0 0 1 1 *",
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2",
        }
        host = functions_host(_ROOT, storage=storage, environment=settings, log_json=folder / "host.jsonl")
        yield stack.enter_context(host).url, storage.connection_string


def _local(kind: str) -> str:
    """The end of an example, where its dataset for this machine stands."""
    text = (_ROOT / "examples" / kind / "datasets.toml").read_text(encoding="utf-8")
    return text[text.index(_MARK) :]


@pytest.mark.parametrize(
    ("dataset", "blobs"),
    [
        ("local-directory", {"127.0.0.1/pub/one.txt", "127.0.0.1/pub/2024/two.txt"}),
        ("local-list", {"127.0.0.1/pub/one.txt", "127.0.0.1/pub/2024/two.txt"}),
        (
            "local-scenes",
            {
                *("scenes%2Fs1/one/one.txt", "scenes%2Fs1/two/two.txt"),
                *("items/scenes%2Fs1.json", "collections/scenes.json"),
            },
        ),
    ],
)
def test_local_examples(dataset: str, blobs: set[str], examples: tuple[str, str]) -> None:
    """A run that is asked for by its command copies what the example lists."""
    url, storage = examples

    status = _asked(url, "POST", f"datasets/{dataset}/runs")

    assert status == 202
    assert _names(dataset, storage, count=len(blobs)) == {f"{dataset}/{each}" for each in blobs}


def _asked(url: str, method: str, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, f"/api/{path}")
        return connection.getresponse().status


def _names(dataset: str, storage: str, *, count: int) -> set[str]:
    """The dataset's blobs, once there are so many."""
    deadline = time.monotonic() + WAIT_SECONDS
    with ContainerClient.from_connection_string(storage, "examples") as container:
        while True:
            names = set(container.list_blob_names(name_starts_with=f"{dataset}/"))
            if len(names) >= count or time.monotonic() > deadline:
                return names
            time.sleep(0.1)
