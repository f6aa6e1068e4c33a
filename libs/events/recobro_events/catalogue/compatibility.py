"""Check that a contract is compatible with all its published revisions, in both directions.

New readers meet old messages for as long as topics keep them, and old readers meet new messages while services are
replaced. So a field is never removed, never changes its type, and stays required or optional as it was. Optional
fields, values of enumerations and whole event types may be added.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from recobro_events.catalogue.schemas import Schema

_ANNOTATIONS = {"$schema", "$defs", "title", "description", "examples", "x-personal-data"}

_NEEDED = "readers of revision {} need it"
_REFUSED = "readers of revision {} refuse that"
_LACKING = "messages of revision {} may lack it"
_HELD = "messages of revision {} may hold it"
_HELD_NULL = "messages of revision {} may hold null"
_OTHERWISE = "readers and messages of revision {} expect the old one"

Difference = tuple[str, str]
"""A change, and a sentence on whom it breaks, with a placeholder for the revision's number."""


def refusals(name: str, kept: Mapping[int, Schema], now: Schema | None) -> list[str]:
    """A sentence for each incompatible change of the event type ``name``, with the first revision that it breaks.

    ``kept`` has all revisions by number. ``now`` is the contract's schema today, or ``None`` if it was removed.
    """
    if now is None:
        return [f"{name}: the event type was removed; its messages may still be on a topic. Bring it back."]
    stem, version = name.rsplit(".v", 1)
    found: dict[str, str] = {}
    for revision, schema in sorted(kept.items()):
        for change, consequence in _differences(shape_of(schema), shape_of(now)):
            found.setdefault(change, consequence.format(revision))
    successor = f"{stem}.v{int(version) + 1}"
    return [f"{name}: {change}; {hurt}. Add a new type, {successor}, instead." for change, hurt in found.items()]


def shape_of(schema: Schema) -> Schema:
    """The part of a schema that matters to readers and writers, without references, annotations and order of lists.

    ``null`` as an alternative becomes ``nullable``. A contract that contains itself raises ``RecursionError``.
    """
    return _shape(schema, schema.get("$defs", {}))


def _shape(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    if "$ref" in node:
        node = definitions[node["$ref"].removeprefix("#/$defs/")] | {k: v for k, v in node.items() if k != "$ref"}
    shape: Schema = {}
    for keyword, value in node.items():
        if keyword in _ANNOTATIONS:
            continue
        if keyword == "properties":
            shape[keyword] = {name: _shape(field, definitions) for name, field in value.items()}
        elif keyword in {"required", "enum"}:
            shape[keyword] = sorted(value, key=str)
        elif keyword == "const":
            shape["enum"] = [value]
        elif keyword != "default" and isinstance(value, dict):
            shape[keyword] = _shape(value, definitions)
        elif keyword != "default" and isinstance(value, list):
            shape[keyword] = [_shape(part, definitions) for part in value]
        else:
            shape[keyword] = value
    return _with_nullable(shape)


def _with_nullable(shape: Schema) -> Schema:
    if "anyOf" not in shape:
        return shape
    alternatives = shape.pop("anyOf")
    others = [part for part in alternatives if part != {"type": "null"}]
    nullable = {"nullable": True} if len(others) < len(alternatives) else {}
    return shape | nullable | (others[0] if len(others) == 1 else {"anyOf": others})


def _differences(old: Schema, new: Schema, field: str = "") -> Iterator[Difference]:
    subject = f'the field "{field}"' if field else "the event"
    if old.get("type") != new.get("type"):
        yield _other(subject, "type", old, new)
        return
    for keyword in sorted((old.keys() | new.keys()) - {"properties", "required", "default"}):
        before, after = old.get(keyword), new.get(keyword)
        if keyword == "nullable" and before != after:
            yield (f"{subject} may be null now", _REFUSED) if after else (f"{subject} may not be null now", _HELD_NULL)
        elif keyword == "enum" and before and after:
            yield from ((f"{subject} lost the value {_shown(v)}", _HELD) for v in before if v not in after)
        elif keyword == "items" and before and after:
            yield from _differences(before, after, field + "[]")
        elif before != after:
            yield _other(subject, keyword, old, new)
    yield from _differences_of_fields(old, new, field)


def _differences_of_fields(old: Schema, new: Schema, parent: str) -> Iterator[Difference]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before | after:
        field = f"{parent}.{name}" if parent else name
        subject = f'the field "{field}"'
        if name not in after:
            yield f"{subject} was removed", _NEEDED
        elif name not in before:
            if name in needed_after:
                yield f"{subject} was added as required", _LACKING
        else:
            if name in needed_after - needed_before:
                yield f"{subject} is required now", _LACKING
            elif name in needed_before - needed_after:
                yield f"{subject} may be missing now", _NEEDED
            elif before[name].get("default") != after[name].get("default"):
                yield _other(subject, "default", before[name], after[name])
            yield from _differences(before[name], after[name], field)


def _other(subject: str, keyword: str, old: Schema, new: Schema) -> Difference:
    name = keyword.removeprefix("x-")
    return f"{subject} has another {name}: {_shown(old.get(keyword))} became {_shown(new.get(keyword))}", _OTHERWISE


def _shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
