"""Keys: AuthenticationLevelHandler.cs."""

import pytest
from multidict import CIMultiDict

from functions_host.keys import AuthLevel, Keys, presented_key

_KEYS = Keys(enable_auth=True, master="master", host=("host",), functions={"hello": ("own",)})


@pytest.mark.parametrize(
    ("key", "function", "expected"),
    [
        (None, "hello", AuthLevel.ANONYMOUS),
        ("", "hello", AuthLevel.ANONYMOUS),
        ("wrong", "hello", AuthLevel.ANONYMOUS),
        ("own", "hello", AuthLevel.FUNCTION),
        ("own", "other", AuthLevel.ANONYMOUS),
        ("host", "hello", AuthLevel.FUNCTION),
        ("master", "hello", AuthLevel.ADMIN),
        # Beside a function only the master key counts.
        ("own", None, AuthLevel.ANONYMOUS),
        ("host", None, AuthLevel.ANONYMOUS),
        ("master", None, AuthLevel.ADMIN),
    ],
)
def test_level(key: str | None, function: str | None, expected: AuthLevel) -> None:
    """function: function key, host function key or master; admin: _master."""
    assert _KEYS.level(key, function=function) is expected


def test_without_auth() -> None:
    """`func start` without --enableAuth authenticates every request as Admin."""
    assert Keys(master="master").level("wrong", function="hello") is AuthLevel.ADMIN


def test_no_master_key() -> None:
    """Where no master key is given, nothing opens what asks for it."""
    assert Keys(enable_auth=True).level("", function="hello") is AuthLevel.ANONYMOUS


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"X-Functions-Key": "a"}, {"code": "b"}, "a"),
        ({}, {"code": "b"}, "b"),
        ({}, {}, None),
    ],
)
def test_presented_key(headers: dict[str, str], query: dict[str, str], expected: str | None) -> None:
    """Key from header x-functions-key, else ?code= (the header wins)."""
    assert presented_key(headers=CIMultiDict(headers), query=query) == expected


def test_keys_are_not_shown() -> None:
    """A key is in no log that shows the keys' owner."""
    assert repr(_KEYS) == "Keys(enable_auth=True)"


@pytest.mark.parametrize(
    ("shown", "asked", "expected"),
    [
        (AuthLevel.ANONYMOUS, AuthLevel.ANONYMOUS, True),
        (AuthLevel.ANONYMOUS, AuthLevel.FUNCTION, False),
        (AuthLevel.FUNCTION, AuthLevel.FUNCTION, True),
        (AuthLevel.FUNCTION, AuthLevel.ADMIN, False),
        (AuthLevel.ADMIN, AuthLevel.ADMIN, True),
        (AuthLevel.ADMIN, AuthLevel.ANONYMOUS, True),
    ],
)
def test_suffices(shown: AuthLevel, asked: AuthLevel, *, expected: bool) -> None:
    """A level includes those below it."""
    assert shown.suffices_for(asked) is expected
