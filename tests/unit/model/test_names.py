from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.model.errors import BadNameError
from shared.model.names import FIELDS, blob_name, check_name, check_template, encoded, encoded_path, path_of

_COMPONENTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_TRICKY = st.text("./\\%aA2EeF é\u0301\x00~", min_size=1, max_size=8)
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


@settings(deadline=None)
@given(
    first=st.tuples(_TRICKY, _TRICKY, _TRICKY),
    second=st.tuples(_TRICKY, _TRICKY, _TRICKY),
    template=st.sampled_from(
        ["{item}/{key}/{file}", "{dataset}-{item}/x-{key}.{year}/{file}", "{item}/{key}/{path}", "{item}/{path}/{key}"]
    ),
)
def test_injective(first: tuple[str, str, str], second: tuple[str, str, str], template: str) -> None:
    """Different values never make one name, whatever the template."""
    assume(first != second)

    try:
        names = [_filled(check_template(template), values) for values in (first, second)]
    except BadNameError:
        return

    assert names[0] != names[1]


def _filled(template: str, values: tuple[str, str, str]) -> str:
    item, key, last = values
    fixed = {"dataset": "d", "year": "2024"}
    return blob_name(template, {**fixed, "item": item, "key": key, "file": last, "path": last})


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
