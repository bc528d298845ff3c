import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.model.errors import DatasetsInvalidError
from shared.model.settings import BlockCheck, HostQueues, Platform, Settings, Telemetry, read_secrets

_URIS = ("SluiceStorage__blobServiceUri", "SluiceStorage__queueServiceUri", "SluiceStorage__tableServiceUri")
_PREFIX = "AzureFunctionsJobHost__extensions__queues__"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """None of our settings is set, wherever the tests run."""
    sample = json.loads((root / "local.settings.sample.json").read_text(encoding="utf-8"))
    for name in (*sample["Values"], *_URIS, "SluiceStorage__clientId", f"{_PREFIX}batchSize"):
        monkeypatch.delenv(name, raising=False)


def _aliases() -> dict[str, Any]:
    return {str(each.validation_alias): name for name, each in Settings.model_fields.items()}


def test_sample(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample shows every setting but those of an identity, and each with its default but for Azurite's sake."""
    sample = json.loads((root / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    monkeypatch.setenv("SluiceStorage", sample["SluiceStorage"])
    defaults = Settings()
    for name, value in sample.items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    for_azurite = {"create_missing": True, "block_check": BlockCheck.MD5}
    assert settings == defaults.model_copy(update=for_azurite)
    assert set(_aliases()) - set(sample) == {*_URIS, "SluiceStorage__clientId"}


def test_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of all three services do instead of a connection string."""
    for name in _URIS:
        monkeypatch.setenv(name, f"https://{name}.example.org")

    settings = Settings()

    assert settings.storage_connection is None
    assert settings.table_service_uri == "https://SluiceStorage__tableServiceUri.example.org"


@pytest.mark.parametrize("present", [(), _URIS[:2]])
def test_no_account(present: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an account the error says what to set."""
    for name in present:
        monkeypatch.setenv(name, "https://x.example.org")

    with pytest.raises(ValidationError, match="set SluiceStorage to a connection string"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DISCOVER_SATURATION", "-1"),
        ("DISCOVER_SATURATION", "nan"),
        ("DISCOVER_INSTANCES", "0"),
        ("DISCOVER_RECHECK_SECONDS", "0"),
        ("DISCOVER_STALL_MINUTES", "60"),
        ("DISCOVER_STALL_MINUTES", "inf"),
        ("COPY_MEMORY_MIB", "15"),
        ("COPY_BLOCK_MIB", "0"),
        ("COPY_BLOCK_MIB", "200"),
        ("COPY_DEADLINE_SECONDS", "soon"),
        ("COPY_DEADLINE_SECONDS", "1e300"),
    ],
)
def test_out_of_bounds(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value out of bounds is refused under the name that the operator wrote."""
    monkeypatch.setenv("SluiceStorage", "UseDevelopmentStorage=true")
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name):
        Settings()


def test_memory_holds_two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget has to hold two blocks: one that is read while another is sent."""
    monkeypatch.setenv("SluiceStorage", "UseDevelopmentStorage=true")
    monkeypatch.setenv("COPY_MEMORY_MIB", "16")
    assert (Settings().memory, Settings().block_size) == (16 * 2**20, 8 * 2**20)

    monkeypatch.setenv("COPY_BLOCK_MIB", "9")

    with pytest.raises(ValidationError, match="two blocks"):
        Settings()


def test_saturation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Withholding can be turned off."""
    monkeypatch.setenv("SluiceStorage", "UseDevelopmentStorage=true")
    monkeypatch.setenv("DISCOVER_SATURATION", "inf")

    assert Settings().saturation == math.inf


def test_host_json(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrency and deliveries are those of host.json, unless the environment says otherwise."""
    as_written = HostQueues.read(root / "host.json")
    monkeypatch.setenv(f"{_PREFIX}batchSize", "4")
    monkeypatch.setenv(f"{_PREFIX}maxDequeueCount", "3")

    by_environment = HostQueues.read(root / "host.json")

    assert (as_written.concurrency, as_written.max_dequeue_count) == (24, 5)
    assert (by_environment.concurrency, by_environment.max_dequeue_count) == (12, 3)


@pytest.mark.parametrize(
    "document",
    ["{}", '{"extensions": {"queues": {"batchSize": 16}}}', "[", '{"extensions": []}', "7", "[" * 100_000],
    ids=["empty", "in part", "no JSON", "a list", "a number", "deep"],
)
def test_incomplete_host_json(document: str, tmp_path: Path) -> None:
    """A host.json that doesn't say how much is done at once raises ValueError."""
    host_json = tmp_path / "host.json"
    host_json.write_text(document)

    with pytest.raises(ValueError):  # noqa: PT011 - of JSON, or of the model
        HostQueues.read(host_json)


def test_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are read by the names of their settings, without the line's end that many an editor adds."""
    monkeypatch.setenv("SOURCE_A", "c4n4ry 1\n")

    secrets = read_secrets({"datasets.s2.source.value_setting": "SOURCE_A"})

    assert {name: each.get_secret_value() for name, each in secrets.items()} == {"SOURCE_A": "c4n4ry 1"}
    assert "c4n4ry" not in repr(secrets)


def test_secrets_that_are_missing_until_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's machine needn't have a source's secret, unless it reads from that source."""
    monkeypatch.setenv("SOURCE_A", "c4n4ry")
    monkeypatch.delenv("SOURCE_B", raising=False)
    names = {"datasets.s2.source.value_setting": "SOURCE_A", "datasets.s3.source.user_setting": "SOURCE_B"}

    secrets = read_secrets(names, at_use=True)

    assert secrets["SOURCE_A"].get_secret_value() == "c4n4ry"
    with pytest.raises(DatasetsInvalidError, match=r"datasets\.s3\.source\.user_setting: the app setting SOURCE_B"):
        secrets["SOURCE_B"]


@pytest.mark.parametrize(
    "value", [None, "", " ", "c4n4ry\nX-Evil: 1", "c4n4ry\u00e4", "@Microsoft.KeyVault(SecretUri=https://c4n4ry)"]
)
def test_wrong_secrets(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """What is missing or can't be sent is told by field and setting, and no value is."""
    monkeypatch.delenv("SOURCE_A", raising=False)
    monkeypatch.setenv("SOURCE_B", "good")
    if value is not None:
        monkeypatch.setenv("SOURCE_A", value)

    with pytest.raises(DatasetsInvalidError) as raised:
        read_secrets({"datasets.s2.source.value_setting": "SOURCE_A", "datasets.s3.source.user_setting": "SOURCE_B"})

    assert "datasets.s2.source.value_setting: the app setting SOURCE_A isn't set" in str(raised.value)
    assert "SOURCE_B" not in str(raised.value)
    assert "c4n4ry" not in str(raised.value)


@pytest.mark.parametrize(("value", "is_on"), [("True", True), ("true", True), ("False", False), ("", False)])
def test_built_in_authentication(value: str, is_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a case
    """App Service says whether it authenticates callers."""
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", value)

    assert Platform().built_in_authentication is is_on


def test_no_built_in_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it says nothing, it doesn't."""
    monkeypatch.delenv("WEBSITE_AUTH_ENABLED", raising=False)

    assert Platform().built_in_authentication is False


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (False, False)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, (False, False)),
        ({"PYTHON_ENABLE_OPENTELEMETRY": "true"}, (False, False)),
        ({"PYTHON_ENABLE_OPENTELEMETRY": "nonsense", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, (False, False)),
        ({"PYTHON_ENABLE_OPENTELEMETRY": " True ", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, (True, True)),
        ({"PYTHON_ENABLE_OPENTELEMETRY": "1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/t"}, (True, True)),
        ({"PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "y"}, (False, True)),
    ],
)
def test_tracing_is_opt_in(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: tuple[bool, bool]
) -> None:
    """Spans are exported where OpenTelemetry is on and somebody takes them; Azure Monitor's are the worker's."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    telemetry = Telemetry()

    assert (telemetry.exports, telemetry.is_traced) == expected
