"""TLS stays on: nothing in the pipeline may turn verification off."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_SWITCHES = frozenset({"ssl", "verify", "verify_ssl", "verify_mode", "check_hostname", "connection_verify"})
_UNVERIFIED = frozenset({"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context", "_create_stdlib_context"})


def test_verification_is_never_turned_off(root: Path) -> None:
    """No module that is deployed names an unverified context or turns a switch of TLS off."""
    files = [*root.glob("shared/**/*.py"), root / "function_app.py"]

    found = {str(each.relative_to(root)): list(_weakened(each.read_text())) for each in files}

    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "connect(ssl=False)",
        "context.check_hostname = False",
        "context.verify_mode = ssl.CERT_NONE",
        "context: Context = ssl._create_unverified_context()",
        "from ssl import CERT_NONE",
    ],
)
def test_what_is_found(source: str) -> None:
    """The ways to turn verification off are known."""
    assert list(_weakened(source)) == [1]


def _weakened(source: str) -> Iterator[int]:
    """The lines that weaken TLS."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(keywords=keywords):
                yield from (each.lineno for each in keywords if each.arg in _SWITCHES and _is_off(each.value))
            case ast.Assign(targets=targets, value=value) if _is_off(value):
                yield from (
                    each.lineno for each in targets if isinstance(each, ast.Attribute) and each.attr in _SWITCHES
                )
            case ast.Attribute(attr=name) | ast.alias(name=name) if name in _UNVERIFIED:
                yield node.lineno
            case _:
                pass


def _is_off(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value
