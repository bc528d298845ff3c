"""Finds every `az ...` line in the documents, and asks Azure CLI's own parser whether it is one."""

import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.infra.findings import Finding

#: Azure CLI is 700 MB, so it has an environment of its own: tools/infra/azure-cli.txt.
PYTHON = Path(".venv-azure/bin/python")
_SECONDS = 300
_GOES_ON = "\0"
_BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def is_installed(root: Path) -> bool:
    """Whether the environment with Azure CLI is there."""
    return (root / PYTHON).is_file()


def check_az_lines(root: Path, documents: Sequence[Path]) -> tuple[int, list[Finding]]:
    """How many lines there are, and those that Azure CLI doesn't take; documents are named from the root."""
    lines = [
        (path, number, arguments)
        for path in documents
        for number, arguments in az_lines((root / path).read_text(encoding="utf-8"))
    ]
    # In an environment of its own: Azure CLI must not be importable here, nor this project there.
    done = subprocess.run(  # noqa: S603 - a program of ours
        [root / PYTHON, "-W", "ignore", Path(__file__).with_name("az_parser.py")],
        input=json.dumps([arguments for _, _, arguments in lines]),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    )
    faults: list[str] = json.loads(done.stdout)
    return len(lines), [
        Finding(path=path, line=number, rule="az lines: refused", message=f"az {' '.join(arguments)}: {fault}")
        for (path, number, arguments), fault in zip(lines, faults, strict=True)
        if fault
    ]


def az_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each command in a document's blocks of shell: its line and its arguments; a backslash at the end goes on."""
    for block in _BLOCK.finditer(text):
        number = text.count("\n", 0, block.start(1)) + 1
        for line in block[1].replace("\\\n", _GOES_ON).split("\n"):
            for command in _commands(line.replace(_GOES_ON, " ")):
                yield number, command
            number += 1 + line.count(_GOES_ON)


def _commands(line: str) -> Iterator[list[str]]:
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    for is_operator, part in itertools.groupby(words, key=lambda word: set(word) <= set("();<>|&$")):
        command = [] if is_operator else list(part)
        if command[:1] == ["az"]:
            yield command[1:]
