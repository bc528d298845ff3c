"""What is found in the files of an app's folder."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from shared.doctor import Health
from shared.model.settings import Settings
from sluice.configuration import of_configuration
from sluice.session import Place

_QUEUES = {"batchSize": 16, "newBatchThreshold": 8, "maxDequeueCount": 5, "visibilityTimeout": "00:00:30"}
_DATASETS = """
[datasets.far]
catalog = { kind = "manifest", url = "https://data.example.org/list.csv" }
destination = { container = "assets" }
allow = { hosts = ["data.example.org"] }
source = { kind = "header", hosts = ["data.example.org"], value_setting = "SOURCE_KEY" }
"""
_VALUES = {"SluiceStorage": "UseDevelopmentStorage=true", "SOURCE_KEY": "secret"}
_WELL = [
    ("settings", f"all {len(Settings.model_fields)} are within their bounds"),
    ("datasets.toml", "1 datasets"),
    ("setting SOURCE_KEY", "there, for datasets.far.source.value_setting"),
    ("host.json", "an instance works 24 messages of a queue at once"),
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """An environment that says nothing; what is put into it is taken out again."""
    before = dict(os.environ)
    ours = ("SluiceStorage", "STORAGE_", "DISCOVER_", "COPY_", "DATASETS_", "SOURCE_", "AzureFunctions")
    for name in before:
        if name.startswith(ours):
            monkeypatch.delenv(name)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


class _Folder:
    """An app's folder, in which all is well until a test changes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.host: Any = {"functionTimeout": "00:30:00", "extensions": {"queues": dict(_QUEUES)}}
        self.values = dict(_VALUES)
        self.datasets = _DATASETS

    def write(self) -> Place:
        """Write the files."""
        (self.path / "host.json").write_text(json.dumps(self.host), encoding="utf-8")
        (self.path / "datasets.toml").write_text(self.datasets, encoding="utf-8")
        (self.path / "local.settings.json").write_text(json.dumps({"Values": self.values}), encoding="utf-8")
        return Place(folder=self.path)

    def problems(self) -> list[tuple[str, str]]:
        """What isn't well; each says what to do."""
        found = [each for each in of_configuration(self.write()) if each.health is Health.PROBLEM]
        assert all(each.mend for each in found)
        return [(each.check, each.told) for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> _Folder:
    return _Folder(tmp_path)


def test_a_folder_that_is_well(folder: _Folder) -> None:
    """Settings, datasets, each secret and host.json; the secret itself isn't told."""
    found = list(of_configuration(folder.write()))

    assert [(each.check, each.told) for each in found] == _WELL
    assert {each.health for each in found} == {Health.OK}


def test_a_settings_file_that_is_none(folder: _Folder) -> None:
    """Nothing else can be judged without it."""
    place = folder.write()
    (folder.path / "local.settings.json").write_text("[]", encoding="utf-8")

    (finding,) = of_configuration(place)

    assert (finding.health, finding.check) == (Health.PROBLEM, "local.settings.json")


def test_each_setting_that_is_wrong_is_named(folder: _Folder) -> None:
    """All of them at once, by their names; datasets aren't read then, as a setting says where they are."""
    folder.values |= {"COPY_BLOCK_MIB": "1000", "DISCOVER_INSTANCES": "many"}

    assert [check for check, _ in folder.problems()] == ["setting DISCOVER_INSTANCES", "setting COPY_BLOCK_MIB"]


def test_settings_that_name_no_account(folder: _Folder) -> None:
    """The settings that would are told."""
    del folder.values["SluiceStorage"]

    ((check, told),) = folder.problems()

    assert check == "settings"
    assert told.startswith("no storage account: set SluiceStorage to a connection string")


@pytest.mark.parametrize(
    ("saturation", "told"),
    [
        ("0", "it is 0, which pauses discovery of all datasets"),
        ("1.2", "it is 1.2: too few messages are visible to the platform, which scales by them"),
        ("1.5", None),
        ("inf", None),
    ],
)
def test_a_saturation_that_stops_discovery(folder: _Folder, saturation: str, told: str | None) -> None:
    """None at all, or so little that the platform takes instances away."""
    folder.values["DISCOVER_SATURATION"] = saturation

    assert folder.problems() == ([("setting DISCOVER_SATURATION", told)] if told else [])


def test_datasets_that_are_wrong(folder: _Folder) -> None:
    """The file, the dataset and the field."""
    folder.datasets = folder.datasets.replace('kind = "header"', 'kind = "haeder"')

    ((check, told),) = folder.problems()

    assert check == "datasets.toml"
    assert "datasets.far.source" in told


def test_a_secret_that_isnt_there(folder: _Folder) -> None:
    """Which setting, and which field names it."""
    del folder.values["SOURCE_KEY"]

    ((check, told),) = folder.problems()

    assert check == "setting SOURCE_KEY"
    assert told.startswith("datasets.far.source.value_setting: the app setting SOURCE_KEY isn't set")


def test_secrets_of_an_app_in_azure_are_elsewhere(folder: _Folder) -> None:
    """Whoever looks from here needn't have them: it is said, and no problem."""
    del folder.values["SOURCE_KEY"]
    place = folder.write()

    found = list(of_configuration(Place(folder=place.folder, account="mydata")))

    assert [(each.check, each.health) for each in found if each.health is not Health.OK] == [
        ("setting SOURCE_KEY", Health.NOTE)
    ]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ({"queues": {"messageEncoding": "base64"}}, None),
        ({"queues": {"messageEncoding": "none"}}, "messageEncoding is none: functions would get our messages"),
        ({"queues": {"maxDequeueCount": 1}}, "maxDequeueCount is 1: a copy is poison once"),
        ({"queues": {"maxDequeueCount": 2}}, None),
        ({"queues": {"visibilityTimeout": "00:00:00"}}, "visibilityTimeout is 0: all attempts"),
        ({"queues": {"visibilityTimeout": "soon"}}, "visibilityTimeout is 0: all attempts"),
        ({"queues": {"batchSize": 64}}, "AzureFunctionsJobHost__extensions__queues__batchSize: Input should be"),
        (
            {"functionTimeout": "00:20:00"},
            "functionTimeout is 00:20:00, and a copy may take COPY_DEADLINE_SECONDS, 0:20",
        ),
        ({"functionTimeout": "00:21:00"}, None),
        ({"functionTimeout": "-1"}, None),
        ({"extensions": []}, "host.json has to state batchSize, newBatchThreshold, maxDequeueCount"),
    ],
    ids=str,
)
def test_a_host_that_is_wrong(folder: _Folder, host: dict[str, Any], told: str | None) -> None:
    """What the app relies on, and what becomes of work otherwise."""
    folder.host["extensions"]["queues"] |= host.pop("queues", {})
    folder.host |= host

    found = folder.problems()

    assert [check for check, _ in found] == (["host.json"] if told else [])
    assert all(told is not None and told in each for _, each in found)


def test_a_host_without_what_has_a_default(folder: _Folder) -> None:
    """The host's own: Base64, no wait between attempts, and half an hour."""
    del folder.host["functionTimeout"]
    del folder.host["extensions"]["queues"]["visibilityTimeout"]

    assert folder.problems() == [
        ("host.json", "visibilityTimeout is 0: all attempts at an asset are over within seconds")
    ]


def test_the_environment_beats_host_json(folder: _Folder) -> None:
    """As it does for the host."""
    folder.values["AzureFunctionsJobHost__extensions__queues__messageEncoding"] = "none"

    assert [check for check, _ in folder.problems()] == ["host.json"]


def test_a_host_is_looked_at_although_settings_are_wrong(folder: _Folder) -> None:
    """But for what hangs on a setting."""
    folder.values["COPY_BLOCK_MIB"] = "1000"
    folder.host["extensions"]["queues"]["maxDequeueCount"] = 1

    assert [check for check, _ in folder.problems()] == ["setting COPY_BLOCK_MIB", "host.json"]


@pytest.mark.parametrize("text", [None, "{"], ids=["missing", "no JSON"])
def test_a_host_json_that_is_none(folder: _Folder, text: str | None) -> None:
    """The file is named."""
    place = folder.write()
    (folder.path / "host.json").unlink()
    if text is not None:
        (folder.path / "host.json").write_text(text, encoding="utf-8")

    assert [each.check for each in of_configuration(place) if each.health is Health.PROBLEM] == ["host.json"]
