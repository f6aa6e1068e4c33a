"""Setting aside, replaying and discarding, one batch at a time; and the moments at which they meet."""

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
    """A consumer that notes claims and wrong numbers, and cannot bear some of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.unbearable: set[str] = set()
        self.lists: list[int] = []
        self.silenced: list[UUID] = []
        self.heard_again: list[UUID] = []
        self.while_noting: Callable[[], Awaitable[None]] | None = None
        self.consumer = Consumer("notes", listens_to=("dialer-feed", "portfolio"))
        self.consumer.lock_rows(self._lock)
        self.consumer.on(PaymentClaimed)(self._note)
        self.consumer.on(ContactInvalid)(self._note_number)
        self.consumer.on(ContractSetAside)(self._silence)
        self.consumer.on(ContractReplayed)(self._hear_again)

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
        if self.while_noting is not None:
            await self.while_noting()
        if self.unbearable & {note for _, note in notes}:
            # Fails in the database, so that the whole transaction is spoilt unless a savepoint is gone back to.
            await tx.execute("SELECT 1 / 0")

    async def _silence(self, events: Sequence[ContractSetAside], _tx: Transaction) -> None:
        self.silenced += [event.contract_id for event in events]

    async def _hear_again(self, events: Sequence[ContractReplayed], _tx: Transaction) -> None:
        self.heard_again += [event.contract_id for event in events]

    async def hears(self, *events: ContractEvent) -> None:
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


async def test_a_group_is_cut_in_half_until_the_culprit_stands_alone(notes: Notes) -> None:
    """Ninety-nine of a hundred are applied, by lists, not one by one; what the culprit published is not."""
    contracts = [uuid4() for _ in range(100)]
    notes.unbearable = {"61"}
    await notes.hears(*(claim(contract_id, str(n)) for n, contract_id in enumerate(contracts)))
    assert {note for _, note in await notes.noted()} == {str(n) for n in range(100)} - {"61"}
    assert len(await notes.noted()) == 99
    assert len(notes.lists) < 20
    published_for = {event.contract_id for event in await published(notes.database, ContactInvalid)}
    assert published_for == set(contracts) - {contracts[61]}
    [letter] = await notes.rows("SELECT * FROM dead_letters")
    assert (letter["key"], letter["error"]) == (str(contracts[61]), "made its handler fail: DivisionByZeroError")
    assert notes.silenced == [contracts[61]]


async def test_later_waves_and_other_types_of_the_key_queue_up_in_order(notes: Notes) -> None:
    one, two = uuid4(), uuid4()
    notes.unbearable = {"bad"}
    await notes.hears(
        claim(one, "first"),
        claim(one, "bad"),
        ContactInvalid(contract_id=one, contact_id=two, why="third"),
        claim(two, "fine"),
        claim(one, "fourth"),
    )
    await notes.hears(claim(one, "fifth"))
    assert await notes.noted() == [(one, "first"), (two, "fine")]
    assert [row["error"] is None for row in await notes.rows("SELECT * FROM dead_letters ORDER BY letter_id")] == [
        False,
        True,
        True,
        True,
    ]
    notes.unbearable = set()
    replay = await dead_letters.replay(notes.database, notes.consumer, str(one))
    assert (replay.applied, replay.waiting) == (4, 0)
    expected = [(one, "bad"), (one, "third"), (one, "fourth"), (one, "fifth")]
    assert (await notes.noted())[2:] == expected
    assert await notes.rows("SELECT FROM dead_letters UNION ALL SELECT FROM parked_keys") == []
    assert (notes.silenced, notes.heard_again) == ([one], [one])
    assert [event.contract_id for event in await published(notes.database, ContractReplayed)] == [one]


async def test_who_else_is_behind_is_known_at_once(notes: Notes) -> None:
    """Services that wait for each other's news of a contract would never be freed."""
    contract_id = uuid4()
    notes.unbearable = {"bad"}
    await notes.hears(claim(contract_id, "bad"))
    await notes.hears(
        ContractSetAside(contract_id=contract_id, service="promises", consumer="promises.events"),
        claim(contract_id, "next"),
        ContractReplayed(contract_id=contract_id, service="promises", consumer="promises.events"),
    )
    assert (notes.silenced, notes.heard_again) == ([contract_id] * 2, [contract_id])
    assert len(await notes.rows("SELECT FROM dead_letters")) == 2


async def test_what_a_replay_publishes_has_the_ids_that_it_would_have_had(notes: Notes) -> None:
    contract_id = uuid4()
    notes.unbearable = {"bad"}
    record = record_of(claim(contract_id, "bad"))
    await apply_records(notes.database, notes.consumer, [record], apart)
    notes.unbearable = set()
    await dead_letters.replay(notes.database, notes.consumer, str(contract_id))
    [event] = await published(notes.database, ContactInvalid)
    cause = UUID(record.headers["ce_id"])
    assert event.event_id == caused_event_id(cause, "notes.events", ContactInvalid.type, str(contract_id), 0)


async def test_a_replay_keeps_what_it_could_apply_and_stops_at_what_it_could_not(notes: Notes) -> None:
    contract_id = uuid4()
    notes.unbearable = {"bad", "worse"}
    await notes.hears(*(claim(contract_id, text) for text in ("bad", "good", "worse", "last")))
    notes.unbearable = {"worse"}
    replay = await dead_letters.replay(notes.database, notes.consumer, str(contract_id))
    assert (replay.applied, replay.waiting) == (2, 2)
    assert replay.error == "made its handler fail: DivisionByZeroError"
    assert [note for _, note in await notes.noted()] == ["bad", "good"]
    [row] = await notes.rows("SELECT * FROM dead_letters WHERE replays > 0")
    await dead_letters.discard(notes.database, notes.consumer, row["letter_id"], by="ana", reason="twice the same")
    assert notes.heard_again == []
    with pytest.raises(dead_letters.LetterUnknown):
        await dead_letters.discard(notes.database, notes.consumer, row["letter_id"], by="ana", reason="again")
    [last] = await notes.rows("SELECT * FROM dead_letters WHERE discarded_at IS NULL")
    freed = await dead_letters.discard(notes.database, notes.consumer, last["letter_id"], by="ana", reason="too late")
    assert freed.waiting == 0
    assert notes.heard_again == [contract_id]
    [kept, _] = await notes.rows("SELECT * FROM dead_letters ORDER BY letter_id")
    assert (kept["discarded_by"], kept["discard_reason"]) == ("ana", "twice the same")
    with pytest.raises(dead_letters.KeyNotParked):
        await dead_letters.replay(notes.database, notes.consumer, str(contract_id))


@pytest.mark.parametrize("rows", [True, False], ids=["with rows of its own", "without"])
async def test_a_batch_that_meets_a_replay_waits_and_keeps_the_order(notes: Notes, rows: bool) -> None:
    contract_id = uuid4()
    if not rows:
        notes.consumer.lock_hook = None
    notes.unbearable = {"1"}
    await notes.hears(claim(contract_id, "1"), claim(contract_id, "2"))
    notes.unbearable = set()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        inside.set()
        await go_on.wait()

    notes.while_noting = hold
    replaying = asyncio.create_task(dead_letters.replay(notes.database, notes.consumer, str(contract_id)))
    await asyncio.wait_for(inside.wait(), 60)
    notes.while_noting = None
    hearing = asyncio.create_task(notes.hears(claim(contract_id, "3")))
    await until(lambda: waits_for_a_lock(notes))
    go_on.set()
    await asyncio.gather(replaying, hearing)
    assert [note for _, note in await notes.noted()] == ["1", "2", "3"]
    assert await notes.rows("SELECT FROM dead_letters") == []


@pytest.mark.parametrize("rows", [True, False], ids=["with rows of its own", "without"])
async def test_a_replay_that_meets_a_batch_applies_what_the_batch_has_queued(notes: Notes, rows: bool) -> None:
    contract_id, other = uuid4(), uuid4()
    if not rows:
        notes.consumer.lock_hook = None
    notes.unbearable = {"1"}
    await notes.hears(claim(contract_id, "1"))
    notes.unbearable = set()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        inside.set()
        await go_on.wait()

    notes.while_noting = hold
    hearing = asyncio.create_task(notes.hears(claim(contract_id, "2"), claim(other, "x")))
    await asyncio.wait_for(inside.wait(), 60)
    notes.while_noting = None
    replaying = asyncio.create_task(dead_letters.replay(notes.database, notes.consumer, str(contract_id)))
    await until(lambda: waits_for_a_lock(notes))
    go_on.set()
    await asyncio.gather(hearing, replaying)
    assert [note for key, note in await notes.noted() if key == contract_id] == ["1", "2"]
    assert await notes.rows("SELECT FROM parked_keys") == []


async def waits_for_a_lock(notes: Notes) -> bool:
    return bool(
        await notes.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    )


async def test_too_many_at_once_stop_the_consumer_and_nothing_of_the_batch_stays(notes: Notes) -> None:
    notes.unbearable = {"bad"}
    few = [claim(uuid4(), "bad") for _ in range(MOST_KEYS)]
    await notes.hears(*few)
    with pytest.raises(TooManySetAside, match="more than 20 keys"):
        await notes.hears(claim(uuid4(), "good"), claim(uuid4(), "bad"))
    assert len(await notes.rows("SELECT FROM parked_keys")) == MOST_KEYS
    assert await notes.noted() == []
    async with notes.database.transaction() as tx:
        await tx.execute("UPDATE parked_keys SET parked_at = parked_at - interval '6 minutes'")
    await notes.hears(claim(uuid4(), "good"), claim(uuid4(), "bad"))
    assert len(await notes.rows("SELECT FROM parked_keys")) == MOST_KEYS + 1


async def test_a_migration_under_way_is_no_poison(notes: Notes) -> None:
    """A connection has kept the plan of a statement, and another process changes the table: trying again helps."""

    async def read_all(_events: object, tx: Transaction) -> None:
        await tx.fetch("SELECT * FROM known")

    notes.consumer.handlers[PaymentClaimed] = read_all
    await notes.hears(claim(uuid4(), "1"))
    other = await notes.database.direct_connection()
    await other.execute("ALTER TABLE known ADD COLUMN migrated integer")
    await other.close()
    with pytest.raises(TRANSIENT_ERRORS):
        await notes.hears(claim(uuid4(), "2"))
    await notes.hears(claim(uuid4(), "2"))
    assert await notes.rows("SELECT FROM dead_letters") == []


async def test_what_is_no_contract_is_parked_and_nobody_is_silenced(notes: Notes) -> None:
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


async def test_what_is_delivered_again_is_not_set_aside_again(notes: Notes) -> None:
    notes.unbearable = {"bad"}
    record = record_of(claim(uuid4(), "bad"))
    await apply_records(notes.database, notes.consumer, [record], apart)
    await apply_records(notes.database, notes.consumer, [record], apart)
    assert len(await notes.rows("SELECT FROM dead_letters")) == 1


async def test_all_that_is_parked_is_replayed_by_one_call(notes: Notes) -> None:
    contracts = sorted((uuid4() for _ in range(5)), key=str)
    notes.unbearable = {"bad", "worse"}
    await notes.hears(*(claim(c, "worse" if c == contracts[2] else "bad") for c in contracts))
    notes.unbearable = {"worse"}
    replays = await dead_letters.replay_all(notes.database, notes.consumer)
    assert [(replay.key, replay.applied) for replay in replays] == [
        (str(c), 0 if c == contracts[2] else 1) for c in contracts
    ]
    async with notes.database.connection() as connection:
        [left] = await dead_letters.parked_keys(connection)
    assert (left["key"], left["letters"], left["replays"]) == (str(contracts[2]), 1, 1)
