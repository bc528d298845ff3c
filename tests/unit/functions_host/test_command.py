import os
from pathlib import Path

import pytest

from functions_host.__main__ import parser


def test_lease_is_ten_minutes_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short lease is for tests: only the argument sets it, never a variable of the environment."""
    for name in ("LEASE_FOR_TESTS", "FUNCTIONS_HOST_LEASE_FOR_TESTS", "AzureFunctionsJobHost__lease_for_tests"):
        monkeypatch.setitem(os.environ, name, "5")

    assert parser().parse_args(["start"]).lease_for_tests is None
    assert parser().parse_args(["start", "--lease-for-tests", "5"]).lease_for_tests == 5


@pytest.mark.parametrize("seconds", ["0", "601", "-1", "nan", "soon"])
def test_odd_leases_are_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A lease for tests takes a second to ten minutes."""
    with pytest.raises(SystemExit):
        parser().parse_args(["start", f"--lease-for-tests={seconds}"])

    assert "--lease-for-tests" in capsys.readouterr().err


def test_arguments() -> None:
    """Directory, port and log are given by arguments; each has a default elsewhere."""
    given = parser().parse_args(["start", "--root", "app", "--port", "7072", "--log-json", "log.json"])
    bare = parser().parse_args(["start"])

    assert (given.root, given.port, given.log_json) == (Path("app"), 7072, Path("log.json"))
    assert (bare.root, bare.port, bare.log_json) == (None, None, None)
