"""Measures the questions that read a whole portfolio: trials of rules and of a ladder, and the comparison of ladders.

    .venv/bin/python bench/strategy_trials.py --contracts 100000 --instalments 10

Each question is asked of a portfolio of ``--contracts`` and of one of a quarter of them, in databases of their own.
Each contract has attempts on five days, and every third one a payment and a cure. The figures are medians of
``--rounds``.
The exit code is 1 if a contract of the large portfolio costs more than ``--at-most`` times one of the small.
``--explain`` prints the plan of the comparison, as PostgreSQL has carried it out.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from chassis import Reader
from chassis.periods import Period
from placement import own_database, server
from portfolio.ladder import comparing, comparing_queries
from portfolio.ladder import keeping as ladders
from portfolio.ladder.conditions import LadderPut
from portfolio.segments import keeping as segments
from portfolio.segments.conditions import NewSegmentRules
from recobro_events import Database, step
from strategy import TODAY, fill, judge_all

_PERCENT = 30
_ATTEMPTS = """
INSERT INTO contact_day (contract_id, day, attempts, contacts, last_answer)
SELECT contract_id, $1::date - n, 2, hashtext(contract_number) & 1, 'no_answer'
FROM contract CROSS JOIN generate_series(0, 24, 6) AS n
"""
_PAYMENTS = """
INSERT INTO payment (contract_id, portfolio_id, amount, paid_on, business_date, channel, days_past_due_before,
    episode_before)
SELECT contract_id, portfolio_id, 500, $1::date - 3, $1::date - 3, 'spei', 9, 1 FROM contract
WHERE hashtext(contract_number) % 3 = 0
"""
_MOVEMENTS = """
INSERT INTO contract_movement (portfolio_id, day, contract_id, cause, from_stage, to_stage, from_overdue, to_overdue,
    from_total, to_total)
SELECT portfolio_id, $1::date - n, contract_id, CASE n WHEN 3 THEN 'paid' ELSE 'due' END, 'early',
    CASE n WHEN 3 THEN 'current' ELSE 'early' END, 500, CASE n WHEN 3 THEN 0 ELSE 500 END, 900, 900
FROM contract CROSS JOIN unnest(ARRAY[20, 12, 3]) AS n
WHERE n <> 3 OR hashtext(contract_number) % 3 = 0
ORDER BY n DESC
"""
Questions = Mapping[str, Callable[[Reader], Awaitable[object]]]


async def _prepared(database: Database, contracts: int, instalments: int) -> UUID:
    """A portfolio with a challenged ladder, and a month of attempts, payments and cures. Returns its id."""
    portfolio_id, _ = await fill(database, contracts, instalments)
    steps: list[dict[str, Any]] = [{"step": "reminder"}, {"step": "direct_contact", "when": {"attempts": {"min": 3}}}]
    new = LadderPut.model_validate({"steps": steps, "challenger": {"percent": _PERCENT, "steps": steps[:1]}})
    await step(database, lambda tx: ladders.change(tx, portfolio_id, new))
    await judge_all(database)
    async with database.connection() as connection:
        await connection.execute("UPDATE ladder SET began_on = began_on - 60")
        for sql in (_ATTEMPTS, _PAYMENTS, _MOVEMENTS):
            await connection.execute(sql, TODAY, timeout=600)
        await connection.execute("VACUUM (ANALYZE)", timeout=600)
    return portfolio_id


def _questions(portfolio_id: UUID) -> Questions:
    rules = NewSegmentRules.model_validate(
        {"rules": [{"segment": "late", "when": {"days_past_due": {"min": 20}, "paid_late": {"max": 3}}}]}
    )
    return {
        "trial of rules of segments": lambda reader: segments.trial(reader, portfolio_id, rules),
        "trial of a ladder": lambda reader: ladders.trial(reader, portfolio_id, None),
        "champion and challenger": lambda reader: comparing.compare(reader, portfolio_id, Period(None, None), None),
    }


async def _measured(dsn: str, contracts: int, options: argparse.Namespace) -> dict[str, float]:
    """The seconds of each question, about a portfolio of so many contracts."""
    async with own_database(dsn, "portfolio") as database:
        portfolio_id = await _prepared(database, contracts, options.instalments)
        found: dict[str, float] = {}
        async with database.connection() as connection:
            for name, ask in _questions(portfolio_id).items():
                took = []
                for _ in range(options.rounds):
                    started = time.perf_counter()
                    await ask(connection)
                    took.append(time.perf_counter() - started)
                found[name] = statistics.median(took)
            if options.explain:
                await _explain(connection, portfolio_id)
    return found


async def _explain(connection: Reader, portfolio_id: UUID) -> None:
    first, last = Period(None, None).ending(TODAY)
    sql = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {comparing_queries.COMPARE}"
    for row in await connection.fetch(sql, portfolio_id, 1, _PERCENT, first, last):
        print(row[0])


async def _both(dsn: str, options: argparse.Namespace) -> list[dict[str, float]]:
    return [await _measured(dsn, contracts, options) for contracts in (options.contracts // 4, options.contracts)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", help="a PostgreSQL in which a database may be created")
    parser.add_argument("--contracts", type=int, default=100_000)
    parser.add_argument("--instalments", type=int, default=10, help="instalments of each contract")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-most", type=float, default=1.5, help="the largest accepted growth of a contract's cost")
    parser.add_argument("--explain", action="store_true", help="print the plan of the comparison")
    options = parser.parse_args()
    with server(options.dsn) as dsn:
        small, large = asyncio.run(_both(dsn, options))
    worst = 0.0
    for name, seconds in large.items():
        growth = seconds / small[name] / 4
        worst = max(worst, growth)
        print(f"{name:<30}{seconds:8.2f} s   a quarter {small[name]:8.2f} s   a contract costs {growth:.2f} times")
    print(f"at most {options.at_most:g}")
    raise SystemExit(worst > options.at_most)


if __name__ == "__main__":
    main()
