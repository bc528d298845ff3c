"""Every target with a few hundred cases; ``python -m tests.fuzz --cases 100000`` has more."""

import json

import pytest

from shared.model.assets import row_key
from tests.fuzz.running import run_case, run_target
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.unit.model.builders import NOON, asset, copy_request

_CASES = 300
#: Tests run beside others, which takes time from each: the limit itself is judged by ``python -m tests.fuzz``.
_MOST_SECONDS = 1.0
_ITEM = {"sluice_dataset": "demo", "sluice_row": row_key("s2/T32", ""), "sluice_version": "1" * 64}
_COPY = copy_request(asset(updated=NOON)).model_dump_json(include={"dataset", "cause", "asked_at", "assets"}).encode()
_ACCOUNT = {"SluiceStorage": "UseDevelopmentStorage=true"}
#: Cases that found something once, by target; how cases are made may have changed since.
_ONCE_WRONG = {
    "edition": ("standing-item", json.dumps({**_ITEM, "sluice_asked_at": "yesterday"}).encode()),
    "edition without a zone": (
        "standing-item",
        json.dumps({**_ITEM, "sluice_asked_at": "2024-06-01T12:00:00"}).encode(),
    ),
    "endless": ("settings", json.dumps({"Values": {**_ACCOUNT, "DISCOVER_STALL_MINUTES": "inf"}}).encode()),
    "too long": ("settings", json.dumps({"Values": {**_ACCOUNT, "COPY_DEADLINE_SECONDS": "1e300"}}).encode()),
    "deep": ("settings", b"[" * 30_000),
    "deep tables": ("datasets", b"a = " + b"[" * 30_000),
    "out of the calendar": (
        "copy",
        _COPY.replace(b'"updated":"2024-06-01T12:00:00Z"', b'"updated":"9999-12-31T23:00:00-14:00"'),
    ),
    "long name": ("names", b"\\" * 30_000),
    "name of a signature": ("redaction", b"x-amz-" * 5000),
    "junk": ("events", b"\n\n" + b'{"assets":[' + b"1," * 500_000 + b"1]}"),
}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_target(target: Target) -> None:
    """Nothing comes out but the errors that the target names, within 64 MiB a case, and nothing takes for ever."""
    cases = max(1, round(_CASES * target.share))

    found = run_target(target, numbers=range(cases), seed=0, most_seconds=_MOST_SECONDS)

    assert [each.told() for each in found.violations] == []
    assert (found.cases, found.violated) == (cases, 0)


@pytest.mark.parametrize(("name", "case"), _ONCE_WRONG.values(), ids=_ONCE_WRONG)
def test_what_was_wrong_once(name: str, case: bytes) -> None:
    """What was mended stays so."""
    (target,) = (each for each in TARGETS if each.name == name)

    assert [each.said for each in run_case(target, case, most_seconds=_MOST_SECONDS).violations] == []


def test_cases_are_what_they_were() -> None:
    """The same seed and number make the same case, so that a case can be named; another seed makes others."""
    again = [(target.case(3, 5), target.case(4, 5)) for target in TARGETS]

    assert [(target.case(3, 5), target.case(4, 5)) for target in TARGETS] == again
    assert sum(one == other for one, other in again) < len(TARGETS) / 4
