"""Measures lists of dialer-feed and reported calls against bare statements that write and read the same rows.

    .venv/bin/python bench/lists.py --entries 250000

A list is built out of six contracts for each five entries; the rest is kept off by every kind of rule. Beside it one
``INSERT … SELECT`` copies the finished entries. The list is exported as JSONL; beside it one ``COPY … TO`` reads the
columns of the file out of the same tables. Calls are reported in requests of 1,000; beside them a ``COPY`` loads the
same calls with their events. Ours and the bare statement run by turns, ``--rounds`` times. Compared is the CPU time of
PostgreSQL and of this process, the least of the rounds, because other work on the machine changes it least. The exit
code is 1 if a ratio is above its limit.
"""

import argparse
import asyncio
import gc
import io
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest.mock import patch

import asyncpg
import httpx
import psutil
from chassis.process import Role
from chassis.testing import client_of, mint, test_settings
from costs import seconds_of_tree
from dialer_feed.calls import hours
from dialer_feed.delivery.entries import entries
from dialer_feed.delivery.formats import as_jsonl
from dialer_feed.lists import building
from dialer_feed.main import build_app
from dialer_feed.settings import DialerFeedSettings
from placement import own_database, server
from recobro_events import Database, Lane

MOST_TIMES = {"build": 3.0, "export": 3.0, "calls": 4.0}
DAY = datetime.now(UTC).date()
_CALLS_AT_ONCE = 1000
_NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)
"""Noon of a Tuesday in Mexico."""
# Of six contracts one may not be dialled: what keeps it off is n / 6 % 10. Of the others some have old facts.
_FILL = """
CREATE TEMP TABLE made AS
SELECT n, gen_random_uuid() AS contract_id, gen_random_uuid() AS debtor_id,
    CASE WHEN n % 6 = 0 THEN n / 6 % 10 END AS kept_off
FROM generate_series(1, $1::integer) AS n;
"""
_FACTS = """
INSERT INTO portfolio (portfolio_id, version, state, business_date, name, creditor_id, creditor_kind, jurisdiction,
    timezone, currency, payment_holdoff_days)
VALUES ('00000000-0000-0000-0000-000000000001', 1, 'ready', '{day}', 'bench', gen_random_uuid(), 'financial', 'MX',
    'America/Mexico_City', 'MXN', 3);
INSERT INTO business_day (portfolio_id, business_date, began_at)
VALUES ('00000000-0000-0000-0000-000000000001', '{day}', '-infinity');
INSERT INTO contract (contract_id, version, state, stage, overdue_balance, total_balance, oldest_due_on,
    details_version, portfolio_id, debtor_id, contract_number, name, jurisdiction, region, places, status, conveniences)
SELECT contract_id, 1, CASE WHEN kept_off = 0 THEN 'closed' ELSE 'open' END,
    CASE WHEN kept_off = 1 THEN 'current' WHEN n % 2 = 0 THEN 'early' ELSE 'late' END,
    CASE WHEN kept_off = 2 THEN 50 ELSE 500 + n % 9000 END, 9500, '{day}'::date - 10 - n % 60, 1,
    '00000000-0000-0000-0000-000000000001', debtor_id, 'CLR-' || to_char(n, 'FM000000000'), 'Ana Luz ' || n, 'MX',
    'Jalisco', 'America/Mexico_City=Jalisco', CASE WHEN kept_off = 3 THEN 'deceased' ELSE 'active' END,
    CASE WHEN kept_off = 4 THEN '[{{"not_media": ["call"]}}]' ELSE '[]' END::jsonb
FROM made ORDER BY contract_id;
INSERT INTO contact_point (contract_id, contact_id, version, seen_version, rank, kind, value, usable)
SELECT contract_id, gen_random_uuid(), 1, 1, k, 'phone', '+5233' || lpad((n * 2 + k)::text, 8, '0'),
    kept_off IS DISTINCT FROM 5
FROM made, generate_series(0, 1) AS k ORDER BY contract_id, k;
INSERT INTO payment (contract_id, business_date, reversed)
SELECT contract_id, CASE WHEN kept_off = 6 THEN '{day}' ELSE '{day}'::date - 30 END, n % 70 = 7
FROM made WHERE kept_off = 6 OR n % 10 = 7;
INSERT INTO promise (contract_id, promise_id, version, open, silent_until)
SELECT contract_id, gen_random_uuid(), 1, kept_off IS NOT NULL, '{day}'::date + 3
FROM made WHERE kept_off = 7 OR n % 12 = 5;
INSERT INTO clarification (contract_id, clarification_id, silent)
SELECT contract_id, gen_random_uuid(), kept_off IS NOT NULL FROM made WHERE kept_off = 8 OR n % 60 = 13;
INSERT INTO pause (contract_id, pause_id, version, starts_on, ends_on)
SELECT contract_id, gen_random_uuid(), 1, '{day}'::date - 9, '{day}'::date - CASE WHEN kept_off = 9 THEN -1 ELSE 7 END
FROM made WHERE kept_off = 9 OR n % 60 = 19;
INSERT INTO call_result (dialed_for, call_id, list_id, contract_id, contact_id, dialer_id, agent, business_date,
    started_at, duration_seconds, disposition, right_party, wrongful, acknowledged_by_then)
SELECT '00000000-0000-0000-0000-000000000000', 'old-' || n, '00000000-0000-0000-0000-000000000000', contract_id,
    gen_random_uuid(), 'bench', 'Ana', '{day}'::date - 1 - n % 20, now() - make_interval(days => 1 + n % 20), 10,
    'no_answer', false, false, false
FROM made WHERE n % 5 = 3;
"""
_CAMPAIGN = """
INSERT INTO campaign (name, min_overdue, stages, payment_holdoff_days) VALUES ('bench', 100, '{early,late}', 3)
RETURNING campaign_id
"""
_LIST = """
INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id) VALUES ($1, $2, 'building', uuidv7())
RETURNING list_id
"""
_ANSWER = "CREATE TABLE answer AS SELECT * FROM list_entry ORDER BY contract_id"
_BARE_LIST = "INSERT INTO list_entry SELECT * FROM answer"
# The columns of the file, without a rule about them.
_BARE_FILE = """
SELECT entry.contract_number, contract.name, entry.overdue_balance, entry.days_past_due, contract.jurisdiction,
    contract.places, portfolio.timezone, ARRAY(
        SELECT value FROM contact_point point
        WHERE point.contract_id = entry.contract_id AND point.contact_id = ANY (entry.contact_ids)
        ORDER BY point.rank) AS phones
FROM list_entry entry JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
WHERE entry.list_id = $1 AND entry.status = 'listed'
ORDER BY entry.contract_number, entry.contract_id
"""
_TO_CALL = """
SELECT entry.contract_number, point.value AS phone FROM list_entry entry
JOIN contact_point point ON point.contract_id = entry.contract_id AND point.contact_id = entry.contact_ids[1]
WHERE entry.list_id = $1 ORDER BY entry.contract_number LIMIT $2
"""
_CALLS = ("call_result", "outbox_events")


@dataclass
class Row:
    """CPU seconds of each round: ours, and the bare statement's."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return min(self.ours) / min(self.bare)


class Bench:
    """A database of dialer-feed whose lists, files and calls are measured."""

    def __init__(self, database: Database, connection: asyncpg.Connection, postmaster: psutil.Process) -> None:
        self._database, self._connection, self._postmaster = database, connection, postmaster
        self._builder = uuid.uuid4()
        self.rows = {name: Row() for name in MOST_TIMES}

    async def _cpu(self, work: Callable[[], Awaitable[object]]) -> float:
        """CPU seconds of PostgreSQL and of this process while ``work`` runs."""
        await self._connection.execute("CHECKPOINT")
        before = seconds_of_tree(self._postmaster) + time.process_time()
        await work()
        return seconds_of_tree(self._postmaster) + time.process_time() - before

    async def fill(self, contracts: int) -> None:
        await self._connection.execute(_FILL.replace("$1", str(contracts)) + _FACTS.format(day=DAY))
        await self._connection.execute("VACUUM (ANALYZE)")

    async def build(self) -> uuid.UUID:
        """Build a list, and write its entries again with the bare statement. Return the list."""
        await self._connection.execute("TRUNCATE list_entry, outbox_bulk")
        campaign_id = await self._connection.fetchval(_CAMPAIGN)
        list_id: uuid.UUID = await self._connection.fetchval(_LIST, campaign_id, DAY)
        self.rows["build"].ours.append(
            await self._cpu(lambda: building.build(self._database, list_id, campaign_id, DAY, self._builder))
        )
        await self._connection.execute(f"DROP TABLE IF EXISTS answer; {_ANSWER}; TRUNCATE list_entry")
        await self._connection.execute("VACUUM answer")
        self.rows["build"].bare.append(await self._cpu(lambda: self._connection.execute(_BARE_LIST)))
        await self._connection.execute("VACUUM (ANALYZE) list_entry")
        return list_id

    async def export(self, list_id: uuid.UUID) -> int:
        """Read the file of the list, and its columns with the bare statement. Return the lines."""
        lines = 0

        async def read() -> None:
            nonlocal lines
            async for piece in entries(self._database, list_id, DAY, as_jsonl, is_ordered=False):
                lines += piece.count(b"\n")

        async def ignore(_piece: bytes) -> None:
            pass

        self.rows["export"].ours.append(await self._cpu(read))
        self.rows["export"].bare.append(
            await self._cpu(lambda: self._connection.copy_from_query(_BARE_FILE, list_id, output=ignore))
        )
        return lines

    async def call(self, client: httpx.AsyncClient, list_id: uuid.UUID, calls: int) -> None:
        """Report calls, and load the same ones with their events by COPY."""
        await self._connection.execute("TRUNCATE call_result, call_day, outbox_events, silence")
        started_at = datetime.now(UTC).isoformat()
        made = [
            {
                "call_id": f"c-{n:07}",
                "list_id": str(list_id),
                **row,
                "agent": f"agent-{n % 40}",
                "started_at": started_at,
                "duration_seconds": 20,
                "disposition": "right_party" if n % 10 == 0 else "no_answer",
            }
            for n, row in enumerate(map(dict, await self._connection.fetch(_TO_CALL, list_id, calls)))
        ]
        requests = [made[n : n + _CALLS_AT_ONCE] for n in range(0, len(made), _CALLS_AT_ONCE)]

        async def report() -> None:
            for request in requests:
                answer = await client.post("/v1/calls", json=request)
                assert answer.status_code == 202, answer.text[:500]
                assert answer.json()["accepted"] == len(request), answer.text[:500]

        self.rows["calls"].ours.append(await self._cpu(report))
        copies = {name: io.BytesIO() for name in _CALLS}
        for name, copy in copies.items():
            await self._connection.copy_from_table(name, output=copy, format="binary")
        await self._connection.execute("TRUNCATE call_result, call_day, outbox_events")

        async def load() -> None:
            for name, copy in copies.items():
                copy.seek(0)
                await self._connection.copy_to_table(name, source=copy, format="binary")

        self.rows["calls"].bare.append(await self._cpu(load))


async def measure(bench: Bench, client: httpx.AsyncClient, options: argparse.Namespace) -> None:
    await bench.fill(options.entries * 6 // 5)
    for _ in range(options.rounds):
        list_id = await bench.build()
        if "export" in options.only:
            lines = await bench.export(list_id)
            assert lines == options.entries, lines
        if "calls" in options.only:
            await bench.call(client, list_id, options.calls)


async def run(dsn: str, options: argparse.Namespace) -> dict[str, Row]:
    async with own_database(dsn, "dialer-feed") as database:
        database.partitions = {Lane.EVENTS: 1}
        connection = await asyncpg.connect(database.dsn, command_timeout=600)
        postmaster = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
        assert postmaster is not None
        limits = {"operator_requests_per_second": 100_000, "operator_requests_per_day": 10**9}
        settings = test_settings(database.dsn, service="dialer-feed", **limits)
        app = build_app(DialerFeedSettings(**settings.model_dump()), database, None, Role.API)
        bench = Bench(database, connection, postmaster)
        async with app.router.lifespan_context(app), client_of(app, mint()) as client:
            # As the server of a service does once it has started.
            gc.freeze()
            gc.set_threshold(50_000, 10, 10)
            await measure(bench, client, options)
        await connection.close()
        return bench.rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=250_000)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(MOST_TIMES), choices=MOST_TIMES, help="by default all")
    parser.add_argument("--dsn", help="a PostgreSQL of this machine in which a database may be created")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # The hours of the country may forbid calls while this runs, so they are judged as at noon.
    closes_at = hours.closes_at
    at_noon = patch.object(hours, "closes_at", lambda contract, numbers, _at: closes_at(contract, numbers, _NOON))
    with at_noon, server(options.dsn) as dsn:
        rows = asyncio.run(run(dsn, options))
    is_over = False
    for name, row in rows.items():
        if row.ours:
            is_over |= row.ratio > MOST_TIMES[name]
            print(f"{name:<8}{min(row.ours):8.2f} s   bare {min(row.bare):6.2f} s   ", end="")
            print(f"{row.ratio:6.2f} times (at most {MOST_TIMES[name]:g}), CPU of PostgreSQL and this process")
    raise SystemExit(is_over)


if __name__ == "__main__":
    main()
