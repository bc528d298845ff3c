import json
import logging
from pathlib import Path

import pytest

from functions_host.settings import (
    NoAppRootError,
    Settings,
    UnresolvedSettingError,
    find_root,
    host_id,
    load_settings,
)

FORCED = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "WEBSITE_HOSTNAME": "127.0.0.1:7071",
    "PYTHON_ENABLE_DEBUG_LOGGING": "1",
}


def write(root: Path, content: object) -> None:
    (root / "local.settings.json").write_text(json.dumps(content), encoding="utf-8")


def test_values_become_environment(tmp_path: Path) -> None:
    """'Values {str: str} -> environment; ConnectionStrings -> environment "ConnectionStrings:{name}"'."""
    strings = {"Plain": "one", "Full": {"ConnectionString": "two", "ProviderName": "x"}}
    write(tmp_path, {"IsEncrypted": False, "Values": {"A": "1", "B": True}, "ConnectionStrings": strings})

    settings = load_settings(tmp_path, process={})

    assert settings.environment == {
        "A": "1",
        "B": "true",
        "ConnectionStrings:Plain": "one",
        "ConnectionStrings:Full": "two",
        "AzureWebJobsScriptRoot": str(tmp_path),
        **FORCED,
    }


def test_process_environment_wins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """'The process's own environment wins ("Skipping '..' as it's already defined")'."""
    write(tmp_path, {"IsEncrypted": False, "Values": {"A": "file", "B": "file"}})

    with caplog.at_level(logging.INFO):
        settings = load_settings(tmp_path, process={"A": "process"})

    assert (settings.get("A"), settings.get("B")) == ("process", "file")
    assert caplog.messages == [
        "Skipping 'A' from local settings as it's already defined in current environment variables."
    ]


def test_func_start_forces_development(tmp_path: Path) -> None:
    """'`func start` forces AZURE_FUNCTIONS_ENVIRONMENT=Development', whatever the environment says."""
    settings = load_settings(tmp_path, process={"AZURE_FUNCTIONS_ENVIRONMENT": "Production"})

    assert settings.development


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{not json", id="not JSON"),
        pytest.param('{"IsEncrypted": false, "Values": {"A": "1", "B": {"nested": "2"}}}', id="nested value"),
        pytest.param('{"Values": {"A": "1"}}', id="IsEncrypted missing means true"),
        pytest.param('{"IsEncrypted": true, "Values": {"A": "1"}}', id="encrypted"),
        pytest.param('["A"]', id="not an object"),
        pytest.param('{"IsEncrypted": false, "Values": {"A": "1"}, "ConnectionStrings": {"B": {}}}', id="no string"),
    ],
)
def test_bad_file_counts_for_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    """'Bad JSON or nested Values: a warning, and *all* values are empty'."""
    (tmp_path / "local.settings.json").write_text(text, encoding="utf-8")

    settings = load_settings(tmp_path, process={})

    assert settings.get("A") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_port_and_address(tmp_path: Path) -> None:
    """'Host {LocalHttpPort 7071, LocalHttpAddress 127.0.0.1}'; a port that is asked for wins."""
    write(tmp_path, {"IsEncrypted": False, "Host": {"LocalHttpPort": 7099, "LocalHttpAddress": "127.0.0.2"}})

    from_file = load_settings(tmp_path, process={})
    asked = load_settings(tmp_path, process={}, port=7100)

    assert (from_file.address, from_file.port) == ("127.0.0.2", 7099)
    assert asked.get("WEBSITE_HOSTNAME") == "127.0.0.2:7100"


@pytest.mark.parametrize("marker", ["host.json", "local.settings.json"])
def test_root_is_found_upwards(tmp_path: Path, marker: str) -> None:
    """'the first directory from the current one upwards that holds host.json or local.settings.json'."""
    inner = tmp_path / "app" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / marker).touch()
    (tmp_path / "app" / marker).touch()

    assert find_root(inner) == tmp_path / "app"


def test_no_root_is_an_error(tmp_path: Path) -> None:
    """Without either file anywhere above, there is nothing to start."""
    with pytest.raises(NoAppRootError):
        find_root(tmp_path)


def test_names_are_looked_up_as_dotnet_does() -> None:
    """'Names are case-insensitive (.NET configuration binding)', and ``__`` in a variable's name stands for ``:``."""
    settings = Settings(environment={"Some__Name": "1", "Empty": ""})

    assert settings.get("SOME:name") == "1"
    assert settings.get("some__name") == "1"
    assert settings.get("Empty") is None
    assert settings.section("some") == {("name",): "1"}


def test_settings_in_texts_are_resolved() -> None:
    """'`%Setting%` expanded: any number of %x%'."""
    settings = Settings(environment={"A": "one", "B": "two"})

    assert settings.resolve("%A%-%b%-three") == "one-two-three"


def test_missing_setting_is_named() -> None:
    """'missing: InvalidOperationException "'%x%' does not resolve to a value."'."""
    with pytest.raises(UnresolvedSettingError) as caught:
        Settings(environment={}).resolve("%nowhere%")

    assert str(caught.value) == "'%nowhere%' does not resolve to a value."


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("AzureWebJobs.copy.Disabled", "true", True),
        ("AzureWebJobs.copy.Disabled", "1", True),
        ("AzureWebJobs_copy_Disabled", "True", True),
        ("AzureWebJobs.copy.Disabled", "false", False),
        ("AzureWebJobs.other.Disabled", "true", False),
    ],
)
def test_disabled_functions(variable: str, value: str, *, expected: bool) -> None:
    """'`AzureWebJobs.{Function}.Disabled` = "true" or "1" (also `AzureWebJobs_{Function}_Disabled`)'."""
    assert Settings(environment={variable: value}).is_disabled("copy") is expected


def test_host_id_of_a_machine_and_a_path() -> None:
    """'`{machine letters and digits}-{abs(hash31(scriptPath))}`, lower case, at most 32' (seed 23, times 31)."""
    # The hash of "/a": 23, times 31 plus 47, times 31 plus 97.
    assert host_id(Settings(environment={}), root=Path("/a"), machine="My-Host.1") == "myhost1-23657"


def test_host_id_is_cut() -> None:
    """A long machine name is cut at 32 characters, and a hyphen at the end is dropped."""
    assert host_id(Settings(environment={}), root=Path("/a"), machine="m" * 31) == "m" * 31
    assert len(host_id(Settings(environment={}), root=Path("/app"), machine="m" * 25)) == 32


def test_host_id_can_be_set() -> None:
    """'`AzureFunctionsWebHost__hostid` makes it stable'."""
    settings = Settings(environment={"AzureFunctionsWebHost__hostid": "fixed"})

    assert host_id(settings, root=Path("/a"), machine="any") == "fixed"
