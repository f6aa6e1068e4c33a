"""Every parameter and every field of a body has a bound, in every service."""

from collections.abc import Iterator
from typing import Any

import pytest
from chassis import Role
from chassis.testing import test_settings
from fastapi import FastAPI
from recobro.log_settings import program_of
from recobro_events import Database, Runtime
from recobro_events.memory import MemoryTransport
from recobro_platform import SERVICES, Service

Json = dict[str, Any]
BOUNDED_TEXT = {"maxLength", "pattern", "enum", "format", "const"}


def app_of(service: Service) -> FastAPI:
    """The app of the service's process that serves, without its database and log."""
    program = program_of(service)
    settings = program.settings(**test_settings(service=service.name).model_dump())
    unopened = Database(settings.database_url)
    runtime = Runtime(service.name, unopened, MemoryTransport(1), program.consumer)
    return program.build(settings, unopened, runtime, Role.API)


def description_of(service: Service) -> Json:
    document: Json = app_of(service).openapi()
    return document


def unbounded(name: str, schema: Json, schemas: Json) -> Iterator[str]:
    """The parts of this schema without a bound. A name is looked up once, so a schema may name itself."""
    if "$ref" in schema:
        referred = schemas.pop(schema["$ref"].rpartition("/")[2], {})
        yield from unbounded(name, referred, schemas)
    kind = schema.get("type")
    if kind == "string" and not BOUNDED_TEXT & schema.keys():
        yield name
    if kind in ("integer", "number") and not ("minimum" in schema or "exclusiveMinimum" in schema):
        yield f"{name} (below)"
    if kind in ("integer", "number") and "maximum" not in schema:
        yield f"{name} (above)"
    of_an_enumeration = "enum" in schemas.get(schema.get("items", {}).get("$ref", "").rpartition("/")[2], {})
    if kind == "array" and "maxItems" not in schema and not of_an_enumeration:
        yield f"{name} (items)"
    if kind == "array":
        yield from unbounded(f"{name}[]", schema["items"], schemas)
    for field, inner in schema.get("properties", {}).items():
        yield from unbounded(f"{name}.{field}", inner, schemas)
    for alternative in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from unbounded(name, alternative, schemas)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_everything_that_is_sent_has_a_bound(service: Service) -> None:
    document = description_of(service)
    found: list[str] = []
    looked_at = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            sent = {f"{method} {path} ?{given['name']}": given["schema"] for given in operation.get("parameters", ())}
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                if media_type == "application/json":
                    sent[f"{method} {path}"] = content["schema"]
            for name, schema in sent.items():
                found += unbounded(name, schema, dict(document["components"]["schemas"]))
                looked_at += 1
    assert found == []
    assert looked_at > 10


def test_a_missing_bound_is_found() -> None:
    schemas = {"Inner": {"properties": {"note": {"type": "string"}, "more": {"$ref": "#/components/schemas/Inner"}}}}
    body = {"properties": {"inner": {"$ref": "#/components/schemas/Inner"}, "n": {"type": "integer", "minimum": 0}}}
    listed = {"type": "array", "items": {"type": "string", "maxLength": 3}}
    assert [*unbounded("body", body, dict(schemas))] == ["body.inner.note", "body.n (above)"]
    assert [*unbounded("query", {"anyOf": [listed, {"type": "null"}]}, {})] == ["query (items)"]
