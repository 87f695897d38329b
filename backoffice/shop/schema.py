"""How the answers of the shop's door get into the schema: from the types they are made of."""

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import resolve_type_hint
from drf_spectacular.utils import Direction
from rest_framework import serializers

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with a stable `code`; `errors` when a body was not as it must be.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901, into the body."},
                    "parameter": {"type": "string", "description": "Of the query."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["code", "detail"],
            },
        },
        "actions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "With `not-now`: what the buyer may do instead.",
        },
        "places": {
            "type": "array",
            "items": {"type": "string"},
            "description": "With `unknown-place`: the cities that are known there.",
        },
    },
    "required": ["type", "title", "status", "code", "detail"],
}


class Documented(serializers.Serializer[Any]):
    """Stands for a TypedDict in the schema; never serializes anything."""

    documents: Any


@cache
def answer(documents: Any) -> type[Documented]:
    """What `extend_schema` takes for an answer of this type."""
    return type(documents.__name__, (Documented,), {"documents": documents})


class Problem(Documented):
    """The shape of every refusal."""

    documents = None


class DocumentedExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Draws the TypedDict, as a component of its own."""

    target_class = Documented
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: Direction) -> str:
        name: str = (
            self.target.__name__ if isinstance(self.target, type) else type(self.target).__name__
        )
        return name.removesuffix("Json")

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        documents = self.target.documents
        if documents is None:
            return _PROBLEM
        drawn: dict[str, Any] = _as_in_3_1(
            resolve_type_hint(documents)  # type: ignore[no-untyped-call]
        )
        return drawn


def _as_in_3_1(schema: Any) -> Any:
    """`nullable` was OpenAPI 3.0's word; since 3.1 null is a type."""
    if isinstance(schema, list):
        return [_as_in_3_1(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    drawn = {key: _as_in_3_1(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable"):
        drawn["type"] = [schema["type"], "null"]
    return drawn
