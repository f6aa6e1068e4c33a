"""Completes the OpenAPI document, so that people and generators of clients understand it.

It adds problems as answers and the idempotency key. Each model has a name of its own. Fields and parameters have no
title, because generators make class names of titles.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from chassis import api_examples
from chassis.idempotency import HEADER
from chassis.problem_types import ProblemType, problems_of
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
_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ANSWER = {"description": "A problem document. Nothing was changed.", "content": _CONTENT}
_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "1 to 200 visible ASCII characters. For 7 days, the same key and body get the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}

_BINARY = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
_TEXTS = frozenset({"text/csv", "application/jsonl"})
_NAMING = frozenset({"properties", "schemas", "examples", "example"})
"""The keys whose members have names that people have chosen."""
_PAGE_OF = re.compile(r"^Page_(\w+)_$")

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def install(app: FastAPI) -> None:
    """Complete the document at its first request."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = _in_markdown(_completed(plain(), _problems(app)))
            _show_examples(document, _packages(app))
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]


def _with_standard_bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """Rename the bounds of a parameter's number. Pydantic keeps its own names behind a validator."""
    standard = {_BOUNDS.get(name, name): value for name, value in schema.items()}
    if "anyOf" in standard:
        standard["anyOf"] = [_with_standard_bounds(alternative) for alternative in standard["anyOf"]]
    return standard


def _problems(app: FastAPI) -> dict[tuple[str, str], list[ProblemType]]:
    """Return the problems of each operation, by path and method."""
    return {
        (context.path or "", method.lower()): problems_of(context.original_route)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and context.original_route.include_in_schema
        for method in context.methods or ()
    }


def _packages(app: FastAPI) -> dict[tuple[str, str], str]:
    """Return the package of each operation's endpoint, by path and method."""
    return {
        (context.path or "", method.lower()): context.original_route.endpoint.__module__.partition(".")[0]
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for method in context.methods or ()
    }


def _show_examples(document: dict[str, Any], packages: Mapping[tuple[str, str], str]) -> None:
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            example = api_examples.examples_in(packages[path, method]).get(operation["operationId"])
            if example is not None:
                api_examples.show(operation, example)


def _answers(problems: Sequence[ProblemType]) -> dict[str, Any]:
    """Return an answer for each status, which names the codes of its problems."""
    codes: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        codes[str(problem.status)].append(f"`{problem.code}`" + (f": {problem.detail}" if problem.detail else ""))
    return {status: {"description": "\n".join(lines), "content": _CONTENT} for status, lines in codes.items()}


def _completed(document: dict[str, Any], problems: Mapping[tuple[str, str], Sequence[ProblemType]]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document = _without_titles(document, {name: _PAGE_OF.sub(r"\1Page", name) for name in schemas})
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        schema["title"] = name
    schemas["Problem"] = _PROBLEM
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            expected = {status: answer for status, answer in operation["responses"].items() if status != "422"}
            refused = _answers(problems.get((path, method), ()))
            operation["responses"] = refused | expected | {"4XX": _ANSWER, "5XX": _ANSWER}
            _say_what_is_binary(operation)
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _with_standard_bounds(parameter["schema"])
            if method == "post":
                operation.setdefault("parameters", []).append(_KEY)
    return document


def _without_titles(node: Any, names: Mapping[str, str], *, named: bool = False) -> Any:
    """Return the document without titles of schemas, and with new names of components. ``named``: keys are names."""
    if isinstance(node, list):
        return [_without_titles(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        head, _, name = reference.rpartition("/")
        return node | {"$ref": f"{head}/{names.get(name, name)}"}
    return {
        names.get(key, key) if named else key: _without_titles(value, names, named=key in _NAMING and not named)
        for key, value in node.items()
        if named or key != "title" or "version" in node
    }


def _in_markdown(node: Any) -> Any:
    """Return the document with the code in its descriptions as Markdown has it: docstrings double the backticks."""
    if isinstance(node, list):
        return [_in_markdown(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("``", "`") if key == "description" and isinstance(value, str) else _in_markdown(value)
        for key, value in node.items()
    }


def _say_what_is_binary(operation: dict[str, Any]) -> None:
    for answer in operation["responses"].values():
        for media_type, content in answer.get("content", {}).items():
            if not content.get("schema") and media_type != "application/json":
                content["schema"] = _TEXT if media_type in _TEXTS else _BINARY
