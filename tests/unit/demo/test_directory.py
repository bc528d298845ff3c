import subprocess
import sys
from pathlib import Path

import pytest

from demo.directory import DirectoryInUseError, clear


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_new(tmp_path: Path) -> None:
    """A directory that isn't there is made."""
    clear(tmp_path / "a/b")

    assert [each.name for each in (tmp_path / "a/b").iterdir()] == [".sluice-demo"]


def test_ended_demo(tmp_path: Path) -> None:
    """What an ended demo left is removed."""
    (tmp_path / ".sluice-demo").write_text(str(ended_process()))
    (tmp_path / "host.log").write_text("")

    clear(tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == [".sluice-demo"]


def test_foreign_files(tmp_path: Path) -> None:
    """A directory with anybody else's files is left alone."""
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(DirectoryInUseError):
        clear(tmp_path)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_running_demo(tmp_path: Path) -> None:
    """A directory in which a demo still runs is left alone."""
    clear(tmp_path)
    (tmp_path / "host.log").write_text("")

    with pytest.raises(DirectoryInUseError):
        clear(tmp_path)

    assert (tmp_path / "host.log").exists()
