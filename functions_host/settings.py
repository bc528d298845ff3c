"""Where the app is, and its settings: local.settings.json below the process's own environment, as ``func start`` does.

Sources: azure-functions-core-tools AppSettingsFile.cs, HostStartSettings.cs, StartHostAction.cs, ScriptHostHelpers.cs;
azure-functions-host ScriptHostIdProvider.cs, Utility.cs; azure-webjobs-sdk NameResolverExtensions.cs,
HostListenerFactory.cs.
"""

import dataclasses
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_PORT = 7071

_HOST_ID_LENGTH = 32
_REFERENCE = re.compile(r"%([^%]*)%")
_log = logging.getLogger(__name__)


class NoAppRootError(LookupError):
    """No directory from the current one upwards holds host.json or local.settings.json."""


class UnresolvedSettingError(LookupError):
    """A ``%Setting%`` names a setting that doesn't exist."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The app's settings, looked up as .NET configuration does: in any case, ``__`` in a name meaning ``:``."""

    #: The variables the worker process gets.
    environment: Mapping[str, str]
    #: Port and address of local.settings.json's ``Host``.
    port: int = DEFAULT_PORT
    address: str = "127.0.0.1"
    _values: Mapping[str, str] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = {_key(name): value for name, value in self.environment.items()}
        object.__setattr__(self, "_values", values)

    def get(self, name: str) -> str | None:
        """The setting of that name, or ``None`` where it is missing or empty."""
        return self._values.get(_key(name)) or None

    def section(self, name: str) -> Mapping[tuple[str, ...], str]:
        """What lies below a name, by the (lower-case) path of names that leads there."""
        prefix = _key(name) + ":"
        return {
            tuple(key.removeprefix(prefix).split(":")): value
            for key, value in self._values.items()
            if key.startswith(prefix)
        }

    def resolve(self, text: str) -> str:
        """Replace every ``%Setting%`` of a text.

        Raises:
            UnresolvedSettingError: a setting is missing.
        """
        return _REFERENCE.sub(self._resolved, text)

    def is_disabled(self, function: str) -> bool:
        """Whether ``AzureWebJobs.<function>.Disabled`` (or the same with underscores) is ``true`` or ``1``."""
        names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
        return any((self.get(name) or "").lower() in {"true", "1"} for name in names)

    @property
    def development(self) -> bool:
        """Whether this is a developer's machine; ``func start`` always says so."""
        return (self.get("AZURE_FUNCTIONS_ENVIRONMENT") or "").lower() == "development"

    @property
    def consumption_plan(self) -> bool:
        """Whether the settings claim to be on the Consumption plan (``WEBSITE_SKU=Dynamic``)."""
        return (self.get("WEBSITE_SKU") or "").lower() == "dynamic"

    def _resolved(self, reference: re.Match[str]) -> str:
        value = self.get(reference[1])
        if value is None:
            raise UnresolvedSettingError(f"'{reference[0]}' does not resolve to a value.")
        return value


def find_root(start: Path) -> Path:
    """Find the app's directory: the first one from ``start`` upwards with host.json or local.settings.json.

    Raises:
        NoAppRootError: there is none.
    """
    for directory in (start, *start.parents):
        if (directory / "host.json").exists() or (directory / "local.settings.json").exists():
            return directory
    raise NoAppRootError(f"Unable to find project root. Expecting to find host.json in {start} or above it.")


def load_settings(root: Path, *, process: Mapping[str, str], port: int | None = None) -> Settings:
    """Read local.settings.json and lay the process's environment over it, and over both what ``func start`` forces."""
    file = _read_file(root / "local.settings.json")
    for name in file.values.keys() & process.keys():
        _log.info("Skipping '%s' from local settings as it's already defined in current environment variables.", name)
    address, chosen = file.address, port if port is not None else file.port
    forced = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "WEBSITE_HOSTNAME": f"{address}:{chosen}",
        "AzureWebJobsScriptRoot": str(root),
        "PYTHON_ENABLE_DEBUG_LOGGING": "1",
    }
    return Settings(environment={**file.values, **process, **forced}, port=chosen, address=address)


def host_id(settings: Settings, *, root: Path, machine: str) -> str:
    """The name under which this host keeps locks and timers' states in storage."""
    fixed = settings.get("AzureFunctionsWebHost:hostid")
    if fixed is not None:
        return fixed
    letters = "".join(each for each in machine if each.isalnum())
    return f"{letters}-{abs(_stable_hash(str(root)))}"[:_HOST_ID_LENGTH].lower().rstrip("-")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    values: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    port: int = DEFAULT_PORT
    address: str = "127.0.0.1"


def _read_file(path: Path) -> _File:
    # {"IsEncrypted": false, "Values": {"Name": "text"}, "ConnectionStrings": {"Name": "text"},
    #  "Host": {"LocalHttpPort": 7071, "LocalHttpAddress": "127.0.0.1"}}
    if not path.exists():
        return _File()
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8-sig")))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # As in func: one bad value and none of them counts.
        _log.warning("Failed to read app settings file at '%s', none of its values are used: %s", path, error)
        return _File()


def _parse(content: Mapping[str, Any]) -> _File:
    values: Mapping[str, Any] = content.get("Values") or {}
    strings: Mapping[str, Any] = content.get("ConnectionStrings") or {}
    host: Mapping[str, Any] = content.get("Host") or {}
    # A missing IsEncrypted means true.
    if content.get("IsEncrypted", True) and (values or strings):
        raise ValueError('the values count as encrypted; write "IsEncrypted": false')
    return _File(
        values={
            **{name: _text(name, value) for name, value in values.items()},
            **{f"ConnectionStrings:{name}": _connection_string(name, value) for name, value in strings.items()},
        },
        port=int(host.get("LocalHttpPort", DEFAULT_PORT)),
        address=str(host.get("LocalHttpAddress", "127.0.0.1")),
    )


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"the value of '{name}' is not a text")


def _connection_string(name: str, value: Any) -> str:
    # Either "text" or {"ConnectionString": "text", "ProviderName": "..."}.
    return _text(name, value["ConnectionString"] if isinstance(value, dict) else value)  # pyright: ignore[reportUnknownArgumentType] - JSON


def _key(name: str) -> str:
    return name.replace("__", ":").casefold()


def _stable_hash(text: str) -> int:
    result = 23
    for each in text:
        result = (result * 31 + ord(each)) & 0xFFFFFFFF
    return result - (1 << 32) if result & 0x80000000 else result
