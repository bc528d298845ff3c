"""Settings: read once, from the environment and host.json."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, override

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.model.errors import DatasetsInvalidError

_MIB = 1024 * 1024
_WRONG = "isn't set, isn't one line of ASCII, or is a reference to Key Vault that couldn't be resolved"
_QUEUES = "AzureFunctionsJobHost__extensions__queues__"


class BlockCheck(StrEnum):
    """What a block travels with. MD5 costs as much as all the rest of a copy; CRC64, next to nothing.

    But not with Azurite: that computes a CRC64 of each block in JavaScript, 75 MB/s, unless an MD5 comes with it.
    """

    CRC64 = "crc64"
    MD5 = "md5"


class Settings(BaseSettings):
    """Every app setting that Sluice reads; local.settings.sample.json shows them all."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    #: The data account: a connection string (local use), or the addresses of its services and an identity.
    storage_connection: Annotated[str | None, Field(validation_alias="SluiceStorage")] = None
    blob_service_uri: Annotated[str | None, Field(validation_alias="SluiceStorage__blobServiceUri")] = None
    queue_service_uri: Annotated[str | None, Field(validation_alias="SluiceStorage__queueServiceUri")] = None
    table_service_uri: Annotated[str | None, Field(validation_alias="SluiceStorage__tableServiceUri")] = None
    client_id: Annotated[str | None, Field(validation_alias="SluiceStorage__clientId")] = None
    #: Make queues, containers and tables that are missing. In Azure they are made by the deployment.
    create_missing: Annotated[bool, Field(validation_alias="STORAGE_CREATE_MISSING")] = False

    datasets_file: Annotated[Path, Field(validation_alias="DATASETS_FILE")] = Path("datasets.toml")

    #: How many copy requests may be outstanding, in multiples of what all instances can copy at once.
    #: 0 pauses discovery, inf never withholds it.
    saturation: Annotated[float, Field(ge=0, validation_alias="DISCOVER_SATURATION")] = 1.5
    #: The app's maximum instance count.
    instances: Annotated[int, Field(ge=1, validation_alias="DISCOVER_INSTANCES")] = 1
    #: How long a withheld page waits before it looks again.
    recheck_seconds: Annotated[float, Field(gt=0, le=3600, validation_alias="DISCOVER_RECHECK_SECONDS")] = 15
    #: A run that made no progress for so long can be superseded: five leases of a message, and some.
    stall_minutes: Annotated[float, Field(gt=60, le=525_600, validation_alias="DISCOVER_STALL_MINUTES")] = 75

    #: Buffers of all copies in a process together.
    memory_mib: Annotated[int, Field(ge=16, validation_alias="COPY_MEMORY_MIB")] = 256
    #: The size of a block; an asset up to it is one Put Blob.
    block_mib: Annotated[int, Field(ge=1, le=100, validation_alias="COPY_BLOCK_MIB")] = 8
    #: What storage compares a block with in transit.
    block_check: Annotated[BlockCheck, Field(validation_alias="COPY_BLOCK_CHECK")] = BlockCheck.CRC64
    #: A copy that isn't done by then is sent again and resumes; stay well under host.json's functionTimeout.
    deadline_seconds: Annotated[float, Field(gt=0, le=86_400, validation_alias="COPY_DEADLINE_SECONDS")] = 1200

    @model_validator(mode="after")
    def _check(self) -> Self:
        uris = (self.blob_service_uri, self.queue_service_uri, self.table_service_uri)
        if not self.storage_connection and not all(uris):
            raise ValueError(
                "no storage account: set SluiceStorage to a connection string (UseDevelopmentStorage=true for Azurite) "
                "or SluiceStorage__blobServiceUri, __queueServiceUri and __tableServiceUri"
            )
        if self.memory_mib < 2 * self.block_mib:
            raise ValueError("COPY_MEMORY_MIB has to hold two blocks of COPY_BLOCK_MIB at least")
        return self

    @property
    def block_size(self) -> int:
        """Bytes of a block."""
        return self.block_mib * _MIB

    @property
    def memory(self) -> int:
        """Bytes of all buffers together."""
        return self.memory_mib * _MIB


class Platform(BaseSettings):
    """What App Service itself says of an app; nobody else is to set it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    #: Whether built-in authentication is on, so that X-MS-CLIENT-PRINCIPAL is the platform's and nobody else's:
    #: https://learn.microsoft.com/azure/app-service/reference-app-settings
    built_in_authentication: Annotated[bool, Field(validation_alias="WEBSITE_AUTH_ENABLED")] = False


class Telemetry(BaseSettings):
    """What the platform reads of OpenTelemetry, too: its worker takes up the host's trace where one of these is set.

    https://learn.microsoft.com/azure/azure-functions/opentelemetry-howto. A value that is neither true nor false is
    false, as it is to the worker.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    #: The worker reads the host's trace context, and the app exports its spans by OTLP.
    opentelemetry: Annotated[str, Field(validation_alias="PYTHON_ENABLE_OPENTELEMETRY")] = ""
    #: The worker has set up Azure Monitor's exporter, which takes every span of the process.
    azure_monitor: Annotated[str, Field(validation_alias="PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY")] = ""
    endpoint: Annotated[str, Field(validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")] = ""
    traces_endpoint: Annotated[str, Field(validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")] = ""

    @property
    def exports(self) -> bool:
        """Tell whether the app is to export spans by OTLP itself."""
        return _is_true(self.opentelemetry) and bool(self.endpoint or self.traces_endpoint)

    @property
    def is_traced(self) -> bool:
        """Tell whether anybody takes spans."""
        return self.exports or _is_true(self.azure_monitor)


def _is_true(value: str) -> bool:
    """As the worker has it (is_true_like of azure_functions_runtime)."""
    return value.lower().strip() in {"1", "true", "t", "yes", "y"}


def read_secrets(names: Mapping[str, str], *, at_use: bool = False) -> Mapping[str, SecretStr]:
    """Read the app settings that hold sources' secrets; ``names`` has them by the field that names each.

    Raises DatasetsInvalidError, which names fields and settings and never a value: now, or ``at_use`` whoever takes
    one out that isn't there.
    """
    secrets = {name: os.environ.get(name, "").strip() for name in names.values()}
    wrong = {
        name: f"  {field}: the app setting {name} {_WRONG}" for field, name in names.items() if _unfit(secrets[name])
    }
    if wrong and not at_use:
        raise _secrets_missing(wrong.values())
    return _Secrets({name: SecretStr(value) for name, value in secrets.items() if name not in wrong}, wrong)


class _Secrets(dict[str, SecretStr]):
    """Secrets by setting; one that can't be used says why when it is asked for."""

    def __init__(self, usable: Mapping[str, SecretStr], wrong: Mapping[str, str]) -> None:
        super().__init__(usable)
        self._wrong = wrong

    def __missing__(self, name: str) -> SecretStr:
        raise _secrets_missing([self._wrong[name]])


def _secrets_missing(wrong: Iterable[str]) -> DatasetsInvalidError:
    return DatasetsInvalidError("\n".join(["app settings of sources:", *wrong]))


def _unfit(secret: str) -> bool:
    """Azure hands on a reference to Key Vault as it is written where it can't be resolved."""
    return not re.fullmatch(r"[\x20-\x7e]+", secret) or secret.startswith("@Microsoft.KeyVault(")


class HostQueues(BaseSettings):
    """The part of host.json that says how messages are worked; the environment beats the file."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    batch_size: Annotated[int, Field(ge=1, le=32, validation_alias=f"{_QUEUES}batchSize")]
    new_batch_threshold: Annotated[int, Field(ge=0, validation_alias=f"{_QUEUES}newBatchThreshold")]
    #: After so many deliveries of a message the runtime puts it aside.
    max_dequeue_count: Annotated[int, Field(ge=1, validation_alias=f"{_QUEUES}maxDequeueCount")]

    @classmethod
    def read(cls, host_json: Path) -> Self:
        """Read host.json; raises ValueError where a value is missing or out of bounds."""
        names = ("batchSize", "newBatchThreshold", "maxDequeueCount")
        try:
            document = json.loads(host_json.read_text(encoding="utf-8"))
            values = {f"{_QUEUES}{name}": document["extensions"]["queues"][name] for name in names}
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{host_json} has to state {', '.join(names)} in extensions.queues") from error
        return cls(**values)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, as the host has it."""
        return env_settings, init_settings

    @property
    def concurrency(self) -> int:
        """Messages that one instance works at once, for each function."""
        return self.batch_size + self.new_batch_threshold
