"""Runs in the environment with Azure CLI: tells of each command why its parser refuses it, or nothing.

Standard input is a JSON array of commands, each an array of arguments; standard output one of texts. Nothing is run.
"""

import contextlib
import importlib
import io
import itertools
import json
import sys
from typing import Any


def main() -> None:
    """Answer for every command."""
    core: Any = importlib.import_module("azure.cli.core")
    cli = core.get_default_cli()
    json.dump([fault_of(cli, arguments) for arguments in json.load(sys.stdin)], sys.stdout)


def fault_of(cli: Any, arguments: list[str]) -> str:
    """Why a command is refused; empty where it isn't."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            _parse(cli, arguments)
        except SystemExit as refusal:
            return _reason(errors.getvalue()) or f"exit code {refusal.code}"
        except Exception as error:  # noqa: BLE001 - the CLI's errors are of many kinds; each is a refusal
            return f"{type(error).__name__}: {error}"
    return ""


def _parse(cli: Any, arguments: list[str]) -> None:
    invocation = cli.invocation_cls(
        cli_ctx=cli, parser_cls=cli.parser_cls, commands_loader_cls=cli.commands_loader_cls, help_cls=cli.help_cls
    )
    cli.invocation = invocation
    loader = invocation.commands_loader
    loader.load_command_table(arguments)
    words = list(itertools.takewhile(lambda each: not each.startswith("-"), arguments))
    names = (" ".join(words[:length]) for length in range(len(words), 0, -1))
    command = next((name for name in names if name in loader.command_table), "")
    if not command:
        raise LookupError(f"there is no command {' '.join(words[:4])}")
    invocation.data["command_string"] = command
    loader.load_arguments(command)
    loader.command_table = {command: loader.command_table[command]}
    invocation.parser.cli_ctx = cli
    invocation.parser.load_command_table(loader)
    # `-h` would end the parsing before anything was looked at.
    invocation.parser.parse_args([each for each in arguments if each not in ("-h", "--help")])


def _reason(text: str) -> str:
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    words = ("required", "unrecognized", "invalid", "expected", "rror")
    return next((each for each in lines if any(word in each for word in words)), " ".join(lines[:1]))


if __name__ == "__main__":
    main()
