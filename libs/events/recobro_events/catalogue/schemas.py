"""The JSON Schema of every contract, as it is published."""

import inspect
from typing import Any

from recobro_events.contracts import REGISTRY, Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def contracts() -> dict[str, type[Event]]:
    """The event types that ``recobro_events.contracts`` declares, sorted by name; those of tests are left out."""
    return {
        name: event
        for name, event in sorted(REGISTRY.items())
        if event.__module__.startswith("recobro_events.contracts.")
    }


def description_of(event: type[Event]) -> str:
    """Its docstring and, below it, what the docstrings of its bases say of all events of its kind."""
    kinds = [kind for kind in event.__mro__ if issubclass(kind, Event) and kind is not Event]
    return "\n\n".join(inspect.cleandoc(kind.__dict__["__doc__"]) for kind in kinds if kind.__dict__.get("__doc__"))


def carries_personal_data(event: type[Event]) -> bool:
    """Whether its docstrings say so."""
    return "Carries personal data" in description_of(event)


def schema_of(event: type[Event]) -> Schema:
    """Of the body, self-contained. ``x-key`` names the field that orders the event, ``x-lane`` the way it takes."""
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
