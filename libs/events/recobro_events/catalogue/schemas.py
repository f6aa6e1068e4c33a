"""The published JSON Schema of each contract."""

import inspect
from typing import Any

from recobro_events.contracts import REGISTRY, Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def contracts() -> dict[str, type[Event]]:
    """The event types that ``recobro_events.contracts`` declares, sorted by name; types of tests are left out."""
    return {
        name: event
        for name, event in sorted(REGISTRY.items())
        if event.__module__.startswith("recobro_events.contracts.")
    }


def description_of(event: type[Event]) -> str:
    """The docstring of the event class, followed by the docstrings of its bases."""
    kinds = [kind for kind in event.__mro__ if issubclass(kind, Event) and kind is not Event]
    return "\n\n".join(inspect.cleandoc(kind.__dict__["__doc__"]) for kind in kinds if kind.__dict__.get("__doc__"))


def carries_personal_data(event: type[Event]) -> bool:
    """Whether the docstrings of the event class or its bases say so."""
    return "Carries personal data" in description_of(event)


def schema_of(event: type[Event]) -> Schema:
    """The self-contained schema of the body. ``x-key`` names the key field, ``x-lane`` the event's lane."""
    schema = event.model_json_schema(mode="serialization")
    described = {
        "$schema": DIALECT,
        "title": schema.pop("title"),
        "description": description_of(event),
        "x-key": event.key_field,
        "x-lane": event.lane.value,
        "x-personal-data": carries_personal_data(event),
    }
    definitions = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
    return described | {name: value for name, value in schema.items() if name != "description"} | definitions
