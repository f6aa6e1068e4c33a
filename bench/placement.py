"""Measures the placement of contracts by rules against a bare INSERT … SELECT of the same rows.

    .venv/bin/python bench/placement.py --contracts 100000

Three rules with shares place every contract in one placement run. Then one statement without any decisions writes the
same placements again, with two events each. Both run ``--rounds`` times in turn on the same emptied tables; the figures
are medians. PostgreSQL is at ``--dsn``, where a new database is created and dropped, else an embedded one is started.
The exit code is 1 if the ratio is above ``--at-most``.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from assignment.placing import running
from chassis.migrations import upgrade
from recobro.database_roles import ensure_agency_role
from recobro.postgres import EmbeddedPostgres, free_port
from recobro_events import Database

_FILL = """
WITH portfolio AS (
    INSERT INTO portfolio (portfolio_id, version, state, business_date, name, timezone)
    VALUES (uuidv7(), 1, 'ready', '2026-11-23', 'bench', 'America/Mexico_City') RETURNING portfolio_id
)
INSERT INTO contract (contract_id, version, as_of, state, stage, days_past_due, overdue_balance, total_balance,
    details_version, portfolio_id, contract_number, currency, product, region)
SELECT gen_random_uuid(), 1, '2026-11-23', 'open', (ARRAY['early', 'late', 'legal'])[1 + n % 3], 15 + 40 * (n % 3),
    500 + n % 9000, 9000 + n % 9000, 1, portfolio_id, 'CLR-' || to_char(n, 'FM000000000'), 'MXN',
    (ARRAY['card', 'loan'])[1 + n % 2], (ARRAY['Jalisco', 'Sonora', 'Puebla'])[1 + n % 3]
FROM generate_series(1, $1::integer) AS n, portfolio
"""
_AGENCIES = """
WITH made AS (
    INSERT INTO agency (name) SELECT 'agency ' || n FROM generate_series(1, 4) AS n RETURNING agency_id
), working AS (
    INSERT INTO service_contract (agency_id, kinds, starts_on, capacity, recall_grace_days, attribution_days)
    SELECT agency_id, '{dialing}', '2026-01-01', $1::integer, 2, 0 FROM made
), rules AS (
    INSERT INTO placement_rule (name, priority, kind, stages, min_overdue) VALUES
        ('early', 1, 'dialing', '{early}', 100), ('late', 2, 'dialing', '{late}', 100),
        ('rest', 3, 'dialing', '{early,late,legal}', NULL)
    RETURNING rule_id
)
INSERT INTO share (rule_id, agency_id, weight)
SELECT rule_id, agency_id, row_number() OVER (PARTITION BY rule_id ORDER BY agency_id) FROM rules, made
"""
_BARE = """
WITH placed AS (
    INSERT INTO placement SELECT * FROM answer ORDER BY contract_id RETURNING *
), published AS (
    INSERT INTO outbox_bulk (type, key, body)
    SELECT 'assignment.contract-placed.v1', contract_id::text,
        json_build_object('contract_id', contract_id, 'placement_id', placement_id, 'version', 1,
            'agency_id', agency_id, 'kind', kind, 'rule_id', rule_id, 'starts_on', starts_on,
            'ends_on', ends_on)::text
    FROM placed
)
INSERT INTO outbox_agencies (type, key, body, topic)
SELECT 'agency.placement-started.v1', contract_id::text,
    json_build_object('agency_id', agency_id, 'contract_id', contract_id, 'placement_id', placement_id,
        'kind', kind, 'contract_number', contract_number, 'starts_on', starts_on, 'ends_on', ends_on,
        'as_of', as_of, 'stage', stage, 'days_past_due', days_past_due,
        'overdue_balance', overdue_balance::text, 'total_balance', total_balance::text,
        'currency', currency)::text,
    'agency.' || agency_id || '.events'
FROM placed JOIN contract USING (contract_id)
"""
_EMPTY = "TRUNCATE placement, outbox_bulk, outbox_agencies"


@dataclass(frozen=True)
class Seconds:
    """The seconds of each round."""

    placing: Sequence[float]
    bare: Sequence[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.placing) / statistics.median(self.bare)


async def measure(database: Database, contracts: int, rounds: int, capacity: int | None) -> Seconds:
    """Place ``contracts`` contracts, then write the same rows with the bare statement, ``rounds`` times in turn."""
    placing, bare = [], []
    async with database.connection() as connection:
        await connection.execute(_FILL, contracts)
        await connection.execute(_AGENCIES, capacity)
        await connection.execute("CREATE TABLE answer (LIKE placement)")
        for _ in range(rounds):
            await connection.execute(_EMPTY)
            await connection.execute("VACUUM (ANALYZE) contract, placement")
            await connection.execute("CHECKPOINT")
            started = time.perf_counter()
            outcome = await running.run(database, running.NewPlacementRun())
            placing.append(time.perf_counter() - started)
            if outcome.placed != contracts or (second := await running.run(database, running.NewPlacementRun())).placed:
                raise SystemExit(f"the run did not place every contract exactly once: {outcome}, then {second}")
            await connection.execute("TRUNCATE answer")
            await connection.execute("INSERT INTO answer SELECT * FROM placement")
            await connection.execute(_EMPTY)
            await connection.execute("VACUUM (ANALYZE) contract, placement, answer")
            await connection.execute("CHECKPOINT")
            started = time.perf_counter()
            await connection.execute(_BARE)
            bare.append(time.perf_counter() - started)
    return Seconds(placing, bare)


@contextlib.contextmanager
def server(dsn: str | None) -> Iterator[str]:
    """Yield the address of the given PostgreSQL, else of one that runs until the block ends."""
    if dsn is not None:
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="recobro-bench-", ignore_cleanup_errors=True) as folder:
        embedded = EmbeddedPostgres(Path(folder) / "postgres", free_port())
        embedded.start()
        try:
            yield embedded.dsn("postgres")
        finally:
            embedded.stop()


@contextlib.asynccontextmanager
async def own_database(dsn: str, service: str = "assignment") -> AsyncIterator[Database]:
    """Yield a new, migrated database of the service, and drop it afterwards."""
    name = f"bench_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(dsn)
    await ensure_agency_role(admin)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        own = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
        await asyncio.to_thread(upgrade, own, f"{service.replace('-', '_')}.migrations")
        database = Database(own, statement_timeout_seconds=600)
        database.service = service
        await database.open()
        yield database
        await database.close()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def bench(dsn: str, options: argparse.Namespace) -> Seconds:
    async with own_database(dsn) as database:
        return await measure(database, options.contracts, options.rounds, options.capacity)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", help="a PostgreSQL in which a database may be created")
    parser.add_argument("--contracts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--capacity", type=int, help="capacity of every agency; unlimited by default")
    parser.add_argument("--at-most", type=float, default=3.0, help="the largest accepted ratio")
    options = parser.parse_args()
    with server(options.dsn) as dsn:
        seconds = asyncio.run(bench(dsn, options))
    for name, taken in (("placement run", seconds.placing), ("bare INSERT … SELECT", seconds.bare)):
        rounds = "  ".join(f"{each:.2f}" for each in taken)
        print(f"{name:<22}{statistics.median(taken):7.2f} s   ({rounds})")
    print(f"{'ratio':<22}{seconds.ratio:7.2f}     (at most {options.at_most:g})")
    raise SystemExit(seconds.ratio > options.at_most)


if __name__ == "__main__":
    main()
