"""The lines of docs/operations.md, run as they stand by a shell that has the real az CLI."""

import dataclasses
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: What isn't storage: a login, the account's name, and the app's own address.
_ELSEWHERE = ("az login", "export ", "curl ")
_TIMEOUT_SECONDS = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, which may go on below, and what it printed."""

    text: str
    out: str

    @property
    def rows(self) -> list[list[str]]:
        """Its rows with their columns."""
        return [each.split("\t") for each in self.out.splitlines()]


def lines_of(document: str) -> Iterator[str]:
    """Every line of the document's blocks that is about storage, in order, as somebody would paste it."""
    for block in _BLOCK.findall(document):
        for line in block.replace("\\\n", "\0").splitlines():
            if not line.startswith(_ELSEWHERE):
                yield line.replace("\0", "\\\n")


class Shell:
    """Runs lines in one folder, on one account; names in capitals stand for what a test says."""

    def __init__(self, folder: Path, *, connection_string: str, values: Mapping[str, str], az: Path) -> None:
        self._folder = folder
        self._values = values
        self._environment = {
            "PATH": f"{az}:{os.environ['PATH']}",
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
            "AZURE_STORAGE_CONNECTION_STRING": connection_string,
        }

    def run(self, line: str) -> Line:
        """Run a line, which has to succeed and to say nothing on stderr."""
        for name, value in self._values.items():
            line = re.sub(rf"\b{name}\b", value, line)
        done = subprocess.run(
            ["sh", "-ec", line],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        return Line(text=line, out=done.stdout)
