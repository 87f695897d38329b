"""Reads the contract (openapi.yaml) into what the pages show: messages, fields, examples."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Field:
    """One member of a message: its path in dots, its JSON type, and what it means."""

    path: str
    kind: str
    needed: bool
    means: str


@dataclass(frozen=True)
class Message:
    """One type of message: what it says, its members, and examples in JSON, as sent."""

    type: str
    summary: str
    description: str
    fields: tuple[Field, ...]
    examples: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Where it stands on its page."""
        return self.type.replace(".", "-").replace("_", "-")


@cache
def document() -> Mapping[str, Any]:
    """The whole OpenAPI document."""
    read: Mapping[str, Any] = yaml.safe_load((FOLDER / "openapi.yaml").read_text("utf-8"))
    return read


@cache
def reports() -> tuple[Message, ...]:
    """What couriers tell us, in the document's order."""
    return tuple(_message(each) for each in _schemas()["Report"]["oneOf"])


@cache
def requests() -> tuple[Message, ...]:
    """What we tell couriers."""
    told = []
    for name, hook in document()["webhooks"].items():
        post = hook["post"]
        body = post["requestBody"]["content"]["application/json"]["schema"]
        told.append(_message(body, name, post["summary"], post.get("description", "")))
    return tuple(told)


def schema(name: str) -> dict[str, Any]:
    """A JSON Schema that stands alone, for one component of the document."""
    return {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}


def _schemas() -> Mapping[str, Any]:
    found: Mapping[str, Any] = document()["components"]["schemas"]
    return found


def _resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in node:
        return node
    return {
        **_schemas()[node["$ref"].rsplit("/", 1)[1]],
        **{k: node[k] for k in node.keys() - {"$ref"}},
    }


def _message(
    node: Mapping[str, Any], name: str = "", summary: str = "", description: str = ""
) -> Message:
    found = _resolved(node)
    return Message(
        type=name or found["title"],
        summary=summary or found["summary"],
        description=_plain(description or found.get("description", "")),
        fields=tuple(_fields(found, "")),
        examples=tuple(
            json.dumps(each, ensure_ascii=False, indent=2) for each in found.get("examples", ())
        ),
    )


def _fields(node: Mapping[str, Any], path: str) -> Iterator[Field]:
    needed = node.get("required", ())
    for name, member in node.get("properties", {}).items():
        found = _resolved(member)
        if name == "type" and not path:
            continue
        here = f"{path}.{name}" if path else name
        items = _resolved(found.get("items", {}))
        inner = items if "properties" in items else found
        yield Field(here, _kind(found, items), name in needed, _plain(found.get("description", "")))
        if "properties" in inner:
            yield from _fields(inner, f"{here}[]" if inner is items else here)


def _plain(text: str) -> str:
    """Without the marks that are for readers of Markdown."""
    return text.replace("`", "")


def _kind(node: Mapping[str, Any], items: Mapping[str, Any]) -> str:
    if "const" in node:
        return f"“{node['const']}”"
    if "enum" in node:
        return " | ".join(str(each) for each in node["enum"])
    kinds = node.get("type", "any")
    kind = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if kind == "array":
        return f"list of {items.get('type', 'any')}s"
    return {"date-time": "moment", "date": "date"}.get(node.get("format", ""), kind)
