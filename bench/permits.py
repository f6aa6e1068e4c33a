"""Measures permits of dialer-feed against their floor: the same reads, one insert and a commit in the same HTTP stack.

    .venv/bin/python bench/permits.py --seconds 20

The app of dialer-feed listens on loopback, with 2,000 contracts on a live list, each with 5 calls of the last week.
Clients ask for permits and for the floor by turns, so that other work on the machine hurts both alike. The floor is a
route of the same app that runs the same statements and keeps a row, but takes no lock and decides nothing. Then come
questions at a steady rate, and batches of 500 beside 500 single questions. At last another process applies payments,
which withdraw entries of the list, by turns alone and while permits are asked. A machine that cannot reach the wanted
rates is asked at a part of what its floor reached before, and the figures say so.

The exit code is 1 if permits are less than half as many as the floor, if the p99 of permits at the steady rate is more
than five times that of the floor, or if a batch is less than ten times as fast as single questions.
"""

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import asyncpg
import httpx
import uvicorn
from chassis import CurrentPrincipal, Router, WriteTransaction, act_for_service, writes
from chassis.migrations import upgrade
from chassis.testing import mint, publishers, test_settings
from dialer_feed.calls import hours
from dialer_feed.calls import queries as calls
from dialer_feed.handlers import consumer
from dialer_feed.lists import frequency
from dialer_feed.main import build_app
from dialer_feed.permits import queries
from dialer_feed.permits.asking import Question
from dialer_feed.settings import DialerFeedSettings
from placement import server
from recobro.database_roles import ensure_agency_role
from recobro_events import Database, Lane
from recobro_events.testing import apply_events

CONTRACTS = 2000
BATCH = 500
LEAST_OF_FLOOR = 0.5
MOST_TIMES_P99 = 5.0
LEAST_TIMES_BATCH = 10.0
PERMITS_BESIDE_WITHDRAWALS = 100.0
_SHARE_OF_FLOOR = 0.3
"""A machine that cannot reach the wanted rate is asked at this part of what its floor reaches. The rest is left for
permits, which may cost twice as much, and for what else the machine does."""
_PAYMENTS_A_SECOND = 10
_TO_WITHDRAW = 4000
_PAID = "SELECT portfolio_id, contract_id FROM contract ORDER BY substr(contract_number, 3)::integer DESC LIMIT $1"
_FILL = """
WITH portfolio AS (
    INSERT INTO portfolio (portfolio_id, version, state, business_date, name, creditor_kind, jurisdiction, timezone)
    VALUES (uuidv7(), 1, 'ready', current_date, 'bench', 'financial', 'GB', 'Europe/London') RETURNING portfolio_id
), day AS (
    INSERT INTO business_day (portfolio_id, business_date, began_at)
    SELECT portfolio_id, current_date, '-infinity' FROM portfolio
), contracts AS (
    INSERT INTO contract (contract_id, version, state, stage, overdue_balance, oldest_due_on, details_version,
        portfolio_id, debtor_id, contract_number, name, jurisdiction, region, places)
    SELECT gen_random_uuid(), 1, 'open', 'early', 500 + n, current_date - 20, 1, portfolio_id, gen_random_uuid(),
        'B-' || n, 'Debtor ' || n, 'GB', NULL, ''
    FROM generate_series(1, $1::integer) AS n, portfolio RETURNING contract_id, contract_number
), points AS (
    INSERT INTO contact_point (contract_id, contact_id, version, seen_version, rank, kind, value, usable)
    SELECT contract_id, gen_random_uuid(), 1, 1, k, 'phone',
        '+44207' || lpad((substr(contract_number, 3)::integer * 10 + k)::text, 7, '0'), true
    FROM contracts, generate_series(0, 1) AS k RETURNING contract_id, contact_id
), made AS (
    INSERT INTO campaign (name, min_overdue, stages, payment_holdoff_days, max_attempts_per_7_days)
    VALUES ('bench', 100, '{early,late}', 3, 1000) RETURNING campaign_id
), list AS (
    INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id, cursor_base, last_cursor, published_at,
        live_until)
    SELECT campaign_id, current_date, 'published', uuidv7(), 0, 0, now(), now() + interval '1 day' FROM made
    RETURNING list_id
), entries AS (
    INSERT INTO list_entry (contract_id, list_id, contract_number, overdue_balance, days_past_due, contact_ids)
    SELECT contract_id, list_id, contract_number, 500, 20, (
        SELECT array_agg(contact_id) FROM points WHERE points.contract_id = contracts.contract_id)
    FROM contracts, list
), known AS (
    INSERT INTO call_result (dialed_for, call_id, list_id, contract_id, contact_id, dialer_id, agent, business_date,
        started_at, duration_seconds, disposition, right_party, wrongful, acknowledged_by_then)
    SELECT $2, contract_number || '-' || k, $2, contract_id, gen_random_uuid(), 'bench', 'bench', current_date - k,
        now() - make_interval(days => k), 10, 'no_answer', false, false, false
    FROM contracts, generate_series(1, 5) AS k
)
SELECT list_id FROM list
"""
_HEARD = """
INSERT INTO barrier (barrier_id, state, sources, opened_at)
VALUES (uuidv7(), 'reached', '{}', clock_timestamp() + interval '1 hour')
"""
_LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=200)
router = Router(prefix="/v1")


@router.post("/floor", dependencies=[writes("dialer-feed", agency=True)])
async def floor(question: Question, tx: WriteTransaction, who: CurrentPrincipal) -> dict[str, str]:
    """Run the reads of a permit and keep one row. Decide nothing."""
    [named] = await tx.fetch(queries.NAMED, [question.list_id], [], who.agency_id)
    await act_for_service(tx)
    rows = await tx.fetch(calls.CONTRACTS, [0], [question.list_id], [question.contract_number], [None], who.agency_id)
    contract_id = rows[0]["contract_id"]
    [phone, *_] = await tx.fetch(calls.PHONES, [contract_id])
    asked = ([0], [contract_id], [question.list_id], [named["campaign_id"]], [phone["contact_id"]], [None], None)
    [facts] = await tx.fetch(queries.JUDGE, *asked, *frequency.limits(), [b""])
    kept = (facts["at"], "floor", None, None, named["campaign_id"], question.list_id, contract_id)
    row = (*kept, phone["contact_id"], None, None, facts["business_date"], None, 0, 0, None)
    [made] = await tx.fetch(queries.KEEP, who.subject, *([value] for value in row))
    return {"permit_id": str(made["permit_id"])}


def percentile(found: Sequence[float], share: float) -> float:
    return sorted(found)[min(len(found) - 1, int(len(found) * share))]


async def _pay(dsn: str, contracts: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[float]:
    database = Database(dsn, max_connections=4)
    database.service, database.partitions = "dialer-feed", {Lane.EVENTS: 1}
    await database.open()
    found, began = [], time.perf_counter()
    for n, (portfolio_id, contract_id) in enumerate(contracts):
        await asyncio.sleep(max(0.0, began + n / _PAYMENTS_A_SECOND - time.perf_counter()))
        payment = publishers.Contract("B", portfolio_id, contract_id, version=1).paid()
        started = time.perf_counter()
        await apply_events(database, consumer, payment)
        found.append(time.perf_counter() - started)
    await database.close()
    return found


def pay(dsn: str, contracts: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[float]:
    """Apply a payment for each of these contracts, at a steady rate. Return the seconds until each had withdrawn."""
    logging.disable(logging.CRITICAL)
    return asyncio.run(_pay(dsn, contracts))


class Bench:
    """A client of the app, and its questions one after the other."""

    def __init__(self, client: httpx.AsyncClient, database: Database, list_id: uuid.UUID) -> None:
        self._client, self._database = client, database
        self._questions = itertools.cycle(
            {"list_id": str(list_id), "contract_number": f"B-{n}", "phone": f"+44207{n * 10:07}"}
            for n in range(1, CONTRACTS + 1)
        )

    async def ask(self, path: str) -> float:
        started = time.perf_counter()
        answer = await self._client.post(path, json=next(self._questions))
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - started

    async def batch(self) -> float:
        asked = [next(self._questions) for _ in range(BATCH)]
        started = time.perf_counter()
        answer = await self._client.post("/v1/permits/batch", json=asked)
        assert all(item["permit"] for item in answer.json()["items"]), answer.text
        return time.perf_counter() - started

    async def many(self, path: str, seconds: float, at_once: int = 4) -> list[float]:
        """Ask as fast as ``at_once`` clients can. Return the seconds of each answer."""
        until = time.perf_counter() + seconds

        async def one() -> list[float]:
            found = []
            while time.perf_counter() < until:
                found.append(await self.ask(path))
            return found

        return [each for found in await asyncio.gather(*(one() for _ in range(at_once))) for each in found]

    async def steadily(self, path: str, rate: float, seconds: float) -> list[float]:
        """Ask at this rate, whatever the answers take. Return the seconds of each answer."""
        tasks, started = [], time.perf_counter()
        for n in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(self.ask(path)))
        return list(await asyncio.gather(*tasks))

    async def withdrawals(self, rate: float, seconds: float) -> tuple[list[float], list[float]]:
        """Return the seconds of withdrawals that run alone, and of those beside permits at this rate, by turns."""
        alone: list[float] = []
        beside: list[float] = []
        turns = 4
        paid = min(int(seconds * _PAYMENTS_A_SECOND), _TO_WITHDRAW) // (2 * turns)
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PAID, _TO_WITHDRAW)
        waiting = iter([(row["portfolio_id"], row["contract_id"]) for row in rows])
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:

            async def paying() -> list[float]:
                some = list(itertools.islice(waiting, paid))
                return await asyncio.get_running_loop().run_in_executor(pool, pay, self._database.dsn, some)

            await paying()  # so that no turn has to start the process
            for _ in range(turns - 1):
                alone += await paying()
                permits = asyncio.create_task(self.steadily("/v1/permits", rate, paid / _PAYMENTS_A_SECOND))
                beside += await paying()
                await permits
        return alone, beside


def percentiles(found: Sequence[float]) -> str:
    return f"p50 {1000 * percentile(found, 0.5):.1f} ms, p99 {1000 * percentile(found, 0.99):.1f} ms"


def reachable(wanted: float, floor: float) -> float:
    """Return the wanted rate, or the part of the floor's that this machine is asked at. Print which of the two."""
    if wanted <= floor * _SHARE_OF_FLOOR:
        return wanted
    rate = floor * _SHARE_OF_FLOOR
    print(f"the floor reaches {floor:.0f} a second here, so {rate:.0f} a second are asked instead of {wanted:.0f}")
    return rate


async def measure(bench: Bench, seconds: float, rate: float) -> bool:
    """Print all figures. Return whether they are within their limits."""
    turns = 4
    done: dict[str, list[float]] = {"/v1/floor": [], "/v1/permits": []}
    for _ in range(turns):
        for path, found in done.items():
            found += await bench.many(path, seconds / turns / 2)
    ratio = len(done["/v1/permits"]) / len(done["/v1/floor"])
    floor_a_second = len(done["/v1/floor"]) / (seconds / 2)
    for path, found in done.items():
        each_second = len(found) / (seconds / 2)
        print(f"{path}: {each_second:.0f} a second, p50 {1000 * statistics.median(found):.1f} ms")
    print(f"permits per floor: {ratio:.2f} (at least {LEAST_OF_FLOOR:g})")
    rate = reachable(rate, floor_a_second)
    steady: dict[str, list[float]] = {path: [] for path in done}
    for _ in range(turns):
        for path, found in steady.items():
            found += await bench.steadily(path, rate, seconds / turns / 2)
    for path, found in steady.items():
        print(f"{path} at {rate:.0f} a second: {percentiles(found)}")
    p99 = percentile(steady["/v1/permits"], 0.99) / percentile(steady["/v1/floor"], 0.99)
    print(f"p99 of permits per that of the floor: {p99:.2f} (at most {MOST_TIMES_P99:g})")
    batches = [await bench.batch() for _ in range(3)]
    singles = [await bench.ask("/v1/permits") for _ in range(BATCH)]
    batch = sum(singles) / statistics.median(batches)
    print(f"{BATCH} in a batch {statistics.median(batches):.3f} s, one after the other {sum(singles):.2f} s: ", end="")
    print(f"{batch:.1f} times (at least {LEAST_TIMES_BATCH:g})")
    beside_rate = reachable(PERMITS_BESIDE_WITHDRAWALS, floor_a_second)
    alone, beside = await bench.withdrawals(beside_rate, 2 * seconds)
    print(f"withdrawals alone: {percentiles(alone)} ({len(alone)} payments)")
    print(f"withdrawals beside {beside_rate:.0f} permits a second: {percentiles(beside)}, median ", end="")
    print(f"{statistics.median(beside) / statistics.median(alone):.2f} times")
    return ratio >= LEAST_OF_FLOOR and p99 <= MOST_TIMES_P99 and batch >= LEAST_TIMES_BATCH


async def run(dsn: str, seconds: float, rate: float) -> bool:
    admin = await asyncpg.connect(dsn)
    await ensure_agency_role(admin)
    name = f"bench_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    own = dsn.rpartition("/")[0] + "/" + name
    try:
        upgrade(own, "dialer_feed.migrations")
        database = Database(own, max_connections=20)
        database.service, database.partitions = "dialer-feed", {Lane.EVENTS: 1}
        await database.open()
        async with database.connection() as connection:
            list_id = await connection.fetchval(_FILL, CONTRACTS + _TO_WITHDRAW, uuid.UUID(int=0))
            await connection.execute(_HEARD)
            await connection.execute("VACUUM (ANALYZE)")
        limits = {
            "operator_requests_per_second": 100_000,
            "operator_requests_per_day": 10**9,
            "operator_requests_at_once": 1000,
            "operator_open_requests": 10_000,
        }
        settings = test_settings(own, service="dialer-feed", **limits)
        app = build_app(DialerFeedSettings(**settings.model_dump(), permit_seconds=1), database, None)
        app.router.routes.extend(router.routes)
        return await serve(app, database, list_id, lambda bench: measure(bench, seconds, rate))
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def serve(app: Any, database: Database, list_id: uuid.UUID, work: Callable[[Bench], Awaitable[bool]]) -> bool:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False)
    listening = uvicorn.Server(config)
    serving = asyncio.create_task(listening.serve())
    while not listening.started:  # noqa: ASYNC110 - no event is set for it
        await asyncio.sleep(0.05)
    port = listening.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {mint()}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, limits=_LIMITS
    ) as client:
        result = await work(Bench(client, database, list_id))
    listening.should_exit = True
    await serving
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--dsn")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # The hours of the country may forbid calls while this runs.
    at_any_hour = patch.object(hours, "closes_at", lambda _contract, _numbers, at: at + timedelta(hours=1))
    with at_any_hour, server(options.dsn) as dsn:
        is_within = asyncio.run(run(dsn, options.seconds, options.rate))
    raise SystemExit(not is_within)


if __name__ == "__main__":
    main()
