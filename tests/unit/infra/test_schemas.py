import pytest

from tests.unit.infra.templates import ACCOUNT, found, rules_broken
from tools.infra.rules import rules
from tools.infra.shapes import Field, Model, OneOf, Scalar, shape_as_written


def test_sound() -> None:
    """A body that is as the service has it gives no finding."""
    assert found(ACCOUNT) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("kind:", "kinds:", "missing property schemas: unknown property"),
        ("allowBlobPublicAccess", "AllowBlobPublicAccess", "unknown property"),
        ("name: redundancy", "name: redundancy\n    tier: 'Standard'", "read-only property"),
        ("kind: 'StorageV2'", "kind: 'storageV2'", "unknown value"),
        ("kind: 'StorageV2'", "kind: 2", "wrong type"),
        ("kind: 'StorageV2'", "kind: true ? 'StorageV2' : 'x'", "unknown value"),
        ("'Standard_LRS'", "'Standard_XRS'", "unknown value"),
        ("name: redundancy", "name: empty(redundancy)", "wrong type"),
        ("anything: 'goes'", "anything: 1", "wrong type"),
        ("  tags: {\n    anything: 'goes'\n  }\n", "  tags: [\n    'a'\n  ]\n", "wrong type"),
        ("  sku: {\n    name: redundancy\n  }\n", "  sku: {}\n", "missing property"),
        ("  name: 'account'\n", "", "missing property"),
        ("    minimum", "    #disable-next-line BCP037\n    minimum", "BCP037"),
        ("primaryEndpoints.blob", "primaryEndpoints.blobs", "unknown property read"),
        ("account.properties", "account.property", "unknown property read"),
        ("storageAccounts@", "storageAccount@", "unknown type"),
    ],
)
def test_faults(old: str, new: str, rule: str) -> None:
    """Each kind of fault in a body, or in what is read from it, is found."""
    assert old in ACCOUNT

    broken = [each for each in rules_broken(ACCOUNT.replace(old, new, 1)) if each.startswith("schemas")]

    assert " ".join(broken) == f"schemas: {rule}"


def test_allowed_values() -> None:
    """What a parameter may be is compared as well as what it is."""
    template = ACCOUNT.replace("param red", "@allowed(['Standard_LRS', 'Nowhere'])\nparam red")

    assert rules_broken(template) == ["schemas: unknown value"]


def test_suggestion() -> None:
    """A name that is nearly right is answered with the right one."""
    [finding] = found(ACCOUNT.replace("  tags:", "  Tags:"))

    assert finding.message == "the body has no Tags; tags?"


def test_existing() -> None:
    """Of a resource that exists only its name and its place can be said."""
    existing = (
        "resource a 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {\n  name: 'a'\n  location: 'b'\n}\n"
    )

    assert rules_broken(f"{existing}output o string = a.id\n") == ["schemas: unknown property"]


def test_written_shapes() -> None:
    """A shape that is written in rules.toml says what is required, what is a list, and where names are free."""
    shape = shape_as_written({"a!": "string", "b": ["int"], "c": {"*": "bool"}})

    assert isinstance(shape, Model)
    assert {name: (type(each.shape).__name__, each.required) for name, each in shape.fields.items()} == {
        "a": ("Scalar", True),
        "b": ("ListOf", False),
        "c": ("MapOf", False),
    }


@pytest.mark.parametrize("name", sorted(rules().resources))
def test_every_rule_has_a_shape(name: str) -> None:
    """Each type of rules.toml has a published class, or a shape that is written out."""
    rule = rules().resources[name]

    assert isinstance(rule.body, Model)
    assert rule.body.fields
    assert isinstance(rule.reading, Model)


def test_both_kinds_of_models() -> None:
    """Microsoft's older models and those made from TypeSpec give the same: names, types, and what is required."""
    component, account = (
        rules().resources[name].body for name in ("Microsoft.Insights/components", "Microsoft.Storage/storageAccounts")
    )
    assert isinstance(component, Model)
    assert isinstance(account, Model)
    older, newer = component.fields["properties"].shape, account.fields["properties"].shape
    assert isinstance(older, Model)
    assert isinstance(newer, Model)

    assert older.fields["DisableLocalAuth"] == Field(shape=Scalar(kind="bool"))
    assert older.fields["AppId"].read_only
    assert component.fields["kind"].required
    assert newer.fields["allowSharedKeyAccess"] == Field(shape=Scalar(kind="bool"))
    assert newer.fields["minimumTlsVersion"].shape == OneOf(values=frozenset({"TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"}))
    assert account.fields["location"].required
