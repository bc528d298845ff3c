import re
import string
from collections.abc import Callable
from itertools import pairwise
from unicodedata import normalize
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.model.errors import BadNameError
from shared.model.names import (
    FIELDS,
    blob_name,
    check_collection_template,
    check_item_template,
    check_name,
    check_template,
    encoded,
    encoded_path,
    path_of,
)

_COMPONENTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_TRICKY = st.text("./\\%aA2EeF é\u0301\x00~", min_size=1, max_size=8)
_PREFIXES = st.sampled_from(["", "", "", "x-", ".", "%41"])
_SUFFIXES = st.sampled_from(["", "", "", "-x", ".tif"])
_DEFAULT = "{dataset}/{collection}/{id}/{key}/{file}"


@settings(deadline=None)
@given(component=_COMPONENTS | _TRICKY)
def test_round_trip(component: str) -> None:
    """An encoded component is the component again when its percent signs are resolved."""
    assume(component not in {".", ".."})

    assert unquote(encoded(component), errors="strict") == component


@settings(deadline=None)
@given(component=_COMPONENTS | _TRICKY)
def test_encoded_is_checked(component: str) -> None:
    """Whatever is encoded passes the check of names, and has no segment that Azure would change."""
    assume(component not in {".", ".."})

    name = check_name(encoded(component))

    assert "/" not in name
    assert "\\" not in name
    assert not name.endswith(".")


@st.composite
def _templates(draw: st.DrawFn) -> str:
    """A template that a dataset may have, in any order, with literals round its fields."""
    needed = draw(st.sampled_from([("path",), ("item", "key"), ("collection", "id", "file"), ("item", "key", "path")]))
    fields = draw(st.permutations([*needed, *draw(st.sets(st.sampled_from(["dataset", "host", "year"])))]))
    return check_template("/".join(draw(_PREFIXES) + f"{{{field}}}" + draw(_SUFFIXES) for field in fields))


_VALUES = st.fixed_dictionaries(
    {
        **dict.fromkeys(FIELDS, st.text("a./%2E-\\é", min_size=1, max_size=5)),
        "dataset": st.just("d"),
        "year": st.sampled_from(["2024", "0079"]),
    }
)


#: What a careless encoder takes for the same.
_CONFUSIONS: tuple[Callable[[str], str], ...] = (
    lambda text: quote(text, safe=""),
    lambda text: f"{text}.",
    lambda text: f"./{text}",
    lambda text: text.replace("\\", "/"),
    lambda text: text.replace(".", "%2E"),
    lambda text: normalize("NFD", text),
    str.upper,
)


@st.composite
def _confusable(draw: st.DrawFn, values: dict[str, str], fields: list[str]) -> dict[str, str]:
    """Other values that nearly make the same name: one written otherwise, or characters in the field beside it."""
    one, other = draw(st.sampled_from(list(pairwise(fields))))
    if draw(st.booleans()):
        return {**values, one: draw(st.sampled_from(_CONFUSIONS))(values[one])}
    both = f"{values[one]}/{values[other]}"
    cut = draw(st.integers(1, len(both) - 1))
    return {**values, one: both[:cut], other: both[cut:].removeprefix("/")}


@settings(deadline=None, max_examples=500)
@given(data=st.data(), template=_templates(), first=_VALUES)
def test_injective(data: st.DataObject, template: str, first: dict[str, str]) -> None:
    """Under one template, assets that differ in any field of it never have one name."""
    fields = [
        field for _, field, _, _ in string.Formatter().parse(template) if field and field not in {"dataset", "year"}
    ]
    assume(len(fields) > 1)
    second = data.draw(_confusable(first, fields))
    assume(first != second)

    try:
        names = [blob_name(template, values) for values in (first, second)]
    except BadNameError:
        return

    assert names[0] != names[1]


@settings(deadline=None)
@given(template=_templates(), values=_VALUES, times=st.integers(1, 400))
def test_within_limits(template: str, values: dict[str, str], times: int) -> None:
    """Whatever an asset has, its name is refused, or one that Azure keeps as it is."""
    try:
        name = blob_name(template, {field: value * times for field, value in values.items()})
    except BadNameError:
        return

    _assert_kept_by_azure(name)


@settings(deadline=None)
@given(name=st.text("a/.%2E", max_size=12) | st.text(max_size=12))
def test_checked_names(name: str) -> None:
    """A name of a message is refused, or one that Azure keeps as it is."""
    try:
        check_name(name)
    except BadNameError:
        return

    _assert_kept_by_azure(name)


def _assert_kept_by_azure(name: str) -> None:
    assert len(name) <= 1024
    assert len(name.split("/")) <= 254
    assert [each for each in name.split("/") if each in {"", ".", ".."} or each.endswith(".")] == []
    assert set(name) <= set(string.ascii_letters + string.digits + "-_.~=+,@:()%/")


def test_known_names() -> None:
    """Names that stand in ledgers stay as they are."""
    values = {"dataset": "s2", "collection": "sentinel-2", "id": "T32/é", "key": "B04", "file": "a b%2F.tif."}

    assert blob_name(_DEFAULT, values) == "s2/sentinel-2/T32%2F%C3%A9/B04/a%20b%252F.tif%2E"


@pytest.mark.parametrize("component", [".", ".."])
def test_dots(component: str) -> None:
    """A component that would climb is refused, in a path too."""
    with pytest.raises(BadNameError):
        encoded(component)
    with pytest.raises(BadNameError):
        encoded_path(f"a/{component}/b")


@pytest.mark.parametrize("value", [None, ""])
def test_missing_value(value: str | None) -> None:
    """A name whose field has no value is refused."""
    with pytest.raises(BadNameError, match="collection"):
        blob_name(_DEFAULT, {"dataset": "d", "collection": value})


@pytest.mark.parametrize("field", ["id", "path"])
def test_value_that_no_name_has_room_for(field: str) -> None:
    """A value that is longer than a name is refused as it is: encoding megabytes of it would take long."""
    with pytest.raises(BadNameError, match=rf"\{{{field}\}} has more than 1024 characters"):
        blob_name(f"{{{field}}}", {field: "\\" * 1025})


@pytest.mark.parametrize(
    "name",
    [
        *("", "/a", "a/", "a//b", "a/./b", "a/../b", "a.", "a./b", "a b", "a\\b", "a%2fb", "a%", "a%4", "é"),
        "x" * 1025,
        "/".join(["x"] * 255),
    ],
)
def test_foreign_names(name: str) -> None:
    """A name that no template can make is refused: messages come from whoever can write to a queue."""
    with pytest.raises(BadNameError):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "a/b", "a%20b/~c.tif", "x" * 1024, "/".join(["x"] * 254)])
def test_own_names(name: str) -> None:
    """A name within Azure's limits is returned as it is."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "template",
    [
        _DEFAULT,
        "{item}/{key}",
        "{item}/{file}",
        "{path}",
        "{dataset}/{host}/{path}",
        "{year}-{month}-{day}/{item}/{key}.tif",
        "{dataset}-{collection}/{id}/{key}",
    ],
)
def test_templates(template: str) -> None:
    """A template that tells assets apart is returned as it is."""
    assert check_template(template) == template


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{dataset}/{key}", "a name needs"),
        ("{collection}/{key}", "a name needs"),
        ("{item}", "a name needs"),
        ("{nope}/{path}", r"\{nope\} is no field"),
        ("{}/{path}", "is no field"),
        ("{id}-{key}/{collection}", "need a / between"),
        ("{item}{key}", "need a / between"),
        ("{path}/{path}", "only once"),
        ("{item!r}/{key}", "format or conversion"),
        ("{item}/{key:>10}", "format or conversion"),
        ("/{path}", "segment ''"),
        ("{item}//{key}", "segment ''"),
        ("../{path}", r"segment '\.\.'"),
        ("{item}/{key}.", r"segment 'x\.'"),
        ("a b/{path}", "percent-encoded"),
        ("{item/{key}", "expected"),
        ("{{a}}/{path}", "percent-encoded"),
    ],
)
def test_bad_templates(template: str, said: str) -> None:
    """A template under which two assets could share a name, or none can have one, is refused when it is read."""
    with pytest.raises(ValueError, match=said):
        check_template(template)


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("https://h/a/b.tif", "a/b.tif"),
        ("https://h/a/b.tif?v=1/2", "a/b.tif?v=1/2"),
        ("https://h/a/", "a/"),
        ("https://h//a", "/a"),
        ("https://h", ""),
    ],
)
def test_path(href: str, path: str) -> None:
    """A path keeps everything that tells hrefs of a host apart."""
    assert path_of(href) == path


def test_fields() -> None:
    """Every field that a template may name can be filled."""
    name = blob_name("/".join(f"{{{field}}}" for field in FIELDS), dict.fromkeys(FIELDS, "v"))

    assert name == "/".join("v" for _ in FIELDS)


@pytest.mark.parametrize("template", ["{item}.json", "{collection}/{id}.json", "a/{dataset}-{id}/{collection}"])
def test_item_templates(template: str) -> None:
    """A template of items' names tells items apart."""
    assert check_item_template(template) == template


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{id}.json", "needs {item}"),
        ("{collection}-{id}", "need a /"),
        ("{item}/{key}", "{key} is no field"),
        ("{item!r}", "alone in its braces"),
        ("../{item}", "can't be part"),
    ],
)
def test_item_templates_that_collide(template: str, said: str) -> None:
    """A template of which two items could have one name, or that leads elsewhere, is refused."""
    with pytest.raises(ValueError, match=re.escape(said)):
        check_item_template(template)


def test_collection_templates() -> None:
    """A template of collections' names has the collection in it."""
    assert check_collection_template("{dataset}/{collection}.json") == "{dataset}/{collection}.json"
    with pytest.raises(ValueError, match=re.escape("needs {collection}")):
        check_collection_template("{dataset}.json")
