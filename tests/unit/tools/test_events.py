from pathlib import Path

import pytest

from tools.events.__main__ import main, page
from tools.events.calls import Event, UnknownFieldsError, events_of
from tools.events.registry import MeaningsDifferError, described

_MODULE = "shared/made.py"
_BEGINNING = """
import logging
from shared.other import ids
logger = logging.getLogger(__name__)

def _local(x):
    return {"local": x}

"""


def _event(root: Path, body: str, *, level: str = "info", message: str = "said") -> Event:
    """What a function of this body logs as ``extra``."""
    (root / "shared").mkdir(exist_ok=True)
    (root / "shared" / "other.py").write_text(
        'def ids(of):\n    """Ids."""\n    return of.model_dump(include={"other"})\n'
    )
    lines = [*body.splitlines(), f'logger.{level}("{message}", extra=extra)']
    (root / _MODULE).write_text(_BEGINNING + "def work(x):\n" + "".join(f"    {each}\n" for each in lines))
    (found,) = events_of(_MODULE, poured={"x.model_dump()": "shared.model.rows:Activity -assets"}, root=root)
    return found


def test_up_to_date() -> None:
    """The page in the project is the one that its code has."""
    assert main(["--check"]) == 0


def test_check_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that is missing or old fails the check, which says what to run; writing it makes the check pass."""
    file = tmp_path / "events.md"
    assert main(["--check"], file=file) == 1
    assert not file.exists()
    assert "python -m tools.events" in capsys.readouterr().err

    file.write_text("# Events\n")
    assert main(["--check"], file=file) == 1

    assert main([], file=file) == 0
    assert main(["--check"], file=file) == 0


def test_every_event() -> None:
    """Every event stands on the page once, with its meaning."""
    rows = [each for each in page().splitlines() if each.startswith("| `")]

    assert sorted(each.split("`")[1] for each in rows) == sorted(described())
    assert [name for name, each in described().items() if not any(each.meaning in row for row in rows)] == []


@pytest.mark.parametrize(
    ("extra", "fields"),
    [
        ('extra = {"action": "a", "b": 1}', ("b",)),
        ('more = {"c": 1}\nextra = {"action": "a", **more}', ("c",)),
        ('extra = {"action": "z"}\nextra = {"action": "a", "b": 1}', ("b",)),
        ('extra = {"action": "a", **_local(x), **ids(x)}', ("local", "other")),
        ('extra = {"action": "a", **x.model_dump(include={"b"}), **x.model_dump()}', ("b", "bytes")),
        ('base = {"action": "a"}\nextra = {**base, "b": 1}', ("b",)),
    ],
    ids=["literal", "variable", "last", "functions", "models", "action in a variable"],
)
def test_fields_are_read_off_the_code(tmp_path: Path, extra: str, fields: tuple[str, ...]) -> None:
    """Wherever they are written, or of the class that is stated for what is poured out."""
    expected = Event(action="a", level="INFO", message="said", fields=fields, module=_MODULE)

    assert _event(tmp_path, extra) == expected


def test_an_exception_is_an_error(tmp_path: Path) -> None:
    """Its traceback comes with it."""
    assert _event(tmp_path, 'extra = {"action": "a"}', level="exception").level == "ERROR"


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ('extra = {"b": 1}', "made.py:11: an event without an action"),
        ('extra = {"action": x}', "made.py:11: the action has to be written out, not made: x"),
        ('extra = {"action": "a", x: 1}', "a field's name has to be written out, not made: x"),
        ('extra = {"action": "a", **x}', "which fields x has can't be told; state its class in"),
        ('extra = {"action": "a", **unknown(x)}', r"which fields unknown\(x\) has can't be told"),
    ],
)
def test_what_cant_be_read_is_said(tmp_path: Path, extra: str, told: str) -> None:
    """With its place, rather than left out."""
    with pytest.raises(UnknownFieldsError, match=told):
        _event(tmp_path, extra)


def test_a_line_without_fields_is_no_event(tmp_path: Path) -> None:
    """Nothing could count on it."""
    (tmp_path / "shared").mkdir()
    (tmp_path / _MODULE).write_text(_BEGINNING + 'def work():\n    logger.info("said")\n')

    with pytest.raises(UnknownFieldsError, match="an event without fields; give it an action"):
        list(events_of(_MODULE, poured={}, root=tmp_path))


@pytest.mark.parametrize("meant", ["", "a = 'A.'\nb = 'B.'"])
def test_meanings_and_events_agree(tmp_path: Path, meant: str) -> None:
    """Neither has one that the other hasn't."""
    _event(tmp_path, 'extra = {"action": "a"}')
    meanings = tmp_path / "meanings.toml"
    meanings.write_text(f"[poured]\n[meanings]\n{meant}\n")

    with pytest.raises(MeaningsDifferError, match=f"differ: {'b' if meant else 'a'}"):
        described(tmp_path, meanings)


@pytest.mark.parametrize("again", ["warning", "info"])
def test_one_action_is_one_event(tmp_path: Path, again: str) -> None:
    """Two calls may give it other fields, but neither another level nor other words."""
    _event(tmp_path, 'extra = {"action": "a", "b": 1}')
    (tmp_path / "shared" / "more.py").write_text(
        _BEGINNING + f'def work():\n    logger.{again}("said", extra={{"action": "a", "c": 1}})\n'
    )
    meanings = tmp_path / "meanings.toml"
    meanings.write_text('[poured]\n[meanings]\na = "A."\n')

    if again == "info":
        assert described(tmp_path, meanings)["a"].fields == ("b", "c")
    else:
        with pytest.raises(MeaningsDifferError, match="logged in two ways"):
            described(tmp_path, meanings)
