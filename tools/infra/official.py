"""The shapes of resources in Bicep's own types, as Microsoft's Azure MCP server has them: one version of each."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.infra.shapes import Field, ListOf, MapOf, Model, OneOf, Scalar, Shape

_PROGRAM = Path(".venv-azure/bin/azmcp")
_SECONDS = 60
_SCALARS = ("string", "int", "bool", "any")


def official_shapes(root: Path, resource_types: Iterable[str]) -> dict[str, Shape]:
    """The shape of each type that the server knows."""
    answers = {each: _ask(root, each) for each in resource_types}
    return {each: _Types(answer).resource() for each, answer in answers.items() if answer}


def _ask(root: Path, resource_type: str) -> list[dict[str, Any]]:
    done = subprocess.run(  # noqa: S603 - the program of a package that we pin
        [root / _PROGRAM, "bicepschema", "get", "--resource-type", resource_type],
        capture_output=True,
        env={**os.environ, "AZURE_MCP_COLLECT_TELEMETRY": "false"},
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return []
    return answer["results"].get("BicepSchemaResult", []) if answer["status"] == 200 else []  # noqa: PLR2004 - HTTP's


class _Types:
    """One answer: a resource, and the objects that its types name."""

    def __init__(self, answer: Iterable[Mapping[str, Any]]) -> None:
        self._resource = next(each for each in answer if each["$type"] == "Resource")
        self._objects = {each["name"]: each for each in answer if each["$type"] == "Object"}

    def resource(self) -> Shape:
        body = self._resource["bodyType"]
        # Of sites/config there are many, told by their name; we have the settings only.
        return self._object(body if "properties" in body else body["elements"][0])

    def _object(self, written: Mapping[str, Any]) -> Shape:
        if not written["properties"] and "additionalPropertiesType" in written:
            return MapOf(value=self._shape(written["additionalPropertiesType"]))
        return Model(
            look_up=lambda: {
                each["name"]: Field(
                    shape=self._shape(each["type"]),
                    required="Required" in each.get("flags", ""),
                    read_only="ReadOnly" in each.get("flags", ""),
                )
                for each in written["properties"]
            }
        )

    def _shape(self, name: str) -> Shape:
        if name.endswith("[]"):
            return ListOf(item=self._shape(name.removesuffix("[]")))
        if name in self._objects:
            return self._object(self._objects[name])
        if name in _SCALARS:
            return Scalar(kind=name)
        return OneOf(values=frozenset(name.split(" | ")) - {"string"})
