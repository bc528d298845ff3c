"""Opens the app's storage for an operator: on Azurite or on Azure, with the settings that the app itself has."""

import contextlib
import dataclasses
import getpass
import os
import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.clients import App, Opening, open_app

_PROJECT = Path(__file__).resolve().parent.parent
_SETTINGS = "local.settings.json"
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name
_ACCOUNT_NAME = re.compile("[a-z0-9]{3,24}")
_SERVICES = ("blob", "queue", "table")


class UsageError(Exception):
    """What was asked for can't be done as it was asked: names the argument or the file, and the way out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an operator looks."""

    #: The app's folder: host.json, datasets.toml and local.settings.json.
    folder: Path
    #: An account in Azure, in place of the settings' own.
    account: str | None = None

    @classmethod
    def found(cls, *, folder: Path | None, account: str | None) -> "Place":
        """The folder that was named, else this one where it has a host.json, else the one that this code stands in."""
        here = Path.cwd()
        return cls(folder=folder or (here if (here / "host.json").is_file() else _PROJECT), account=account)


@contextlib.asynccontextmanager
async def open_session(place: Place, *, asks_hosts: bool = False) -> AsyncGenerator[App]:
    """Open the app until the block ends, for an operator: it makes nothing that is missing.

    ``asks_hosts``: catalogs and sources are asked, so the datasets' limits of hosts are kept to. Raises UsageError,
    and what ``open_app`` raises.
    """
    adopt_settings(place)
    try:
        async with open_app(place.folder, opening=Opening.OPERATOR_ASKING if asks_hosts else Opening.OPERATOR) as app:
            yield app
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename}: no such file; --app names the app's folder") from error
    except ValidationError as error:
        if error.title not in {"Settings", "HostQueues"}:
            raise
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"settings{f' {field}' if field else ''}: {first['msg']} (or name an account: --account)"
        ) from error


def user() -> str:
    """Who is at the terminal, for people."""
    try:
        return getpass.getuser()
    except OSError:
        # A container may have no name for its user.
        return "sluice"


class _LocalSettings(BaseModel):
    """``local.settings.json``, as Core Tools reads it."""

    model_config = ConfigDict(extra="ignore")

    values: Annotated[dict[str, str], Field(alias="Values")] = {}


def adopt_settings(place: Place) -> None:
    """Put the file's values into the environment, as the host does; what stands there already wins."""
    for name, value in _read(place.folder / _SETTINGS).items():
        os.environ.setdefault(name, value)
    if place.account is None:
        return
    of_account = _of_account(place.account)
    for name in [each for each in os.environ if each.startswith("SluiceStorage")]:
        del os.environ[name]
    os.environ.update(of_account)


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return _LocalSettings.model_validate_json(path.read_bytes()).values
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise UsageError(f"{path}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from error


def _of_account(name: str) -> Mapping[str, str]:
    """The settings that name an account in Azure, reached with the identity of `az login`."""
    if not _ACCOUNT_NAME.fullmatch(name):
        raise UsageError(f"--account {name!r}: a storage account's name has 3 to 24 lower-case letters and digits")
    return {f"SluiceStorage__{each}ServiceUri": f"https://{name}.{each}.core.windows.net" for each in _SERVICES}
