"""Which changes of a contract are refused, with which sentence, and which are allowed."""

from copy import deepcopy
from datetime import date, datetime
from enum import StrEnum
from types import GenericAlias
from typing import Annotated, Any, Literal

import pytest
from pydantic import ConfigDict, Field, create_model
from recobro_events.catalogue.compatibility import refusals
from recobro_events.catalogue.schemas import Schema
from recobro_events.contracts.base import Money, Part

NAME = "tailor.ordered.v1"
GONE: Any = None


class Leg(Part):
    number: int
    wood: str | None = None


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Shrunk(StrEnum):
    SMALL = "small"


class Grown(StrEnum):
    MEDIUM = "medium"
    LARGE = "large"
    SMALL = "small"


def model(title: str, fields: dict[str, Any], unknown: Literal["ignore", "forbid"] = "ignore") -> Any:
    kept = {name: field for name, field in fields.items() if field is not GONE}
    return create_model(title, __config__=ConfigDict(extra=unknown), **kept)


def leg(title: str = "Leg", **changes: Any) -> Any:
    return model(title, {"number": (int, ...), "wood": (str | None, None)} | changes)


def legs(**changes: Any) -> Any:
    return GenericAlias(tuple, (leg(**changes), ...))


FIELDS: dict[str, Any] = {
    "price": (Money, ...),
    "size": (Size, ...),
    "due_on": (date, ...),
    "fitted_on": (date | None, None),
    "pieces": (int, 1),
    "length": (Annotated[int, Field(le=90)], ...),
    "kind": (Literal["coat", "suit"], ...),
    "legs": (tuple[Leg, ...], ()),
    "extra": (Leg | None, None),
}


def ordered(unknown: Any = "ignore", key: str = "contract_id", lane: str = "events", **changes: Any) -> Schema:
    """The schema of an event with a field of every kind that contracts have, with ``changes``."""
    schema = model("Ordered", FIELDS | changes, unknown).model_json_schema(mode="serialization")
    return {**schema, "x-key": key, "x-lane": lane}


NEEDED = "readers of revision 1 need it"
LACKING = "messages of revision 1 may lack it"
HELD = "messages of revision 1 may hold it"
BOTH = "readers and messages of revision 1 expect the old one"


@pytest.mark.parametrize(
    ("changes", "change", "hurt"),
    [
        ({"price": GONE}, 'the field "price" was removed', NEEDED),
        ({"fitted_on": GONE}, 'the field "fitted_on" was removed', NEEDED),
        ({"legs": (legs(number=GONE), ())}, 'the field "legs[].number" was removed', NEEDED),
        ({"extra": (leg(wood=GONE) | None, None)}, 'the field "extra.wood" was removed', NEEDED),
        ({"by": (str, ...)}, 'the field "by" was added as required', LACKING),
        ({"extra": (leg(by=(str, ...)) | None, None)}, 'the field "extra.by" was added as required', LACKING),
        ({"pieces": (int, ...)}, 'the field "pieces" is required now', LACKING),
        ({"size": (Size, "small")}, 'the field "size" may be missing now', NEEDED),
        ({"due_on": (date | None, ...)}, 'the field "due_on" may be null now', "readers of revision 1 refuse that"),
        (
            {"fitted_on": (date, None)},
            'the field "fitted_on" may not be null now',
            "messages of revision 1 may hold null",
        ),
        ({"size": (Shrunk, ...)}, 'the field "size" lost the value "large"', HELD),
        ({"kind": (Literal["suit"], ...)}, 'the field "kind" lost the value "coat"', HELD),
        ({"size": (str, ...)}, 'the field "size" has another enum: ["large", "small"] became none', BOTH),
        ({"price": (float, ...)}, 'the field "price" has another type: "string" became "number"', BOTH),
        ({"pieces": (float, 1)}, 'the field "pieces" has another type: "integer" became "number"', BOTH),
        (
            {"legs": (legs(wood=(Annotated[str, Field(pattern="^oak$")] | None, None)), ())},
            'the field "legs[].wood" has another pattern: none became "^oak$"',
            BOTH,
        ),
        ({"due_on": (datetime, ...)}, 'the field "due_on" has another format: "date" became "date-time"', BOTH),
        (
            {"length": (Annotated[int, Field(le=80)], ...)},
            'the field "length" has another maximum: 90 became 80',
            BOTH,
        ),
        ({"length": (int, ...)}, 'the field "length" has another maximum: 90 became none', BOTH),
        ({"pieces": (int, 2)}, 'the field "pieces" has another default: 1 became 2', BOTH),
        ({"legs": (tuple[str, ...], ())}, 'the field "legs[]" has another type: "object" became "string"', BOTH),
        ({"unknown": "forbid"}, "the event has another additionalProperties: none became false", BOTH),
        ({"key": "leg_id"}, 'the event has another key: "contract_id" became "leg_id"', BOTH),
        ({"lane": "bulk"}, 'the event has another lane: "events" became "bulk"', BOTH),
    ],
)
def test_an_incompatible_change_is_refused_with_a_sentence(changes: Any, change: str, hurt: str) -> None:
    assert refusals(NAME, {1: ordered()}, ordered(**changes)) == [
        f"tailor.ordered.v1: {change}; {hurt}. Add a new type, tailor.ordered.v2, instead."
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"by": (str | None, None)},
        {"extra": (leg(paint=(str, "none")) | None, None)},
        {"legs": (legs(paint=(str | None, None)), ())},
        {"extra": (leg("Limb") | None, None)},
        {"extra": (None | Leg, None)},
        {"size": (Grown, ...)},
        {"kind": (Literal["suit", "gown", "coat"], ...)},
        {"size": (Size, Field(title="Size", description="How much cloth.", examples=["small"]))},
    ],
)
def test_a_compatible_change_passes(changes: Any) -> None:
    assert refusals(NAME, {1: ordered()}, ordered(**changes)) == []


@pytest.mark.parametrize("kind", [dict[str, Leg], tuple[int, Leg], Leg | int, Leg | int | None])
def test_a_change_in_a_nested_part_is_found_wherever_it_stands(kind: Any) -> None:
    old = ordered(part=(kind, ...))
    new = deepcopy(old)
    assert refusals(NAME, {1: old}, new) == []
    for part in (part for part in new["$defs"].values() if "number" in part.get("properties", {})):
        part["properties"]["number"]["type"] = "string"
    assert any('the field "part' in sentence for sentence in refusals(NAME, {1: old}, new))


def test_all_revisions_are_checked_and_the_first_broken_one_is_named() -> None:
    kept = {2: ordered(size=(Grown, ...)), 1: ordered()}
    assert refusals(NAME, kept, ordered()) == [
        'tailor.ordered.v1: the field "size" lost the value "medium"; messages of revision 2 may hold it.'
        " Add a new type, tailor.ordered.v2, instead."
    ]
    [removed] = refusals(NAME, kept, ordered(size=(Grown, ...), price=GONE))
    assert "readers of revision 1 need it" in removed


def test_an_event_type_may_be_added_but_not_removed() -> None:
    [sentence] = refusals(NAME, {1: ordered()}, None)
    assert sentence.startswith("tailor.ordered.v1: the event type was removed")
    assert refusals(NAME, {}, ordered()) == []
