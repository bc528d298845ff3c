"""What all commands have in common: where to look, how to print, and what an error becomes."""

import asyncio
import dataclasses
import functools
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate

import typer

from shared.clients import App
from shared.model.errors import (
    HTTP_STATUS,
    DatasetsInvalidError,
    DeferredError,
    SluiceError,
    SourceRefusedError,
    StorageFailedError,
)
from shared.redaction import redacted
from shared.telemetry import configure_logging
from sluice.output import Exit, Output
from sluice.session import Place, UsageError, open_session

_FOLDER = Annotated[
    Path | None,
    typer.Option("--app", help="The app's folder: host.json, datasets.toml, local.settings.json.", file_okay=False),
]
_ACCOUNT = Annotated[
    str | None, typer.Option("--account", envvar="SLUICE_ACCOUNT", help="A storage account in Azure, by az login.")
]
_JSON = Annotated[bool, typer.Option("--json", help="JSON on stdout, one line a row.")]
_DEBUG = Annotated[bool, typer.Option("--debug", help="Logs, and a traceback where something fails.")]
_COMMON = {"folder": (_FOLDER, None), "account": (_ACCOUNT, None), "json": (_JSON, False), "debug": (_DEBUG, False)}

_CALLERS_FAULT = 400, 404


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who runs a command: what it can reach, and where it prints."""

    app: App
    output: Output

    def confirms(self, question: str, *, yes: bool) -> bool:
        """Ask on the terminal unless ``yes`` was given. Raises UsageError where there is nobody to ask."""
        if yes:
            return True
        if not sys.stdin.isatty():
            raise UsageError(f"{question} Nobody can be asked here: add --yes")
        return typer.confirm(question, err=True)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who runs a command that looks before anything is opened: what it would open may be what is wrong."""

    place: Place
    output: Output


#: What a command does; None is Exit.GOOD.
type Act[**P] = Callable[Concatenate[Operator, P], Awaitable[Exit | None]]
type Visit[**P] = Callable[Concatenate[Visitor, P], Awaitable[Exit | None]]


def command[**P](
    group: typer.Typer, name: str, *, example: str, asks_hosts: bool = False
) -> Callable[[Act[P]], Act[P]]:
    """Register an async function as a command of ``group``; its docstring is the help, followed by the example.

    It gets an Operator first, then what its own signature asks for; every command has --json, --debug, --app and
    --account besides. ``asks_hosts``: it asks catalogs or sources, and keeps to their limits.
    """

    def registered(act: Act[P]) -> Act[P]:
        async def opened(on: Visitor, **given: Any) -> Exit | None:
            async with open_session(on.place, asks_hosts=asks_hosts) as app:
                return await functools.partial(act, **given)(Operator(app=app, output=on.output))

        _register(group, name, act=act, visit=opened, example=example)
        return act

    return registered


def command_before_opening[**P](group: typer.Typer, name: str, *, example: str) -> Callable[[Visit[P]], Visit[P]]:
    """The same for a function that gets a Visitor, and opens by itself what it wants."""

    def registered(act: Visit[P]) -> Visit[P]:
        _register(group, name, act=act, visit=act, example=example)
        return act

    return registered


def _register(
    group: typer.Typer, name: str, *, act: Callable[..., Any], visit: Callable[..., Any], example: str
) -> None:
    """``act`` has the signature and the docstring, ``visit`` is what runs."""

    def called(**given: Any) -> None:
        common = {each: given.pop(each) for each in _COMMON}
        raise typer.Exit(_run(functools.partial(visit, **given), **common))

    called.__signature__ = _signature(act)  # pyright: ignore[reportFunctionMemberAccess]
    doc = f"{inspect.getdoc(act)}\n\nExample: {example}"
    group.command(name, help=doc)(called)


def _signature(act: Callable[..., Any]) -> inspect.Signature:
    """That of a command without its first parameter, and with what all have."""
    _, *own = inspect.signature(act, eval_str=True).parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    own = [each.replace(kind=kind) for each in own]
    common = [inspect.Parameter(name, kind, default=value, annotation=of) for name, (of, value) in _COMMON.items()]
    return inspect.Signature([*own, *common])


def _run(
    visit: Callable[[Visitor], Awaitable[Exit | None]],
    *,
    folder: Path | None,
    account: str | None,
    json: bool,
    debug: bool,
) -> Exit:
    """Run a command to its end; whatever goes wrong becomes one line and a code."""
    _log(debug=debug)
    output = Output.opened(is_json=json)

    async def acted() -> Exit:
        place = Place.found(folder=folder, account=account)
        return await visit(Visitor(place=place, output=output)) or Exit.GOOD

    try:
        return asyncio.run(acted())
    except KeyboardInterrupt:
        output.note("sluice: stopped")
        return Exit.STOPPED
    except BrokenPipeError:
        # Whoever reads our output has enough of it (`| head`).
        sys.stdout = None
        return Exit.GOOD
    except Exception as error:
        if debug:
            logging.getLogger(__name__).exception("failed")
        code = exit_of(error)
        told = f"defect in sluice: {type(error).__name__}: {error} (--debug shows where)"
        output.note(f"sluice: {redacted(told if code is Exit.DEFECT else str(error))}")
        return code


def exit_of(error: Exception) -> Exit:
    """The code that an error ends a command with."""
    match error:
        case UsageError() | DatasetsInvalidError():
            return Exit.USAGE
        case StorageFailedError() | DeferredError() | SourceRefusedError():
            return Exit.UNREACHABLE
        case SluiceError():
            return Exit.USAGE if HTTP_STATUS.get(type(error)) in _CALLERS_FAULT else Exit.PROBLEMS
        case _:
            return Exit.DEFECT


def _log(*, debug: bool) -> None:
    logging.basicConfig(
        force=True,
        stream=sys.stderr,
        level=logging.DEBUG if debug else logging.ERROR,
        format="%(levelname)s %(message)s",
    )
    configure_logging(redact=redacted)
