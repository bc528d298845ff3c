import pytest

from benchmarks.__main__ import main


def test_without_rclone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear sentence says what is missing."""
    monkeypatch.setenv("PATH", "")

    code = main(["--quick"])

    assert code == 1
    assert capsys.readouterr().out == (
        "bench: rclone isn't installed, and Sluice is compared with it: install Debian's package rclone\n"
    )
