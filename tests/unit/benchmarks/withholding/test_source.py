import io
import json

import pytest

from benchmarks.withholding.plan import FILE_BYTES, KEYS, Fault, Plan, Stream, decode_streams, encode_streams
from benchmarks.withholding.source import Source

PLAIN = Stream(seed=1, seconds=0)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_a_file() -> None:
    """It has as many bytes as its head and the manifest say."""
    source = Source({"plain": PLAIN}, log=io.StringIO())

    head, _, body = (await source.answer("GET", "/plain/item-1/red.bin")).partition(b"\r\n\r\n")

    assert (len(body), b"Content-Length: 256" in head) == (FILE_BYTES, True)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (Stream(seed=1, seconds=0, missing=1), [404, 404]),
        (Stream(seed=1, seconds=0, refused=1), [503, 200]),
    ],
)
async def test_faults(stream: Stream, expected: list[int]) -> None:
    """A missing file stays missing; one that is refused is there the next time."""
    source = Source({"bad": stream}, log=io.StringIO())

    answers = [await source.answer("GET", "/bad/item-1/red.bin") for _ in range(2)]

    assert [status(each) for each in answers] == expected


async def test_a_body_that_ends_early() -> None:
    """Its head promises all of it; the next time it is whole."""
    source = Source({"bad": Stream(seed=1, seconds=0, cut=1)}, log=io.StringIO())

    bodies = [(await source.answer("GET", "/bad/item-1/red.bin")).partition(b"\r\n\r\n")[2] for _ in range(2)]

    assert [len(each) for each in bodies] == [FILE_BYTES // 2, FILE_BYTES]


async def test_an_outage() -> None:
    """For so long a stream with faults answers 503, and one without is there."""
    now = [100.0]
    source = Source(
        {"bad": Stream(seed=1, seconds=0, cut=1e-9), "plain": PLAIN}, log=io.StringIO(), clock=lambda: now[0]
    )
    await source.answer("POST", "/outage/10")

    before = [status(await source.answer("GET", f"/{each}/item-1/red.bin")) for each in ("bad", "plain")]
    now[0] += 10
    after = status(await source.answer("GET", "/bad/item-1/red.bin"))

    assert (before, after) == ([503, 200], 200)


async def test_what_was_served_is_logged() -> None:
    """A line for each file: when it was asked for, when it was there, and what was wrong."""
    log = io.StringIO()
    source = Source({"bad": Stream(seed=1, seconds=0, missing=1)}, log=log, clock=lambda: 100.0)

    await source.answer("GET", "/bad/item-1/red.bin")

    assert json.loads(log.getvalue()) == {
        "began": 100.0,
        "ended": 100.0,
        "target": "/bad/item-1/red.bin",
        "fault": "missing",
    }


def test_times_are_drawn_from_the_seed() -> None:
    """Items take the mean on average, their other files less; the same each time, and other times with another seed."""
    stream = Stream(seed=1, seconds=2.0)
    items = [f"item-{number}" for number in range(2000)]

    times = [stream.seconds_of(each, KEYS[0]) for each in items]

    assert sum(times) / len(times) == pytest.approx(2.0, rel=0.1)
    assert all(stream.seconds_of(each, KEYS[1]) < time for each, time in zip(items, times, strict=True))
    assert times == [Stream(seed=1, seconds=2.0).seconds_of(each, KEYS[0]) for each in items]
    assert times[0] != Stream(seed=2, seconds=2.0).seconds_of(items[0], KEYS[0])


def test_faults_are_as_many_as_planned() -> None:
    """One asset in a hundred is missing and one refused; bodies are cut for whole items."""
    plan = Plan()
    faults = {item: [plan.stream.fault_of(item, key) for key in KEYS] for item in plan.item_names}

    counts = {each: sum(found.count(each) for found in faults.values()) / plan.assets for each in Fault}
    cut = sum(Fault.CUT in found for found in faults.values()) / plan.items

    assert counts == pytest.approx({Fault.MISSING: 0.01, Fault.REFUSED: 0.01, Fault.CUT: 0.09}, rel=0.15)
    assert cut == pytest.approx(0.09, rel=0.15)
    assert plan.missing == round(counts[Fault.MISSING] * plan.assets)


def test_streams_travel_on_a_command_line() -> None:
    """What is decoded is what was encoded."""
    streams = {"plain": PLAIN, "bad": Plan().stream}

    assert decode_streams(encode_streams(streams)) == streams
