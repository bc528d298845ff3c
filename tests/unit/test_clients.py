import asyncio
import logging
import math
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.catalogs.http_index import HttpIndex
from shared.catalogs.listing import Listing
from shared.catalogs.manifest import Manifest
from shared.catalogs.stac import StacSearch
from shared.catalogs.static_stac import StaticStac
from shared.clients import Process
from shared.copying import Copying
from shared.discovery import Discovery
from shared.model.errors import DatasetsInvalidError
from shared.publishing import Publishing
from shared.storage.queues import AzureQueues
from shared.tracing import TracedCopying, TracedDiscovery, TracedPublishing
from shared.tracing.ports import TracedQueues

#: Nothing listens there, and opening an account sends nothing.
_NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;" + "".join(
    f"{each}Endpoint=http://127.0.0.1:9/a;" for each in ("Blob", "Queue", "Table")
)
_DATASETS = """
[datasets.{name}]
catalog = {{ kind = "{kind}", url = "https://data.example.org/list.csv" }}
destination = {{ container = "assets" }}
allow = {{ hosts = ["data.example.org"] }}
"""
_BUCKET = """
[datasets.bucket]
catalog = { kind = "listing", url = "gs://bucket" }
source = { kind = "gs" }
destination = { container = "assets" }
allow = { hosts = ["storage.googleapis.com"] }
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of a process: an account, and of everything else the default."""
    for name in os.environ:
        if name.startswith(
            ("SluiceStorage", "STORAGE_", "DISCOVER_", "COPY_", "DATASETS_", "AzureFunctionsJobHost__", "PYTHON_")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SluiceStorage", _NOWHERE)
    return monkeypatch


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Generator[None]:
    """Opening an app configures the logging of its process."""
    factory = logging.getLogRecordFactory()
    levels = {name: logging.getLogger(name).level for name in ("aiohttp", "azure", "urllib3")}
    yield
    logging.setLogRecordFactory(factory)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def folder(environment: pytest.MonkeyPatch, root: Path, tmp_path: Path) -> Path:
    """An app's folder with a dataset of each kind of catalog."""
    del environment
    (tmp_path / "host.json").write_bytes((root / "host.json").read_bytes())
    both = _DATASETS.format(name="search", kind="stac") + _DATASETS.format(name="list", kind="manifest")
    (tmp_path / "datasets.toml").write_text(_BUCKET + both, encoding="utf-8")
    return tmp_path


@pytest.fixture
async def process(folder: Path) -> AsyncGenerator[Process]:
    process = Process(folder)
    yield process
    await process.close()


async def test_the_settings_reach_the_use_cases(environment: pytest.MonkeyPatch, process: Process) -> None:
    """Capacity is what all instances work at once by host.json; each setting stands where it is used."""
    environment.setenv("DISCOVER_INSTANCES", "3")
    environment.setenv("DISCOVER_SATURATION", "inf")
    environment.setenv("DISCOVER_RECHECK_SECONDS", "7")
    environment.setenv("DISCOVER_STALL_MINUTES", "90")
    environment.setenv("COPY_DEADLINE_SECONDS", "60")

    app = await process.app()

    assert (app.discovery.withholding.capacity, app.status.capacity) == (72, 72)
    assert (app.discovery.withholding.saturation, app.status.saturation) == (math.inf, math.inf)
    assert app.discovery.withholding.recheck == timedelta(seconds=7)
    assert app.discovery.most_deliveries == 5
    assert app.starting.stall == timedelta(minutes=90)
    assert app.copying.deadline == timedelta(minutes=1)


async def test_tracing_that_is_off(process: Process) -> None:
    """Nothing is put around the use cases and their ports where nobody takes spans."""
    app = await process.app()

    found = [type(each) for each in (app.discovery, app.copying, app.publishing, app.discovery.queues)]
    assert found == [Discovery, Copying, Publishing, AzureQueues]


async def test_tracing_that_is_on(environment: pytest.MonkeyPatch, process: Process) -> None:
    """The platform's setting alone puts spans around the use cases and what they send."""
    environment.setenv("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY", "true")

    app = await process.app()

    found = [type(each) for each in (app.discovery, app.copying, app.publishing, app.discovery.queues)]
    assert found == [TracedDiscovery, TracedCopying, TracedPublishing, TracedQueues]


def test_opentelemetry_is_imported_where_it_is_on_only() -> None:
    """A process that doesn't trace never loads OpenTelemetry."""
    code = "import sys, function_app; print(any(each.startswith('opentelemetry') for each in sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout == "False\n"


async def test_each_kind_of_catalog_has_its_reader(process: Process) -> None:
    """A STAC API is searched, a manifest is read, a bucket is listed."""
    app = await process.app()
    datasets = app.discovery.datasets.datasets

    readers = {name: type(app.discovery.catalog_of(each)) for name, each in datasets.items()}

    assert readers == {"search": StacSearch, "list": Manifest, "bucket": Listing}


_TREES = """
[datasets.documents]
catalog = { kind = "static_stac", url = "https://data.example.org/catalog.json" }
destination = { container = "assets" }
allow = { hosts = ["data.example.org"] }

[datasets.directory]
catalog = { kind = "http_index", url = "https://data.example.org/pub/" }
destination = { container = "assets" }
allow = { hosts = ["data.example.org"] }
"""


async def test_trees_have_their_readers(folder: Path, process: Process) -> None:
    """Documents that link each other are followed, a directory and those below it are listed."""
    (folder / "datasets.toml").write_text(_TREES, encoding="utf-8")
    app = await process.app()

    readers = {name: type(app.discovery.catalog_of(each)) for name, each in app.discovery.datasets.datasets.items()}

    assert readers == {"documents": StaticStac, "directory": HttpIndex}


async def test_time_and_chance_are_real(process: Process) -> None:
    """The clock is UTC, chance lies in [0, 1), and no two runs of a moment share an id, which sorts by time."""
    app = await process.app()
    moment = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)

    now = app.discovery.clock()
    ids = {app.starting.new_id(moment) for _ in range(100)}
    later = app.starting.new_id(moment + timedelta(seconds=1))

    assert now.utcoffset() == timedelta(0)
    assert all(0 <= app.discovery.chance() < 1 for _ in range(100))
    assert len(ids) == 100
    assert all(each.startswith("20240229T235959Z-") for each in ids)
    assert max(ids) < later


async def test_an_app_is_opened_once(process: Process) -> None:
    """Invocations that come at once get the same app."""
    apps = await asyncio.gather(*(process.app() for _ in range(5)))

    assert len({id(each) for each in apps}) == 1


async def test_a_closed_app_is_opened_anew(process: Process) -> None:
    """After ``close`` the next invocation gets another app."""
    first = await process.app()
    await process.close()

    assert await process.app() is not first


async def test_a_process_that_never_opened_can_be_closed(folder: Path) -> None:
    """Closing what isn't open is nothing."""
    process = Process(folder)

    await process.close()
    await process.close()


async def test_wrong_datasets_are_told_until_they_are_mended(folder: Path, process: Process) -> None:
    """Each invocation says what is wrong; once it is mended, the next one opens the app."""
    good = (folder / "datasets.toml").read_text(encoding="utf-8")
    (folder / "datasets.toml").write_text("[datasets.a]\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DatasetsInvalidError, match=r"datasets\.a\.catalog: Field required"):
            await process.app()
    (folder / "datasets.toml").write_text(good, encoding="utf-8")

    app = await process.app()

    assert list(app.discovery.datasets.datasets) == ["bucket", "search", "list"]


async def test_wrong_settings_are_told(environment: pytest.MonkeyPatch, process: Process) -> None:
    """A setting out of bounds is named, as it is called in the environment."""
    environment.setenv("DISCOVER_SATURATION", "-1")

    with pytest.raises(ValidationError, match="DISCOVER_SATURATION"):
        await process.app()


async def test_a_process_that_cant_open_is_not_healthy(
    environment: pytest.MonkeyPatch, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    """Why not stands in the log, and nothing is raised."""
    environment.delenv("SluiceStorage")

    assert not await process.is_healthy()
    assert [(each.levelno, each.__dict__["action"]) for each in caplog.records] == [(logging.ERROR, "not_healthy")]


@pytest.mark.parametrize(("saturation", "warns"), [("0", True), ("1.49", True), ("1.5", False), ("inf", False)])
async def test_a_low_saturation_is_warned_of(
    environment: pytest.MonkeyPatch, process: Process, caplog: pytest.LogCaptureFixture, saturation: str, *, warns: bool
) -> None:
    """Below 1.5 the platform may take away instances that discovery counts on."""
    environment.setenv("DISCOVER_SATURATION", saturation)

    await process.app()

    warnings = [each.__dict__["action"] for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings == (["low_saturation"] if warns else [])


async def test_all_use_cases_have_the_same_parts(process: Process) -> None:
    """One set of datasets, one run store and one set of queues stand behind all of them."""
    app = await process.app()

    for name in ("datasets", "runs", "queues"):
        parts = [getattr(each, name) for each in (app.starting, app.discovery, app.status)]
        assert len({id(each) for each in parts}) == 1, name


async def test_secrets_that_are_missing_are_told(
    environment: pytest.MonkeyPatch, folder: Path, process: Process
) -> None:
    """A source's secret that no setting holds is named by its field, at each invocation until it is set."""
    text = (folder / "datasets.toml").read_text(encoding="utf-8")
    source = 'source = { kind = "header", hosts = ["data.example.org"], value_setting = "SOURCE_KEY" }\n'
    (folder / "datasets.toml").write_text(text + source, encoding="utf-8")
    environment.delenv("SOURCE_KEY", raising=False)
    with pytest.raises(DatasetsInvalidError, match=r"datasets\.list\.source\.value_setting: .* SOURCE_KEY isn't set"):
        await process.app()
    environment.setenv("SOURCE_KEY", "s3cr3t")

    app = await process.app()

    assert list(app.discovery.datasets.datasets) == ["bucket", "search", "list"]
