"""Events that a SQL statement publishes: the rows are those of ``publish``, and they match their contracts."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

import pytest
from recobro_events import Database, Event, caused_event_id, outbox, schema
from recobro_events.contracts import agency, portfolio
from recobro_events.contracts.field_visits import VisitCancelled
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.testing import published

NewDatabase = Callable[[], Awaitable[Database]]

_SET_ASIDE = "json_build_object('contract_id', contract_id, 'service', 'orders', 'consumer', 'orders.events')"
_TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
_FROM = "FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS given (contract_id, cause, number) ORDER BY number"


async def _publish(database: Database, head: str, *causes: UUID | None) -> list[UUID]:
    """Publish an event for each cause, each about another contract; return the contracts."""
    contract_ids = [uuid4() for _ in causes]
    async with database.transaction() as tx:
        await tx.execute(f"{head} {_FROM}", contract_ids, list(causes))
    return contract_ids


async def test_sql_rows_have_the_ids_that_python_makes_from_the_causes(new_database: NewDatabase) -> None:
    database = await new_database()
    head = outbox.rows(
        ContractSetAside,
        body=_SET_ASIDE,
        traceparent=f"'{_TRACE}'",
        event_id=outbox.Caused("cause", consumer="'orders.events'"),
    )
    causes = [uuid4(), uuid4()]
    contract_ids = await _publish(database, head, *causes)
    events = await published(database, ContractSetAside)
    assert [event.contract_id for event in events] == contract_ids
    assert {event.envelope.traceparent for event in events} == {_TRACE}
    assert [event.event_id for event in events] == [
        caused_event_id(cause, "orders.events", ContractSetAside.type, str(contract_id), 0)
        for cause, contract_id in zip(causes, contract_ids, strict=True)
    ]


async def test_a_given_key_and_number_go_into_the_id(new_database: NewDatabase) -> None:
    database = await new_database()
    head = outbox.rows(
        ContractSetAside,
        body=_SET_ASIDE,
        traceparent="NULL",
        event_id=outbox.Caused("cause", consumer="'api'", key="'list ' || number", n="number + 6"),
    )
    cause = uuid4()
    await _publish(database, head, cause)
    [event] = await published(database, ContractSetAside)
    assert event.event_id == caused_event_id(cause, "api", ContractSetAside.type, "list 1", 7)


@pytest.mark.parametrize("event_id", [None, outbox.Caused("cause", consumer="'api'")])
async def test_an_event_without_a_cause_has_a_new_id(new_database: NewDatabase, event_id: outbox.Caused | None) -> None:
    database = await new_database()
    head = outbox.rows(ContractSetAside, body=_SET_ASIDE, traceparent="NULL", event_id=event_id)
    await _publish(database, head, None, None)
    first, second = await published(database, ContractSetAside)
    assert first.event_id.version == second.event_id.version == 7
    assert first.event_id != second.event_id


async def test_a_given_id_and_audience_are_kept(new_database: NewDatabase) -> None:
    database = await new_database()
    head = outbox.rows(
        ContractSetAside, body=_SET_ASIDE, traceparent="NULL", event_id="cause", audience="'dialer-feed'"
    )
    event_id = uuid4()
    await _publish(database, head, event_id)
    [event] = await published(database, ContractSetAside)
    assert event.event_id == event_id
    assert event.envelope.audience == "dialer-feed"


async def test_the_first_condition_that_holds_decides_the_event_type(new_database: NewDatabase) -> None:
    database = await new_database()
    head = outbox.rows(
        {"number = 1": ContractSetAside, "true": ContractReplayed},
        body=_SET_ASIDE,
        traceparent="NULL",
        event_id=outbox.Caused("cause", consumer="'api'"),
    )
    causes = [uuid4(), uuid4()]
    contract_ids = await _publish(database, head, *causes)
    [[aside], [replayed]] = [await published(database, each) for each in (ContractSetAside, ContractReplayed)]
    assert [aside.contract_id, replayed.contract_id] == contract_ids
    assert aside.event_id == caused_event_id(causes[0], "api", ContractSetAside.type, aside.key, 0)
    assert replayed.event_id == caused_event_id(causes[1], "api", ContractReplayed.type, replayed.key, 0)


async def test_an_event_for_an_agency_goes_to_the_given_topic(new_database: NewDatabase) -> None:
    database = await new_database()
    async with database.connection() as connection:
        await connection.execute(schema.UPGRADE_AGENCIES)
    body = "json_build_object('agency_id', cause, 'contract_id', contract_id, 'clarification_id', contract_id)"
    head = outbox.rows(
        agency.ClarificationOpened, body=body, traceparent="NULL", topic="'agency.' || cause || '.events'"
    )
    agency_id = uuid4()
    await _publish(database, head, agency_id)
    [event] = await published(database, agency.ClarificationOpened)
    assert event.topic == f"agency.{agency_id}.events"


@pytest.mark.parametrize(
    ("event_type", "topic", "why"),
    [
        (agency.ClarificationOpened, None, "need a topic"),
        (VisitCancelled, "'somewhere'", "no topic of their own"),
        ({"true": VisitCancelled, "false": portfolio.ContractRegistered}, None, "share a lane"),
        ({"true": portfolio.PortfolioStateChanged, "false": portfolio.PaymentReceived}, None, "share a key field"),
    ],
)
def test_event_types_and_topics_that_do_not_fit_are_refused(
    event_type: type[Event] | Mapping[str, type[Event]], topic: str | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        outbox.rows(event_type, body="NULL::json", traceparent="NULL", topic=topic)


@pytest.mark.parametrize(
    ("body", "key", "why"),
    [
        (_SET_ASIDE.replace("'consumer'", "'consmuer'"), None, "consumer\n  Field required"),
        (_SET_ASIDE.replace("'service'", "'of', 1, 'service'"), None, "does not have of"),
        (_SET_ASIDE, "cause", "in its body"),
    ],
)
async def test_a_row_that_does_not_fit_its_contract_fails_the_test_that_reads_it(
    new_database: NewDatabase, body: str, key: str | None, why: str
) -> None:
    database = await new_database()
    await _publish(database, outbox.rows(ContractSetAside, body=body, traceparent="NULL", key=key), uuid4())
    with pytest.raises(AssertionError, match=why):
        await published(database, ContractSetAside)


async def test_an_unknown_nested_field_fails_the_test_that_reads_it(new_database: NewDatabase) -> None:
    database = await new_database()
    body = """json_build_object('contract_id', contract_id, 'version', 1, 'as_of', '2026-01-01', 'state', 'open',
        'stage', 'early', 'days_past_due', 1, 'overdue_balance', '1.00', 'total_balance', '1.00', 'details_version', 1,
        'creditor_id', cause, 'portfolio_id', cause, 'contract_number', '1', 'incomplete', false, 'jurisdiction', 'MX',
        'currency', 'MXN', 'debtor', json_build_object('debtor_id', cause, 'name', 'Ana', 'age', 30), 'episode', 1,
        'pauses', json_build_array(json_build_object('pause_id', cause, 'version', 1, 'starts_on', '2026-01-01',
            'why', 'x')))"""
    await _publish(database, outbox.rows(portfolio.ContractRegistered, body=body, traceparent="NULL"), uuid4())
    with pytest.raises(AssertionError, match=r"does not have debtor\.age, pauses\.0\.why"):
        await published(database, portfolio.ContractRegistered)
