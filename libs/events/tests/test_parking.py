"""Setting aside, replaying and discarding events, alone and at the same time as batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid4

import pytest
from recobro_events import TRANSIENT_ERRORS, Consumer, Database, TooManySetAside, Transaction, dead_letters
from recobro_events._applying.batch import apart
from recobro_events._applying.parking import MOST_KEYS
from recobro_events._database.transaction import Row
from recobro_events._ids import caused_event_id
from recobro_events.contracts.base import ContractEvent
from recobro_events.contracts.dialer_feed import ContactInvalid, PaymentClaimed
from recobro_events.contracts.portfolio import PortfolioFileLoaded
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.testing import apply_records, published, record_of
from toy_services import until

TABLES = """
CREATE TABLE known (contract_id uuid PRIMARY KEY);
CREATE TABLE noted (n bigint GENERATED ALWAYS AS IDENTITY, contract_id uuid NOT NULL, note text NOT NULL);
"""


class Notes:
    """A consumer that stores claims and wrong numbers as notes, and fails on the notes in ``refused``."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.refused: set[str] = set()
        self.lists: list[int] = []
        self.silenced: list[UUID] = []
        self.released: list[UUID] = []
        self.while_writing: Callable[[], Awaitable[None]] | None = None
        self.consumer = Consumer("notes", listens_to=("dialer-feed", "portfolio"))
        self.consumer.lock_rows(self._lock)
        self.consumer.on(PaymentClaimed)(self._note)
        self.consumer.on(ContactInvalid)(self._note_number)
        self.consumer.on(ContractSetAside)(self._silence)
        self.consumer.on(ContractReplayed)(self._release)

    async def _lock(self, tx: Transaction, events: Sequence[object]) -> None:
        ids = sorted({event.contract_id for event in events if isinstance(event, ContractEvent)})
        await tx.execute("INSERT INTO known SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", ids)
        await tx.execute("SELECT FROM known WHERE contract_id = ANY($1) ORDER BY contract_id FOR UPDATE", ids)

    async def _note(self, claims: Sequence[PaymentClaimed], tx: Transaction) -> None:
        self.lists.append(len(claims))
        for claim in claims:
            tx.publish(
                ContactInvalid(contract_id=claim.contract_id, contact_id=claim.contract_id, why="x"), cause=claim
            )
        await self._write([(claim.contract_id, claim.detail or "") for claim in claims], tx)

    async def _note_number(self, reports: Sequence[ContactInvalid], tx: Transaction) -> None:
        await self._write([(report.contract_id, report.why) for report in reports], tx)

    async def _write(self, notes: Sequence[tuple[UUID, str]], tx: Transaction) -> None:
        await tx.execute(
            "INSERT INTO noted (contract_id, note) SELECT * FROM unnest($1::uuid[], $2::text[])",
            *zip(*notes, strict=True),
        )
        if self.while_writing is not None:
            await self.while_writing()
        if self.refused & {note for _, note in notes}:
            # This fails in the database, so the whole transaction fails unless it rolls back to a savepoint.
            await tx.execute("SELECT 1 / 0")

    async def _silence(self, events: Sequence[ContractSetAside], _tx: Transaction) -> None:
        self.silenced += [event.contract_id for event in events]

    async def _release(self, events: Sequence[ContractReplayed], _tx: Transaction) -> None:
        self.released += [event.contract_id for event in events]

    async def apply(self, *events: ContractEvent) -> None:
        await apply_records(self.database, self.consumer, [record_of(event) for event in events], apart)

    async def rows(self, sql: str) -> list[Row]:
        async with self.database.connection() as connection:
            return await connection.fetch(sql)  # type: ignore[no-any-return]

    async def noted(self) -> list[tuple[UUID, str]]:
        return [(row["contract_id"], row["note"]) for row in await self.rows("SELECT * FROM noted ORDER BY n")]


@pytest.fixture
async def notes(new_database: Callable[[], Awaitable[Database]]) -> Notes:
    database = await new_database()
    async with database.transaction() as tx:
        await tx.execute(TABLES)
    return Notes(database)


def claim(contract_id: UUID, detail: str) -> PaymentClaimed:
    return PaymentClaimed(contract_id=contract_id, detail=detail)


async def test_a_failing_group_is_halved_until_the_failing_event_stands_alone(notes: Notes) -> None:
    """The other 99 events are applied in lists, and the events of the failing one are not published."""
    contracts = [uuid4() for _ in range(100)]
    notes.refused = {"61"}
    await notes.apply(*(claim(contract_id, str(n)) for n, contract_id in enumerate(contracts)))
    assert {note for _, note in await notes.noted()} == {str(n) for n in range(100)} - {"61"}
    assert len(await notes.noted()) == 99
    assert len(notes.lists) < 20
    published_for = {event.contract_id for event in await published(notes.database, ContactInvalid)}
    assert published_for == set(contracts) - {contracts[61]}
    [letter] = await notes.rows("SELECT * FROM dead_letters")
    assert (letter["key"], letter["error"]) == (str(contracts[61]), "the handler failed: DivisionByZeroError")
    assert notes.silenced == [contracts[61]]


async def test_later_waves_and_other_types_of_the_key_queue_up_in_order(notes: Notes) -> None:
    one, two = uuid4(), uuid4()
    notes.refused = {"bad"}
    await notes.apply(
        claim(one, "first"),
        claim(one, "bad"),
        ContactInvalid(contract_id=one, contact_id=two, why="third"),
        claim(two, "fine"),
        claim(one, "fourth"),
    )
    await notes.apply(claim(one, "fifth"))
    assert await notes.noted() == [(one, "first"), (two, "fine")]
    assert [row["error"] is None for row in await notes.rows("SELECT * FROM dead_letters ORDER BY letter_id")] == [
        False,
        True,
        True,
        True,
    ]
    notes.refused = set()
    replay = await dead_letters.replay(notes.database, notes.consumer, str(one))
    assert (replay.applied, replay.waiting) == (4, 0)
    expected = [(one, "bad"), (one, "third"), (one, "fourth"), (one, "fifth")]
    assert (await notes.noted())[2:] == expected
    assert await notes.rows("SELECT FROM dead_letters UNION ALL SELECT FROM parked_keys") == []
    assert (notes.silenced, notes.released) == ([one], [one])
    assert [event.contract_id for event in await published(notes.database, ContractReplayed)] == [one]


async def test_events_about_set_aside_contracts_do_not_wait_behind_a_parked_key(notes: Notes) -> None:
    """Else services that wait for each other's events of a contract would wait for ever."""
    contract_id = uuid4()
    notes.refused = {"bad"}
    await notes.apply(claim(contract_id, "bad"))
    await notes.apply(
        ContractSetAside(contract_id=contract_id, service="promises", consumer="promises.events"),
        claim(contract_id, "next"),
        ContractReplayed(contract_id=contract_id, service="promises", consumer="promises.events"),
    )
    assert (notes.silenced, notes.released) == ([contract_id] * 2, [contract_id])
    assert len(await notes.rows("SELECT FROM dead_letters")) == 2


async def test_events_published_by_a_replay_have_the_ids_of_a_first_attempt(notes: Notes) -> None:
    contract_id = uuid4()
    notes.refused = {"bad"}
    record = record_of(claim(contract_id, "bad"))
    await apply_records(notes.database, notes.consumer, [record], apart)
    notes.refused = set()
    await dead_letters.replay(notes.database, notes.consumer, str(contract_id))
    [event] = await published(notes.database, ContactInvalid)
    cause = UUID(record.headers["ce_id"])
    assert event.event_id == caused_event_id(cause, "notes.events", ContactInvalid.type, str(contract_id), 0)


async def test_a_replay_keeps_what_it_applied_and_stops_at_the_first_failure(notes: Notes) -> None:
    contract_id = uuid4()
    notes.refused = {"bad", "worse"}
    await notes.apply(*(claim(contract_id, text) for text in ("bad", "good", "worse", "last")))
    notes.refused = {"worse"}
    replay = await dead_letters.replay(notes.database, notes.consumer, str(contract_id))
    assert (replay.applied, replay.waiting) == (2, 2)
    assert replay.error == "the handler failed: DivisionByZeroError"
    assert [note for _, note in await notes.noted()] == ["bad", "good"]
    [row] = await notes.rows("SELECT * FROM dead_letters WHERE replays > 0")
    await dead_letters.discard(notes.database, notes.consumer, row["letter_id"], by="ana", reason="duplicate")
    assert notes.released == []
    with pytest.raises(dead_letters.LetterUnknown):
        await dead_letters.discard(notes.database, notes.consumer, row["letter_id"], by="ana", reason="again")
    [last] = await notes.rows("SELECT * FROM dead_letters WHERE discarded_at IS NULL")
    discarded = await dead_letters.discard(
        notes.database, notes.consumer, last["letter_id"], by="ana", reason="too late"
    )
    assert discarded.waiting == 0
    assert notes.released == [contract_id]
    [kept, _] = await notes.rows("SELECT * FROM dead_letters ORDER BY letter_id")
    assert (kept["discarded_by"], kept["discard_reason"]) == ("ana", "duplicate")
    with pytest.raises(dead_letters.KeyNotParked):
        await dead_letters.replay(notes.database, notes.consumer, str(contract_id))


@pytest.mark.parametrize("rows", [True, False], ids=["with rows of the service", "without"])
async def test_a_batch_waits_for_a_replay_of_its_key_and_keeps_the_order(notes: Notes, rows: bool) -> None:
    contract_id = uuid4()
    if not rows:
        notes.consumer.lock_hook = None
    notes.refused = {"1"}
    await notes.apply(claim(contract_id, "1"), claim(contract_id, "2"))
    notes.refused = set()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        inside.set()
        await go_on.wait()

    notes.while_writing = hold
    replaying = asyncio.create_task(dead_letters.replay(notes.database, notes.consumer, str(contract_id)))
    await asyncio.wait_for(inside.wait(), 240)
    notes.while_writing = None
    applying = asyncio.create_task(notes.apply(claim(contract_id, "3")))
    await until(lambda: waits_for_a_lock(notes))
    go_on.set()
    await asyncio.gather(replaying, applying)
    assert [note for _, note in await notes.noted()] == ["1", "2", "3"]
    assert await notes.rows("SELECT FROM dead_letters") == []


@pytest.mark.parametrize("rows", [True, False], ids=["with rows of the service", "without"])
async def test_a_replay_waits_for_a_batch_and_applies_what_it_queued(notes: Notes, rows: bool) -> None:
    contract_id, other = uuid4(), uuid4()
    if not rows:
        notes.consumer.lock_hook = None
    notes.refused = {"1"}
    await notes.apply(claim(contract_id, "1"))
    notes.refused = set()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        inside.set()
        await go_on.wait()

    notes.while_writing = hold
    applying = asyncio.create_task(notes.apply(claim(contract_id, "2"), claim(other, "x")))
    await asyncio.wait_for(inside.wait(), 240)
    notes.while_writing = None
    replaying = asyncio.create_task(dead_letters.replay(notes.database, notes.consumer, str(contract_id)))
    await until(lambda: waits_for_a_lock(notes))
    go_on.set()
    await asyncio.gather(applying, replaying)
    assert [note for key, note in await notes.noted() if key == contract_id] == ["1", "2"]
    assert await notes.rows("SELECT FROM parked_keys") == []


async def waits_for_a_lock(notes: Notes) -> bool:
    return bool(
        await notes.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    )


async def test_too_many_parked_keys_stop_the_consumer_and_roll_the_batch_back(notes: Notes) -> None:
    notes.refused = {"bad"}
    few = [claim(uuid4(), "bad") for _ in range(MOST_KEYS)]
    await notes.apply(*few)
    with pytest.raises(TooManySetAside, match="more than 20 keys"):
        await notes.apply(claim(uuid4(), "good"), claim(uuid4(), "bad"))
    assert len(await notes.rows("SELECT FROM parked_keys")) == MOST_KEYS
    assert await notes.noted() == []
    async with notes.database.transaction() as tx:
        await tx.execute("UPDATE parked_keys SET parked_at = parked_at - interval '6 minutes'")
    await notes.apply(claim(uuid4(), "good"), claim(uuid4(), "bad"))
    assert len(await notes.rows("SELECT FROM parked_keys")) == MOST_KEYS + 1


async def test_a_migration_under_way_sets_no_event_aside(notes: Notes) -> None:
    """A connection keeps the plan of a statement, and another process changes the table: a retry helps."""

    async def read_all(_events: object, tx: Transaction) -> None:
        await tx.fetch("SELECT * FROM known")

    notes.consumer.handlers[PaymentClaimed] = read_all
    await notes.apply(claim(uuid4(), "1"))
    other = await notes.database.direct_connection()
    await other.execute("ALTER TABLE known ADD COLUMN migrated integer")
    await other.close()
    with pytest.raises(TRANSIENT_ERRORS):
        await notes.apply(claim(uuid4(), "2"))
    await notes.apply(claim(uuid4(), "2"))
    assert await notes.rows("SELECT FROM dead_letters") == []


async def test_a_parked_key_that_is_no_contract_silences_nobody(notes: Notes) -> None:
    async def refuse(_events: object, _tx: object) -> None:
        raise KeyError

    notes.consumer.on(PortfolioFileLoaded)(refuse)
    portfolio_id = uuid4()
    loaded = PortfolioFileLoaded(
        portfolio_id=portfolio_id,
        file_id=portfolio_id,
        rows_accepted=1,
        rows_rejected=0,
        amount_accepted="1.00",
        currency="MXN",
    )
    await apply_records(notes.database, notes.consumer, [record_of(loaded)], apart)
    [parked] = await notes.rows("SELECT * FROM parked_keys")
    assert (parked["key"], parked["contract_id"]) == (str(portfolio_id), None)
    assert await published(notes.database, ContractSetAside) == []
    assert notes.silenced == []


async def test_an_event_delivered_again_is_not_set_aside_again(notes: Notes) -> None:
    notes.refused = {"bad"}
    record = record_of(claim(uuid4(), "bad"))
    await apply_records(notes.database, notes.consumer, [record], apart)
    await apply_records(notes.database, notes.consumer, [record], apart)
    assert len(await notes.rows("SELECT FROM dead_letters")) == 1


async def test_replay_all_replays_every_parked_key(notes: Notes) -> None:
    contracts = sorted((uuid4() for _ in range(5)), key=str)
    notes.refused = {"bad", "worse"}
    await notes.apply(*(claim(c, "worse" if c == contracts[2] else "bad") for c in contracts))
    notes.refused = {"worse"}
    replays = await dead_letters.replay_all(notes.database, notes.consumer)
    assert [(replay.key, replay.applied) for replay in replays] == [
        (str(c), 0 if c == contracts[2] else 1) for c in contracts
    ]
    async with notes.database.connection() as connection:
        [left] = await dead_letters.parked_keys(connection)
    assert (left["key"], left["letters"], left["replays"]) == (str(contracts[2]), 1, 1)
