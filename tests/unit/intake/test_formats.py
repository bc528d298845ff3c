"""How formats are told apart, and what is no event."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.intake.event import IGNORED
from shared.model.errors import MalformedEventError
from tests.unit.intake.payloads import cloud_event, collection, event_grid, notification, stac_item
from tests.unit.intake.watching import content, hrefs, read, reasons, taking, taking_sns

_LIST = {"assets": [{"url": "https://data.example.org/a.tif"}]}
_BODIES = {
    "event_grid": [event_grid()],
    "cloud_events": cloud_event(),
    "sns": notification("x"),
    "stac": stac_item(),
    "list": _LIST,
}


@pytest.mark.parametrize("name", ["event_grid", "cloud_events", "stac", "list"])
def test_a_format_that_is_taken(name: str) -> None:
    """A dataset that takes it alone reads it."""
    assert len(content(_BODIES[name], of=taking(events={"accepts": [name]})).items) == 1


@pytest.mark.parametrize("name", ["event_grid", "cloud_events", "sns", "stac", "list"])
def test_a_format_that_isnt_taken(name: str) -> None:
    """The error names what was found, what is taken, and where to add it."""
    others = [each for each in ("event_grid", "cloud_events", "stac", "list") if each != name][:2]
    of = taking(events={"accepts": others})

    text = f"the body is {name}, and the dataset takes {', '.join(others)}; to take it, add it to events.accepts"
    with pytest.raises(MalformedEventError, match=text):
        read(_BODIES[name], of=of)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, "an object with no members"),
        ({"b": 1, "a": 2}, "an object with a, b"),
        ({"type": "Feature", "geometry": None}, "an object with geometry, type"),
        ({"assets": {"a": {}}}, "an object with assets"),
        ([], "a list of 0"),
        ([stac_item()], "a list of 1"),
        ([None, event_grid()], "a list of 2"),
        ("text", "str"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_event(body: Any, found: str) -> None:
    """The error says what was found, and what could be there."""
    with pytest.raises(MalformedEventError, match=f"found {found}; taken are Event Grid's events .*, CloudEvents"):
        read(body, of=taking())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"[" * 100, b'{"a":' * 100, b"[" * 100_000])
def test_what_is_no_json(body: bytes) -> None:
    """Whatever stands there, it is the sender's error."""
    with pytest.raises(MalformedEventError, match="the body is no JSON"):
        read(body, of=taking())


def test_a_body_has_the_name_of_its_bytes() -> None:
    """What has no name of its own is the same event if it is the same body."""
    body = json.dumps(_LIST).encode()

    (event,) = read(body, of=taking())

    assert (event.source, event.identifier, event.at) == ("body", hashlib.sha256(body).hexdigest(), None)


def test_attributes_in_headers() -> None:
    """In binary mode the body is the data; attributes are percent-encoded."""
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "org.example.scene",
        "ce-source": "/a%20b",
        "ce-id": "1",
        "ce-time": "2024-06-01T10:00:00Z",
        "content-type": "application/json",
    }

    (event,) = read(stac_item(), of=taking(), headers=headers)

    assert (event.source, event.identifier, [each.item for each in event.content.items]) == ("/a b", "1", ["s2/001"])


@pytest.mark.parametrize(
    "values", [{"id": ""}, {"id": None}, {"source": ""}, {"type": ""}, {"specversion": "0.3"}, {"subject": 1}]
)
def test_a_cloud_event_that_is_none(values: dict[str, Any]) -> None:
    """Alone it is the sender's error, and in a batch it is refused and stops no other."""
    with pytest.raises(MalformedEventError, match=f"no CloudEvent: {next(iter(values))}"):
        read(cloud_event(**values), of=taking())

    batch = read([cloud_event(), cloud_event(**values)], of=taking())
    assert [(len(each.content.items), len(each.content.refusals)) for each in batch] == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("data", "count"),
    [(stac_item(), 1), (collection(stac_item("1"), stac_item("2")), 2), (_LIST, 1), ({"hello": "world"}, 0), (None, 0)],
)
@pytest.mark.parametrize("base", [True, False])
def test_what_a_cloud_event_carries(data: Any, count: int, *, base: bool) -> None:
    """Items of STAC and lists are taken, also in Base64; anything else is ignored."""
    encoded = {"data_base64": base64.b64encode(json.dumps(data).encode()).decode()}
    event = cloud_event(type="org.example.scene", **encoded if base else {"data": data})
    if base:
        del event["data"]

    found = content(event, of=taking())

    assert (len(found.items), found.ignored) == (count, 0 if count else 1)


@pytest.mark.parametrize("text", ["no Base64!", "aGVsbG8=", "W10=" * 10])
def test_what_is_no_base64(text: str) -> None:
    """It is nothing that a dataset wants."""
    assert content(cloud_event(type="org.example.scene", data_base64=text), of=taking()) == IGNORED


def test_what_event_grid_carries() -> None:
    """A topic of one's own carries items of STAC."""
    found = content([event_grid(stac_item(), eventType="scene")], of=taking())

    assert hrefs(found) == ["https://data.example.org/001/data.tif"]


def test_collections_that_the_catalog_hasnt() -> None:
    """A topic may carry items of other collections than the dataset's."""
    catalog = {"kind": "stac", "url": "https://stac.example.org", "collections": ["s1"]}

    assert content(stac_item(), of=taking(catalog=catalog)) == IGNORED


def test_items_that_cant_be_read() -> None:
    """Each is refused by its name or place, and stops no other."""
    broken: dict[str, Any] = {"type": "Feature", "properties": {}, "assets": {}}

    found = content(collection(stac_item("1"), broken, stac_item("x/y", collection=None)), of=taking())

    assert [each.id for each in found.items] == ["1"]
    assert [each.item for each in found.refusals] == ["item 2 of the event", "x/y"]


def test_a_list() -> None:
    """Each file has what a line of a manifest can have; files of one item belong together."""
    files = [
        {"url": "https://data.example.org/a.tif?sig=secret", "size": 3, "item": "one", "md5": "00" * 16},
        {"href": "s3://scenes/b.tif", "media_type": "image/tiff", "destination": "b/c.tif"},
        {"url": "https://data.example.org/c.tif", "item": "one"},
        {"url": "data.example.org/d.tif"},
        7,
    ]

    found = content({"assets": files}, of=taking())

    assert [(item.item, [each.key for each in item.assets]) for item in found.items] == [
        ("one", ["https://data.example.org/a.tif", "https://data.example.org/c.tif"]),
        ("s3://scenes/b.tif", ["s3://scenes/b.tif"]),
    ]
    assert (found.items[0].assets[0].checksum, found.items[1].assets[0].destination) == (f"md5:{'00' * 16}", "b/c.tif")
    assert [each.item for each in found.refusals] == ["asset 4 of the event", "asset 5 of the event"]
    assert reasons(found)[0][1].startswith("url: Value error, it has to be an absolute address with https://")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS = st.sampled_from(
    ["type", "specversion", "id", "source", "data", "assets", "features", "eventType", "Records", "subject", "url"]
)


@given(
    st.dictionaries(_MEMBERS, _JSON | st.sampled_from(["1.0", "Feature", "FeatureCollection"]), max_size=6),
    st.sampled_from(["alone", "list", "data", "record", "event", "message"]),
)
def test_any_body(document: dict[str, Any], place: str) -> None:
    """Whatever is sent, it is read, refused, ignored, or the sender's error."""
    bodies: dict[str, Any] = {
        "alone": document,
        "list": [document],
        "data": cloud_event(type="x", data=document),
        "record": notification({"Records": [document]}),
        "event": [event_grid(document)],
        "message": notification(document),
    }
    of = taking_sns() if place in {"record", "message"} else taking()

    try:
        found = read(bodies[place], of=of)
    except MalformedEventError:
        return

    assert all(each.content for each in found)
