"""What the checks know of Azure: rules.toml."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tools.infra.shapes import Shape, shape_as_written, shape_of_model


class ResourceRule(BaseModel):
    """What is known of a resource type; rules.toml says what the fields are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    model: str = ""
    answer: str = ""
    shape: object = None
    required: frozenset[str] = frozenset()
    untyped: frozenset[str] = frozenset()

    @property
    def body(self) -> Shape:
        """What is sent."""
        return shape_of_model(self.model) if self.model else shape_as_written(self.shape)

    @property
    def reading(self) -> Shape:
        """What can be read."""
        return shape_of_model(self.answer) if self.answer else self.body


class Rules(BaseModel):
    """All of rules.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resources: dict[str, ResourceRule]
    hardening: dict[str, dict[str, list[bool | str]]]
    denied: dict[str, frozenset[str]]
    roles: dict[str, str]
    app_roles: dict[str, frozenset[str]]
    functions: dict[str, frozenset[str]]


@cache
def rules() -> Rules:
    """Read the file, once."""
    file = Path(__file__).with_name("rules.toml")
    return Rules.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


@cache
def functions() -> dict[str, str]:
    """What each of Bicep's functions returns, by its name."""
    return {name: kind for kind, names in rules().functions.items() for name in names}
