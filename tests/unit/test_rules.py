"""Rules that hold for the whole code, read from its syntax: what must never be written, and the one place that may."""

import ast
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field, computed_field
from pydantic.fields import ComputedFieldInfo, FieldInfo

from shared.model import messages
from shared.model.messages import CopyRequest, Message, PageRequest, PublishRequest

_LONGEST_FUNCTION_APP = 120
_SENDS = frozenset({"send_message", "enqueue", "enqueue_message", "put_message"})
_UPDATES = frozenset({"update_message"})
_DELETES = frozenset({"delete_blob", "delete_blobs", "delete_container"})
#: What the host tells a function of its message; a body's field of that name replaces it.
_TRIGGER = frozenset(
    {"id", "dequeuecount", "insertiontime", "expirationtime", "nextvisibletime", "popreceipt", "queuetrigger"}
)

#: A check takes a module and yields the lines that break its rule.
type Check = Callable[[ast.Module], Iterator[int]]


def output_bindings(module: ast.Module) -> Iterator[int]:
    """Output bindings: their messages and the poison move's live seven days, which can't be changed."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (each.lineno for each in node.decorator_list if _binds_output(each))


def expiring_sends(module: ast.Module) -> Iterator[int]:
    """Sends that don't state a time-to-live of -1, in so many words or by a constant of the module's."""
    constants = dict(_constants(module))
    for call in _sends(module):
        given = {each.arg: each.value for each in call.keywords}
        if _number(given.get("time_to_live"), constants) != -1:
            yield call.lineno


def updates(module: ast.Module) -> Iterator[int]:
    """Changes of a message, which take the host's receipt from it: it could no longer delete the message."""
    return _mentions(module, _UPDATES)


def deletes(module: ast.Module) -> Iterator[int]:
    """Deletions: a worker that cleans a destination destroys what a concurrent winner wrote."""
    return _mentions(module, _DELETES)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A check, the code that it is for, and code that breaks it."""

    check: Check
    paths: tuple[str, ...]
    broken: tuple[str, ...]
    #: Who may, since it sees to it by itself.
    but: tuple[str, ...] = ()


RULES: Mapping[str, Rule] = {
    "no output bindings": Rule(
        check=output_bindings,
        paths=("function_app.py", "shared"),
        broken=(
            '@app.queue_output(arg_name="out", queue_name="copy", connection="c")\ndef send(out): ...',
            '@app.write_queue(arg_name="out", queue_name="copy", connection="c")\nasync def send(out): ...',
            '@app.generic_output_binding(arg_name="out", type="queue", queueName="copy")\ndef send(out): ...',
            '@app.binding("out", type="queue", direction="out")\ndef send(out): ...',
            "@app.binding(type=QUEUE, direction=func.BindingDirection.OUT)\ndef send(out): ...",
        ),
    ),
    "messages never expire": Rule(
        check=expiring_sends,
        paths=("function_app.py", "shared"),
        broken=(
            "client.send_message(body)",
            "client.send_message(body, time_to_live=604800)",
            "client.send_message(body, **options)",
            "_TTL = 7 * 24 * 3600\nclient.send_message(body, time_to_live=_TTL)",
            "client.enqueue(body, visibility_timeout=-1)",
            "send = client.send_message",
        ),
    ),
    "messages are never updated": Rule(
        check=updates,
        paths=("function_app.py", "shared"),
        broken=(
            "client.update_message(message, visibility_timeout=60)",
            "hide = client.update_message",
            'getattr(client, "update_message")(message)',
        ),
        # It shows poison, which no host holds, and refuses every queue that a function listens to.
        but=("shared/storage/mailbox.py",),
    ),
    "workers never delete": Rule(
        check=deletes,
        paths=("shared/copying", "shared/storage/blobs.py"),
        broken=("client.delete_blob()", "container.delete_blobs(*names)", "await service.delete_container(name)"),
    ),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rule_is_kept(root: Path, rule: Rule) -> None:
    """No line breaks the rule."""
    files = [each for each in _files(root, rule.paths) if str(each.relative_to(root)) not in rule.but]

    broken = [f"{path.relative_to(root)}:{line}" for path in files for line in rule.check(_parsed(path))]

    assert len(files) >= len(rule.paths)
    assert broken == []


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_who_may(root: Path, rule: Rule) -> None:
    """Whoever is let off does it, in one line."""
    assert [len(list(rule.check(_parsed(root / each)))) for each in rule.but] == [1] * len(rule.but)


@pytest.mark.parametrize(
    ("rule", "code"), [pytest.param(rule, code, id=code) for rule in RULES.values() for code in rule.broken]
)
def test_rule_sees_what_breaks_it(rule: Rule, code: str) -> None:
    """Code that breaks the rule is found."""
    assert list(rule.check(ast.parse(code))) != []


@pytest.mark.parametrize(
    "code",
    ["client.send_message(body, time_to_live=-1)", "_NEVER = -1\nclient.send_message(body, time_to_live=_NEVER)"],
)
def test_sends_that_never_expire(code: str) -> None:
    """A time-to-live of -1 may be written out or called by a name."""
    assert list(expiring_sends(ast.parse(code))) == []


def test_one_place_sends(root: Path) -> None:
    """There is one call that sends a message."""
    paths = [path for path in _files(root, ("function_app.py", "shared")) for _ in _sends(_parsed(path))]

    assert [str(each.relative_to(root)) for each in paths] == ["shared/storage/queues.py"]


def test_message_fields() -> None:
    """No message has a field, by whatever name it is read or written, that the host takes for the trigger's own."""
    models = [each for each in vars(messages).values() if isinstance(each, type) and issubclass(each, Message)]

    found = {each.__name__: sorted(names_of(each) & _TRIGGER) for each in models}

    assert found == {each.__name__: [] for each in (Message, PageRequest, CopyRequest, PublishRequest)}


def test_message_fields_are_seen() -> None:
    """Fields, aliases of every kind and computed fields count, in any case."""

    class Bad(BaseModel):
        ID: int
        count: Annotated[int, Field(alias="dequeueCount")]
        came: Annotated[str, Field(validation_alias=AliasChoices("inserted", AliasPath("insertionTime", 0)))]
        ends: Annotated[str, Field(serialization_alias="ExpirationTime")]

        @computed_field
        @property
        def popReceipt(self) -> str:  # noqa: N802 - the trigger's own spelling
            return ""

    assert names_of(Bad) & _TRIGGER == {"id", "dequeuecount", "insertiontime", "expirationtime", "popreceipt"}


def test_function_app_is_short(root: Path) -> None:
    """The triggers decode and call: there is no room for more."""
    lines = (root / "function_app.py").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= _LONGEST_FUNCTION_APP


def names_of(model: type[BaseModel]) -> set[str]:
    """Every name that a field of a model has at top level, in lower case."""
    fields = [*model.model_fields.items(), *model.model_computed_fields.items()]
    return {each.lower() for name, field in fields for each in (name, *_aliases(field))}


def _aliases(field: FieldInfo | ComputedFieldInfo) -> Iterator[str]:
    validation = field.validation_alias if isinstance(field, FieldInfo) else None
    choices = validation.choices if isinstance(validation, AliasChoices) else [validation]
    written = [field.serialization_alias] if isinstance(field, FieldInfo) else []
    for each in (field.alias, *written, *choices):
        if each is not None:
            yield str(each.path[0]) if isinstance(each, AliasPath) else each


def _files(root: Path, paths: Iterable[str]) -> Iterator[Path]:
    for path in (root / each for each in paths):
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _binds_output(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    directed_out = any(each.arg == "direction" and "out" in ast.unparse(each.value).lower() for each in keywords)
    return directed_out or "output" in name or name.startswith("write_")


def _sends(module: ast.Module) -> Iterator[ast.Call]:
    """The calls that send; a method that is passed on instead is a call without arguments."""
    calls = {id(node.func): node for node in ast.walk(module) if isinstance(node, ast.Call)}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr in _SENDS:
            place = {"lineno": node.lineno, "col_offset": node.col_offset}
            yield calls.get(id(node)) or ast.Call(func=node, args=[], keywords=[], **place)


def _mentions(module: ast.Module, names: frozenset[str]) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute | ast.Name | ast.Constant):
            said = (
                node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else node.value
            )
            if said in names:
                yield node.lineno


def _constants(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in module.body:
        if isinstance(node, ast.Assign):
            yield from ((each.id, node.value) for each in node.targets if isinstance(each, ast.Name))


def _number(value: ast.expr | None, constants: Mapping[str, ast.expr]) -> object:
    stated = constants.get(value.id) if isinstance(value, ast.Name) else value
    try:
        return ast.literal_eval(stated) if stated is not None else None
    except ValueError:
        return None
