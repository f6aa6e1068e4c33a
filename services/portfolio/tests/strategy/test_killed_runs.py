"""A daily run, the judge and the desk's filling that are killed again and again end as if nothing had happened."""

import asyncio
import random
import sys
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from chassis import Principal
from portfolio.desk import filling, giving, worklists
from portfolio.desk.conditions import WorklistConditions
from portfolio.strategy import judging
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import Database

KILLS = 6
CONTRACTS = 12
UNTIL = TODAY + timedelta(days=35)
_RUN = """
import asyncio, sys
from datetime import date
from uuid import UUID
from portfolio.desk import filling
from portfolio.stages import daily_run
from portfolio.strategy import judging
from recobro_events import Database

daily_run.CHUNK_CONTRACTS = judging.CHUNK_CONTRACTS = 2

async def main():
    database = Database(sys.argv[1])
    await database.open()
    await daily_run.advance(database, UUID(sys.argv[2]), date.fromisoformat(sys.argv[3]))
    while await judging.work(database):
        pass
    async with database.transaction() as tx:
        await tx.execute("UPDATE worklist SET wanted_at = now() WHERE $1 = ANY (portfolio_ids)", UUID(sys.argv[2]))
    await filling.work(database)

asyncio.run(main())
"""
_LINES = "SELECT count(*) AS lines FROM contract_history JOIN contract USING (contract_id) WHERE portfolio_id = $1"
_STATE = """
SELECT contract_number, stage, as_of, days_past_due, next_change_on, segment, segment_since, step, episode, version,
    (SELECT array_agg((step, since)::text ORDER BY since, step) FROM contract_step
        WHERE contract_step.contract_id = contract.contract_id) AS steps,
    (SELECT array_agg((kind, summary, business_date)::text ORDER BY business_date, kind, summary)
        FROM contract_history WHERE contract_history.contract_id = contract.contract_id) AS history,
    (SELECT array_agg(type ORDER BY type) FROM outbox_bulk WHERE key = contract_id::text) AS events
FROM contract WHERE portfolio_id = $1 ORDER BY contract_number
"""
_DESK = """
SELECT contract_number, worklist_person.expected_value, worklist_person.overdue_balance, contracts,
    (SELECT array_agg((state, contract_ids = ARRAY[contract.contract_id], desk_item.expected_value)::text)
        FROM desk_item WHERE desk_item.person_id = debtor_id) AS items
FROM contract LEFT JOIN worklist_person ON worklist_person.person_id = debtor_id
WHERE portfolio_id = $1 ORDER BY contract_number
"""
_RATES = "SELECT segment, age_from, day, known, ended, cured FROM cure_rate WHERE portfolio_id = $1 ORDER BY 1, 2"
_FILLED = "SELECT FROM worklist WHERE wanted_at IS NOT NULL"
_MARKS = "SELECT FROM judging_mark WHERE portfolio_id = $1"


async def filled(given: Given, operator: str) -> UUID:
    """A portfolio with a worklist of its own, whose first person is with the operator."""
    portfolio_id = await given.portfolio()
    for n in range(CONTRACTS):
        due = [(days_ago(30 * k + 5 * n - 20), f"{100 + n}.00") for k in range(3)]
        await given.contract(portfolio_id, *due, number=f"C-{n:02}")
    new = worklists.NewWorklist(name=operator, when=WorklistConditions(), portfolio_ids=(portfolio_id,))
    async with given.database.transaction() as tx:
        worklist = await worklists.add(tx, new)
    assert await filling.work(given.database)
    async with given.database.transaction() as tx:
        who = Principal(operator, frozenset(), "t", role="operator")
        assert (await giving.give_next(tx, who, worklist.worklist_id)).item
    return portfolio_id


async def state(given: Given, portfolio_id: UUID) -> list[tuple[object, ...]]:
    assert await given.rows(_MARKS, portfolio_id) == []
    assert await given.rows(_FILLED) == []
    rows = [row for sql in (_STATE, _DESK, _RATES) for row in await given.rows(sql, portfolio_id)]
    return [tuple(row.values()) for row in rows]


async def _started(database: Database, portfolio_id: UUID) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUN, database.dsn, str(portfolio_id), UNTIL.isoformat()
    )


async def _killed(given: Given, portfolio_id: UUID, lines: int) -> None:
    """Start a run, and kill it once the contracts have so many lines of history.

    On a busy machine a run may end between two looks.
    """
    process = await _started(given.database, portfolio_id)
    async with asyncio.timeout(240):
        while (await given.rows(_LINES, portfolio_id))[0]["lines"] < lines:
            if process.returncode is not None:
                assert process.returncode == 0
                return
            await asyncio.sleep(0.002)
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _killed_while_filling(given: Given, portfolio_id: UUID) -> None:
    """Start a run, and kill it when it wants the worklist filled, before or while or just after it fills it."""
    process = await _started(given.database, portfolio_id)
    async with asyncio.timeout(240):
        while not await given.rows(_FILLED):
            if process.returncode is not None:
                break
            await asyncio.sleep(0.002)
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest.mark.process
async def test_killed_runs_end_in_the_state_of_one_that_was_left_alone(given: Given) -> None:
    alone, killed = await filled(given, "ana"), await filled(given, "beto")
    while await judging.work(given.database):
        pass
    async with asyncio.timeout(240):
        assert await (await _started(given.database, alone)).wait() == 0
    [known] = await given.rows(_LINES, alone)
    [before] = await given.rows(_LINES, killed)
    moments = sorted(random.Random().sample(range(before["lines"] + 1, known["lines"]), KILLS))
    for lines in moments:
        await _killed(given, killed, lines)
    await _killed_while_filling(given, killed)
    last = await _started(given.database, killed)
    async with asyncio.timeout(240):
        assert await last.wait() == 0
    assert await state(given, killed) == await state(given, alone), f"killed at {moments}"
