"""Contracts keep their promise to old readers: what they say today is compared with what was committed."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from events import Event, Lane
from events.contracts import REGISTRY, bulk_sources
from events.contracts.base import Envelope
from events.contracts.dialer_feed import ListEntryWithdrawn
from events.contracts.portfolio import ContractRegistered, PaymentReceived, PortfolioStateChanged
from events.contracts.runtime import SERVICES
from pydantic import TypeAdapter, ValidationError

SNAPSHOTS = Path(__file__).parent / "snapshots"
OURS = {name: event for name, event in REGISTRY.items() if event.__module__.startswith("events.")}


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_contract_is_what_its_snapshot_says(name: str) -> None:
    """After a compatible change: ``UPDATE_SNAPSHOTS=1 pytest libs/events/tests/test_contracts.py``, and commit."""
    schema = OURS[name].model_json_schema(mode="serialization")
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    assert json.loads(path.read_text()) == schema


def test_every_snapshot_has_its_contract() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == set(OURS)


def test_type_names_lanes_and_keys_are_those_of_the_catalogue() -> None:
    assert PaymentReceived.type == "portfolio.payment-received.v1"
    assert (PaymentReceived.lane, ContractRegistered.lane) == (Lane.EVENTS, Lane.BULK)
    assert PortfolioStateChanged.key_field == "portfolio_id"
    assert bulk_sources() & set(SERVICES) == {"portfolio", "assignment"}
    for name, event in OURS.items():
        service, kebab, version = name.split(".")
        assert version == "v1"
        assert kebab == "".join(f"-{c.lower()}" if c.isupper() else c for c in event.__name__).lstrip("-")
        assert service in {*SERVICES, "runtime", "agency"}
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
    return Envelope(
        event_id=uuid4(), type=PaymentReceived.type, source="portfolio", occurred_at="2026-11-22T16:00:00Z", key="k"
    )


def test_unknown_fields_are_ignored_so_that_old_readers_survive_new_writers() -> None:
    event = PaymentReceived.received(json.dumps(body(mood="good")), envelope())
    assert event.amount == Decimal("899.50")
    assert "mood" not in event.body()


def test_money_travels_as_text_with_two_decimals() -> None:
    event = PaymentReceived.received(json.dumps(body()), envelope())
    assert json.loads(event.body())["total_balance"] == "899.50"


@pytest.mark.parametrize(
    "amount", [1, 1.5, True, None, "NaN", "Infinity", "1e4", "1_000", "1,000", "1.234", "", "٣", "1" * 13]
)
def test_what_is_no_money_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        PaymentReceived.received(json.dumps(body(amount=amount)), envelope())


def test_an_event_is_immutable_and_knows_its_envelope_only_when_received() -> None:
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
