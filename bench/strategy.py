"""Measures a change of bands and a recomputation of segments beside their own statements over all contracts at once.

    .venv/bin/python bench/strategy.py --contracts 100000 --instalments 10

The service works in chunks, one transaction each, with locks, marks and whole states. Beside it the same statement runs
once over all contracts, in a transaction that is rolled back, so that both begin with the same rows. The worklists of
the desk are measured too: how long one takes to be filled, and how long the next person takes. The figures are medians
of ``--rounds``. The exit code is 1 if a ratio is above ``--at-most``.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from chassis import Principal
from placement import own_database, server
from portfolio.desk import filling, giving, worklists
from portfolio.desk.conditions import WorklistConditions
from portfolio.ledger.positions import reposition
from portfolio.segments import keeping
from portfolio.segments.conditions import SegmentRulesPut
from portfolio.stages import bands, restaging
from portfolio.strategy import judging
from recobro_events import Database, Transaction, step

_OPERATORS = 50
TODAY = date(2026, 11, 22)
_FILL = """
WITH owner AS (
    INSERT INTO creditor (name, kind, country) VALUES ('bench', 'financial', 'MX') RETURNING creditor_id
), place AS (
    INSERT INTO portfolio (creditor_id, name, currency, jurisdiction, timezone, business_date, staged_to)
    SELECT creditor_id, 'bench', 'MXN', 'MX', 'America/Mexico_City', $2::date, $2::date FROM owner
    RETURNING portfolio_id, creditor_id
), customer AS (
    INSERT INTO debtor (debtor_id, creditor_id)
    SELECT gen_random_uuid(), creditor_id FROM place, generate_series(1, $1::integer) RETURNING debtor_id, creditor_id
)
INSERT INTO contract (contract_id, portfolio_id, creditor_id, debtor_id, contract_number, debtor_name, as_of,
    stated_as_of)
SELECT gen_random_uuid(), portfolio_id, creditor_id, debtor_id,
    'CLR-' || to_char(row_number() OVER (), 'FM000000000'), 'Ana Luz', $2, $2
FROM customer JOIN place USING (creditor_id)
"""
_INSTALMENTS = """
INSERT INTO instalment (contract_id, number, due_on, amount, unpaid)
SELECT contract_id, number, $2::date + 60 - 30 * ($1 - number) - (hashtext(contract_number) & 63),
    500, CASE WHEN number < $1 - (hashtext(contract_number) & 7) THEN 0 ELSE 500 END
FROM contract CROSS JOIN generate_series(1, $1::integer) AS number
"""


class _RolledBack(Exception):
    """The statement alone leaves nothing."""


async def _alone(database: Database, work: Callable[[Transaction], Awaitable[object]]) -> float:
    started = time.perf_counter()
    try:
        async with database.transaction() as tx:
            await work(tx)
            raise _RolledBack
    except _RolledBack:
        return time.perf_counter() - started


async def _timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def judge_all(database: Database) -> None:
    """Judge every contract that waits."""
    while await judging.work(database):
        pass


async def _settled(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("TRUNCATE outbox_bulk, outbox_events, contract_history")
        await connection.execute("VACUUM (ANALYZE) contract, instalment, judging, judging_mark")
        await connection.execute("CHECKPOINT")


async def fill(database: Database, contracts: int, instalments: int) -> tuple[UUID, list[UUID]]:
    """Fill the database with a portfolio whose contracts are staged and judged. Returns its id and theirs."""
    async with database.transaction() as tx:
        await tx.execute(_FILL, contracts, TODAY)
        await tx.execute(_INSTALMENTS, instalments, TODAY)
        rows = await tx.fetch("SELECT contract_id, portfolio_id FROM contract")
    ids: list[UUID] = [row["contract_id"] for row in rows]
    for n in range(0, len(ids), 20_000):
        chunk = ids[n : n + 20_000]
        await step(database, lambda tx: reposition(tx, chunk, cause=None))  # noqa: B023
    await judge_all(database)
    return rows[0]["portfolio_id"], ids


async def measure(database: Database, options: argparse.Namespace) -> dict[str, tuple[list[float], list[float]]]:
    """Fill the database, and measure each change beside its statement."""
    portfolio_id, ids = await fill(database, options.contracts, options.instalments)
    found: dict[str, tuple[list[float], list[float]]] = {"bands": ([], []), "segments": ([], [])}
    for n in range(options.rounds):
        starts = {"early": 1, "late": 31 + 10 * (n + 1), "legal": 91 + 10 * (n + 1)}
        listed = [{"stage": stage, "from_days": days} for stage, days in starts.items()]
        new_bands = bands.NewBands.model_validate({"from": TODAY - timedelta(days=1), "bands": listed})
        await step(database, lambda tx: bands.change(tx, portfolio_id, new_bands))  # noqa: B023
        await _settled(database)
        alone = await _alone(database, lambda tx: reposition(tx, ids, cause="bands"))
        found["bands"][1].append(alone)
        found["bands"][0].append(await _timed(restaging.finish(database, portfolio_id)))
        await judge_all(database)
        rules: dict[str, Any] = {"rules": [{"segment": f"round_{n}", "when": {"days_past_due": {"min": 20}}}]}
        await step(database, lambda tx: keeping.change(tx, portfolio_id, SegmentRulesPut.model_validate(rules)))  # noqa: B023
        await _settled(database)
        found["segments"][1].append(await _alone(database, lambda tx: judging.judge(tx, portfolio_id, ids)))
        found["segments"][0].append(await _timed(judge_all(database)))
    await _desk(database)
    return found


async def _desk(database: Database) -> None:
    new = worklists.NewWorklist(name="bench", when=WorklistConditions())
    started = time.perf_counter()
    made = await step(database, lambda tx: worklists.add(tx, new))
    print(f"{'a worklist is made':<30}{1000 * (time.perf_counter() - started):8.1f} ms")
    started = time.perf_counter()
    await filling.work(database)
    held = await step(database, lambda tx: worklists.read(tx, made.worklist_id))
    print(f"{'it is filled in the background':<30}{time.perf_counter() - started:8.2f} s   ({held.people} people)")
    took = []
    for n in range(_OPERATORS):
        who = Principal(f"bench-{n}", frozenset(), "bench", role="operator")
        started = time.perf_counter()
        await step(database, lambda tx: giving.give_next(tx, who, made.worklist_id))  # noqa: B023
        took.append(1000 * (time.perf_counter() - started))
    print(f"{'the next person':<30}{statistics.median(took):8.1f} ms  (median of {_OPERATORS}; first {took[0]:.1f})")


async def bench(dsn: str, options: argparse.Namespace) -> dict[str, tuple[list[float], list[float]]]:
    async with own_database(dsn, "portfolio") as database:
        return await measure(database, options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", help="a PostgreSQL in which a database may be created")
    parser.add_argument("--contracts", type=int, default=100_000)
    parser.add_argument("--instalments", type=int, default=10, help="instalments of each contract")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-most", type=float, default=3.0, help="the largest accepted ratio")
    options = parser.parse_args()
    with server(options.dsn) as dsn:
        found = asyncio.run(bench(dsn, options))
    worst = 0.0
    for name, (ours, alone) in found.items():
        ratio = statistics.median(ours) / statistics.median(alone)
        worst = max(worst, ratio)
        print(
            f"{name:<14}{statistics.median(ours):8.2f} s   alone {statistics.median(alone):8.2f} s   ratio {ratio:.2f}"
        )
    print(f"at most {options.at_most:g}")
    raise SystemExit(worst > options.at_most)


if __name__ == "__main__":
    main()
