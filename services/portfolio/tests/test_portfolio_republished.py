"""Republished events change the projections and write no history. History records contracts that are set aside."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from agreement_deals import Deal
from events_of_other_services import later, placed, promised, receive, then, visited
from portfolio.agreements import following
from portfolio.handlers import consumer
from portfolio.ledger.identities import contract_id_of
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import EVERYONE, Event, Record, dead_letters, envelope_of, headers_of
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEnded,
    PlacementRecalled,
    PlacementRecallRequested,
    PlacementReinstated,
)
from recobro_events.contracts.field_visits import VisitOrdered
from recobro_events.contracts.promises import (
    AgreementKind,
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromisePartlyKept,
    PromiseReopened,
)
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.testing import apart, apply_records, published, record_of
from recobro_platform import SERVICE_NAMES

AGENCY = uuid4()


async def a_contract(given: Given) -> UUID:
    return await given.contract(await given.portfolio(), (days_ago(40), "100.00"))


def republished(event: Event, audience: str) -> Record:
    """The record of the event as its source republishes it to ``audience``."""
    record = record_of(event)
    envelope = envelope_of(record.headers)._replace(audience=audience)
    return record._replace(headers=headers_of(envelope))


async def lines(given: Given) -> list[tuple[str, str]]:
    rows = await given.rows("SELECT kind, summary FROM contract_history ORDER BY history_id")
    return [(row["kind"], row["summary"]) for row in rows]


async def states(given: Given, table: str) -> list[str]:
    return [row["state"] for row in await given.rows(f"SELECT state FROM {table} ORDER BY state")]


def one_of_each_type(contract_id: UUID) -> Sequence[Event]:
    """One event of every type that is republished and stored or recorded here, each about another thing."""
    placement, promise = placed(contract_id, AGENCY), promised(contract_id)
    reinstated = then(PlacementReinstated, placed(contract_id, AGENCY), starts_on=TODAY)
    return [
        placement,
        then(PlacementRecallRequested, placed(contract_id, AGENCY), final_on=TODAY),
        then(PlacementRecalled, placed(contract_id, AGENCY)),
        reinstated,
        then(PlacementEnded, placed(contract_id, AGENCY)),
        promise,
        later(PromiseKept, promised(contract_id)),
        later(PromisePartlyKept, promised(contract_id)),
        later(PromiseBroken, promised(contract_id)),
        later(PromiseReopened, promised(contract_id)),
        later(PromiseCancelled, promised(contract_id), reason="by mistake"),
        Deal(contract_id, AgreementKind.RESTRUCTURE, "0.00", (5, "100.00")).reached(),
        Deal(contract_id, AgreementKind.SETTLEMENT, "20.00", (5, "80.00")).fulfilled(),
        Deal(contract_id, AgreementKind.SETTLEMENT, "20.00", (5, "80.00")).settled(),
        Deal(contract_id, AgreementKind.SETTLEMENT, "20.00", (5, "80.00")).broken(),
        Deal(contract_id, AgreementKind.SETTLEMENT, "20.00", (5, "80.00")).cancelled(),
        VisitOrdered(contract_id=contract_id, visit_id=uuid4(), visitor="luis", address_id=uuid4(), visit_on=TODAY),
        visited(contract_id),
    ]


@pytest.mark.parametrize("audience", ["portfolio", EVERYONE])
async def test_republished_events_change_the_projections_and_write_no_history(given: Given, audience: str) -> None:
    contract_id = await a_contract(given)
    events = one_of_each_type(contract_id)
    await apply_records(given.database, consumer, [republished(event, audience) for event in events])
    assert await lines(given) == []
    assert await states(given, "placement") == ["active", "active", "ended", "recall_pending", "recalled"]
    assert await states(given, "promise") == ["broken", "cancelled", "kept", "open", "open", "partly_kept"]
    assert await states(given, "agreement") == ["broken", "cancelled", "fulfilled", "open", "settled"]
    await following.follow_all(given.database)
    contract = await given.row(contract_id)
    assert (contract["rescheduled_by"] is not None, contract["total_balance"]) == (True, 80)
    of_consequences = len(await lines(given))
    await receive(given, *events)
    assert len(await lines(given)) == of_consequences + len(events), "an event that is not republished is recorded"


async def test_an_event_republished_to_another_service_is_ignored(given: Given) -> None:
    contract_id = await a_contract(given)
    await apply_records(given.database, consumer, [republished(placed(contract_id, AGENCY), "dialer-feed")])
    assert await given.rows("SELECT FROM placement") == []


async def test_a_republished_state_of_a_newer_epoch_replaces_the_stored_one(given: Given) -> None:
    """A restored service has lost a recall. It republishes the placement with a version of its new epoch."""
    contract_id = await a_contract(given)
    first = placed(contract_id, AGENCY)
    await receive(given, first, then(PlacementRecallRequested, first, final_on=TODAY))
    assert await states(given, "placement") == ["recall_pending"]
    restored = first.model_copy(update={"version": 1 << 40 | 1})
    await apply_records(given.database, consumer, [republished(restored, EVERYONE)])
    assert await states(given, "placement") == ["active"]
    assert [kind for kind, _ in await lines(given)] == ["placed", "recall_requested"]


# --- set aside


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_history_records_that_a_service_set_a_contract_aside_and_replayed_it(given: Given, service: str) -> None:
    about = {"contract_id": await a_contract(given), "service": service, "consumer": f"{service}.events"}
    await receive(given, ContractSetAside(**about))
    await apply_records(given.database, consumer, [republished(ContractSetAside(**about), EVERYONE)])
    await receive(given, ContractReplayed(**about))
    assert await lines(given) == [
        ("set_aside", f"{service} has set aside an event; contact stops"),
        ("replayed", f"{service} has handled the events that it had set aside"),
    ]


async def test_nothing_is_recorded_for_an_unknown_contract(given: Given) -> None:
    await receive(given, ContractSetAside(contract_id=uuid4(), service="promises", consumer="promises.events"))
    assert await lines(given) == []


async def test_an_event_about_an_unknown_contract_is_set_aside_alone(given: Given) -> None:
    known, stranger = [await a_contract(given) for _ in range(4)], uuid4()
    about = [*known[:2], stranger, *known[2:]]
    records = [record_of(placed(contract_id, AGENCY)) for contract_id in about]
    records.append(record_of(promised(stranger)))
    await apply_records(given.database, consumer, records, handle=apart)
    assert {row["contract_id"] for row in await given.rows("SELECT contract_id FROM placement")} == set(known)
    assert await lines(given) == [("placed", f"for dialing from {TODAY}")] * 4
    letters = await given.rows("SELECT key, type, error FROM dead_letters ORDER BY letter_id")
    assert [tuple(row) for row in letters] == [
        (str(stranger), ContractPlaced.type, f"is about an unknown contract: {stranger}"),
        (str(stranger), promised(stranger).type, None),
    ]
    [event] = await published(given.database, ContractSetAside)
    assert (event.contract_id, event.service) == (stranger, "portfolio")


async def test_an_event_that_was_set_aside_is_replayed_after_its_contract_is_loaded(given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = contract_id_of(portfolio_id, "C-1")
    await apply_records(given.database, consumer, [record_of(placed(contract_id, AGENCY))], handle=apart)
    await given.contract(portfolio_id, (days_ago(40), "100.00"), number="C-1")
    replay = await dead_letters.replay(given.database, consumer, str(contract_id))
    assert (replay.applied, replay.waiting, replay.error) == (1, 0, None)
    assert [kind for kind, _ in await lines(given)] == ["placed", "replayed"]
