"""Adds to the OpenAPI document: problems as answers, and the idempotency key."""

from typing import Any

from fastapi import FastAPI

from chassis.idempotency import HEADER
from chassis.problems import MEDIA_TYPE

_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `type` ends in the error's code.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:recobro:problem:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["/amount"]},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_ANSWER = {
    "description": "A problem document. Nothing was changed.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "1 to 200 visible ASCII characters. For 7 days, the same key and body get the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def install(app: FastAPI) -> None:
    """Complete the document at its first request."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]


def _with_standard_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """Rename the bounds of a parameter's number. Pydantic keeps its own names behind a validator."""
    standard = {_BOUNDS.get(name, name): value for name, value in schema.items()}
    if "anyOf" in standard:
        standard["anyOf"] = [_with_standard_bounds(alternative) for alternative in standard["anyOf"]]
    return standard


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            operation["responses"] = {
                status: answer for status, answer in operation["responses"].items() if status != "422"
            } | {"4XX": _ANSWER, "5XX": _ANSWER}
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _with_standard_bounds(parameter["schema"])
            if method == "post":
                operation.setdefault("parameters", []).append(_KEY)
    return document
