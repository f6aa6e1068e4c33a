"""Contracts: their names and values. They read every revision that was ever published."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError
from recobro_events import Event, Lane
from recobro_events.catalogue.__main__ import revisions_in
from recobro_events.catalogue.schemas import Schema, contracts
from recobro_events.contracts import bulk_sources
from recobro_events.contracts.base import Envelope
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn
from recobro_events.contracts.portfolio import ContractRegistered, PaymentReceived, PortfolioStateChanged
from recobro_platform import SERVICE_NAMES

CONTRACTS = contracts()
REVISIONS = [
    pytest.param(name, schema, id=f"{name}-{number}")
    for name, revisions in revisions_in(Path(__file__).parent / "snapshots").items()
    for number, schema in revisions.items()
]
PLAIN = {
    "string": "something",
    "integer": 3,
    "number": 0.5,
    "boolean": True,
    "null": None,
    "uuid": "0193b1f2-7a4c-7000-8000-000000000001",
    "date": "2026-11-21",
    "date-time": "2026-11-22T16:00:00Z",
}


def example(node: Schema, definitions: Schema, *, full: bool) -> Any:
    """A document that the schema allows, with all its fields (``full``) or the required ones only."""
    if "$ref" in node:
        node = definitions[node["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in node:
        return example(node["anyOf"][0 if full else -1], definitions, full=full)
    if "enum" in node:
        return node["enum"][-1 if full else 0]
    if "examples" in node:
        return node["examples"][0]
    if node["type"] == "array":
        return [example(node["items"], definitions, full=full)] if full else []
    if node["type"] == "object":
        named = node["properties"] if full else node.get("required", ())
        return {name: example(node["properties"][name], definitions, full=full) for name in named}
    return PLAIN[node.get("format") or node["type"]]


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
@pytest.mark.parametrize(("name", "schema"), REVISIONS)
def test_todays_contract_reads_every_revision_and_loses_nothing(name: str, schema: Schema, full: bool) -> None:
    document = example(schema, schema.get("$defs", {}), full=full)
    event = CONTRACTS[name].received(json.dumps(document), envelope())
    assert json.loads(event.model_dump_json(exclude_unset=True)) == document
    assert (event.key, event.lane) == (document[schema["x-key"]], schema["x-lane"])


def test_type_names_lanes_and_keys_follow_the_rules() -> None:
    assert PaymentReceived.type == "portfolio.payment-received.v1"
    assert (PaymentReceived.lane, ContractRegistered.lane) == (Lane.EVENTS, Lane.BULK)
    assert PortfolioStateChanged.key_field == "portfolio_id"
    assert bulk_sources() & set(SERVICE_NAMES) == {"portfolio", "assignment", "dialer-feed"}
    for name, event in CONTRACTS.items():
        service, kebab, version = name.split(".")
        assert version == "v1"
        assert kebab == "".join(f"-{c.lower()}" if c.isupper() else c for c in event.__name__).lstrip("-")
        assert service in {*SERVICE_NAMES, "runtime", "agency"}
        assert event.model_config["frozen"]


def body(**changes: Any) -> dict[str, Any]:
    return {
        "contract_id": str(uuid4()),
        "version": 7,
        "as_of": "2026-11-22",
        "state": "open",
        "stage": "early",
        "days_past_due": 12,
        "overdue_balance": "0.00",
        "total_balance": "899.5",
        "oldest_due_on": "2026-12-01",
        "payment_id": str(uuid4()),
        "amount": "899.50",
        "currency": "MXN",
        "paid_on": "2026-11-21",
        "received_at": "2026-11-22T16:00:00Z",
        "channel": "bank",
        "reference": None,
        "credit": "0.00",
        "settled": False,
        "days_past_due_before": 12,
    } | changes


def envelope() -> Envelope:
    at = datetime(2026, 11, 22, 16, tzinfo=UTC)
    return Envelope(event_id=uuid4(), type=PaymentReceived.type, source="portfolio", occurred_at=at, key="k")


def test_unknown_fields_are_ignored_so_that_old_readers_survive_new_writers() -> None:
    event = PaymentReceived.received(json.dumps(body(mood="good")), envelope())
    assert event.amount == Decimal("899.50")
    assert "mood" not in event.body()


def test_money_is_serialised_as_text_with_two_decimals() -> None:
    event = PaymentReceived.received(json.dumps(body()), envelope())
    assert json.loads(event.body())["total_balance"] == "899.50"


@pytest.mark.parametrize(
    "amount", [1, 1.5, True, None, "NaN", "Infinity", "1e4", "1_000", "1,000", "1.234", "", "٣", "1" * 13]
)
def test_an_invalid_amount_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        PaymentReceived.received(json.dumps(body(amount=amount)), envelope())


def test_an_event_is_immutable_and_has_an_envelope_only_when_received() -> None:
    event = PaymentReceived.received(json.dumps(body()), envelope())
    assert event.occurred_at.tzinfo is not None
    with pytest.raises(ValidationError):
        event.version = 8  # type: ignore[misc]
    fresh = TypeAdapter(PaymentReceived).validate_python(event.model_dump(mode="json"))
    with pytest.raises(LookupError):
        _ = fresh.event_id


def test_a_type_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        type("Copy", (Event,), {}, type=ListEntryWithdrawn.type)
