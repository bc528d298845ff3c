import json
import logging
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from sluice.session import Place, UsageError, open_session

_NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;" + "".join(
    f"{each}Endpoint=http://127.0.0.1:9/a;" for each in ("Blob", "Queue", "Table")
)
_HOST = {"extensions": {"queues": {"batchSize": 16, "newBatchThreshold": 8, "maxDequeueCount": 5}}}
_DATASETS = """
[datasets.far]
catalog = { kind = "manifest", url = "https://data.example.org/list.csv" }
destination = { container = "assets" }
allow = { hosts = ["data.example.org"] }
polite = { requests_at_once = 4 }
source = { kind = "header", hosts = ["data.example.org"], value_setting = "SOURCE_KEY" }
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """An environment that says nothing; what a session adds is taken out again."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(
            ("SluiceStorage", "STORAGE_", "DISCOVER_", "COPY_", "DATASETS_", "SOURCE_", "AzureFunctions")
        ):
            monkeypatch.delenv(name)
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An app's folder."""
    (tmp_path / "host.json").write_text(json.dumps(_HOST), encoding="utf-8")
    (tmp_path / "datasets.toml").write_text(_DATASETS, encoding="utf-8")
    settings = {"Values": {"SluiceStorage": _NOWHERE, "STORAGE_CREATE_MISSING": "true", "DISCOVER_SATURATION": "3"}}
    (tmp_path / "local.settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


async def test_a_session_has_the_settings_of_the_apps_file(folder: Path) -> None:
    """Values of local.settings.json are the app's environment, as the host reads them.

    Nothing is made and no secret needed: the account isn't there, and had anything been asked of it, the session
    wouldn't have opened.
    """
    async with open_session(Place(folder=folder)) as app:
        assert app.status.saturation == 3


async def test_the_environment_beats_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the host, what stands in the environment already wins."""
    monkeypatch.setenv("DISCOVER_SATURATION", "2")

    async with open_session(Place(folder=folder)) as app:
        assert app.status.saturation == 2


async def test_an_account_in_azure_takes_the_place_of_the_settings(folder: Path) -> None:
    """Its services are addressed by its name, by whoever is signed in; its datasets are the folder's."""
    async with open_session(Place(folder=folder, account="publicdata")):
        shown = {name: value for name, value in os.environ.items() if name.startswith("SluiceStorage")}

    assert shown == {
        f"SluiceStorage__{each}ServiceUri": f"https://publicdata.{each}.core.windows.net"
        for each in ("blob", "queue", "table")
    }


@pytest.mark.parametrize("name", ["Public", "a", "a" * 25, "data.example.org", "https://x"])
async def test_what_is_no_accounts_name_is_refused(folder: Path, name: str) -> None:
    """The option is named, and what it has to look like."""
    with pytest.raises(UsageError, match=r"--account .*3 to 24 lower-case letters and digits"):
        async with open_session(Place(folder=folder, account=name)):
            pass


async def test_without_an_account_the_way_out_is_said(folder: Path) -> None:
    """A folder without settings leads to the option and the setting."""
    (folder / "local.settings.json").unlink()

    with pytest.raises(UsageError, match=r"set SluiceStorage to a connection string .* name an account: --account"):
        async with open_session(Place(folder=folder)):
            pass


async def test_a_setting_that_is_out_of_bounds_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting as it is written."""
    monkeypatch.setenv("DISCOVER_SATURATION", "-1")

    with pytest.raises(UsageError, match=r"settings DISCOVER_SATURATION: .*greater than or equal to 0"):
        async with open_session(Place(folder=folder)):
            pass


async def test_a_file_of_settings_that_is_none_is_named(folder: Path) -> None:
    """Broken JSON names its file."""
    (folder / "local.settings.json").write_text('{"Values": []}', encoding="utf-8")

    with pytest.raises(UsageError, match=r"local\.settings\.json: Values: .*object"):
        async with open_session(Place(folder=folder)):
            pass


async def test_a_folder_that_is_no_apps_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without datasets or host.json is named with what is missing."""
    monkeypatch.setenv("SluiceStorage", _NOWHERE)
    (tmp_path / "datasets.toml").write_text(_DATASETS, encoding="utf-8")

    with pytest.raises(UsageError, match=r"host\.json: no such file; --app names the app's folder"):
        async with open_session(Place(folder=tmp_path)):
            pass


def test_the_folder_is_the_named_one_else_this_else_the_codes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a host.json is an app's."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(folder)
    here = Place.found(folder=None, account=None)
    monkeypatch.chdir(elsewhere)
    nowhere = Place.found(folder=None, account=None)

    named = Place.found(folder=folder, account="data")

    assert here == Place(folder=folder)
    assert (nowhere.folder / "function_app.py").is_file()
    assert named == Place(folder=folder, account="data")
