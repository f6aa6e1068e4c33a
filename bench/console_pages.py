"""Measures the console's pages over a list of 100,000 entries and over 100,000 contracts, beside the same over 1,000.

    .venv/bin/python bench/console_pages.py

The apps of the console, portfolio and dialer-feed answer in this process, on databases that SQL fills. Each page is
asked for again and again, with its parts, by turns over much and little. Beside the time stands the CPU time of this
process, in which PostgreSQL has no part. The exit code is 1 if a page over much takes more than ``--at-most`` times as
long as the same page over little.
"""

import argparse
import asyncio
import logging
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
from chassis.migrations import upgrade
from chassis.testing import mint, private_key_file, test_settings
from dialer_feed.main import build_app as dialer_feed
from dialer_feed.settings import DialerFeedSettings
from fastapi import FastAPI
from placement import server
from portfolio.files.loader import Loader
from portfolio.main import build_app as portfolio
from portfolio.settings import PortfolioSettings
from recobro.database_roles import ensure_agency_role
from recobro_console.app import create_app
from recobro_console.main import issuer_of
from recobro_console.sessions.store import Role, Session, Store
from recobro_console.settings import ConsoleSettings
from recobro_events import Database, Lane
from recobro_events.memory import MemoryTransport

MUCH, LITTLE = 100_000, 1000
_CONTRACTS = """
WITH made AS (
    INSERT INTO creditor (name, kind, country) VALUES ('bench', 'financial', 'MX') RETURNING creditor_id
), portfolio AS (
    INSERT INTO portfolio (creditor_id, name, currency, jurisdiction, timezone, business_date, staged_to)
    SELECT creditor_id, 'bench', 'MXN', 'MX', 'America/Mexico_City', current_date, current_date FROM made
    RETURNING portfolio_id, creditor_id
), debtors AS (
    INSERT INTO debtor (debtor_id, creditor_id, debtor_number)
    SELECT md5('d' || n || portfolio_id)::uuid, creditor_id, 'D' || n
    FROM portfolio, generate_series(1, $1::integer) AS n
)
INSERT INTO contract (contract_id, portfolio_id, creditor_id, debtor_id, contract_number, debtor_name,
    as_of, stage, days_past_due, overdue_balance, total_balance, oldest_due_on, stated_as_of, tax_id)
SELECT md5('c' || n || portfolio_id)::uuid, portfolio_id, creditor_id, md5('d' || n || portfolio_id)::uuid,
    'B-' || lpad(n::text, 8, '0'), 'Debtor Number ' || n, current_date,
    (array['early', 'late', 'legal'])[1 + n % 3], 1 + n % 120, 100 + n % 5000, 6000 + n % 9000, current_date - n % 120,
    current_date, 'XAXX' || n
FROM portfolio, generate_series(1, $1::integer) AS n
"""
_LIST = """
WITH contracts AS (
    INSERT INTO contract (contract_id, version, state, stage, overdue_balance, oldest_due_on, details_version,
        portfolio_id, debtor_id, contract_number, name, jurisdiction, region, places)
    SELECT gen_random_uuid(), 1, 'open', 'early', 500 + n % 5000, current_date - n % 120, 1, $2, gen_random_uuid(),
        'B-' || lpad(n::text, 8, '0'), 'Debtor Number ' || n, 'MX', NULL, ''
    FROM generate_series(1, $1::integer) AS n RETURNING contract_id, contract_number, overdue_balance, oldest_due_on
), made AS (
    INSERT INTO campaign (name, min_overdue, stages, payment_holdoff_days, max_attempts_per_7_days)
    VALUES ('bench', 100, '{early,late}', 3, 1000) RETURNING campaign_id
), list AS (
    INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id, entries, cursor_base, last_cursor,
        published_at, live_until)
    SELECT campaign_id, current_date, 'published', uuidv7(), $1, 0, 0, now(), now() + interval '1 day' FROM made
    RETURNING list_id
), entries AS (
    INSERT INTO list_entry (contract_id, list_id, contract_number, overdue_balance, days_past_due, contact_ids)
    SELECT contract_id, list_id, contract_number, overdue_balance, current_date - oldest_due_on, '{}'
    FROM contracts, list
)
SELECT list_id FROM list
"""
_PORTFOLIO = """
INSERT INTO portfolio (portfolio_id, version, state, business_date, name, creditor_kind, jurisdiction, timezone)
VALUES ($1, 1, 'ready', current_date, 'bench', 'financial', 'MX', 'America/Mexico_City')
"""
_LIMITS = {
    "operator_requests_per_second": 100_000,
    "operator_requests_per_day": 10**9,
    "operator_requests_at_once": 1000,
    "operator_open_requests": 10_000,
}
_NOTHING: Mapping[str, object] = {"items": [], "next_cursor": None}
_PARKED = "/v1/parked-keys"
_SORTS = ("contract_number", "overdue_balance", "days_past_due", "withdrawn_at")


def pages(list_id: uuid.UUID) -> Mapping[str, tuple[str, ...]]:
    """The pages by name, each with the parts that the browser asks for."""
    at = f"/lists/{list_id}"
    sorted_by = {f"entries by {by}": (f"{at}/contracts?sorted_by={by}&order=desc",) for by in _SORTS}
    return {
        "list": (at, f"{at}/standing", f"{at}/withdrawals", f"{at}/permits", f"{at}/contracts"),
        **sorted_by,
        "one entry by number": (f"{at}/contracts?contract_number=B-00000777",),
        "entries that were withdrawn": (f"{at}/contracts?status=withdrawn",),
        "contracts": ("/contracts",),
        "contracts of a stage": ("/contracts?stage=late",),
        "contracts by name": ("/contracts?q=debtor+number+77",),
        "contract by number": ("/contracts?q=B-00000777",),
        "today": ("/today", "/today/waiting", "/today/lists", "/today/stages", "/today/money", "/today/jobs"),
    }


class Service(httpx.AsyncBaseTransport):
    """A service in this process. It has no runtime, so what is parked is answered here: nothing."""

    def __init__(self, app: FastAPI) -> None:
        self._app = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == _PARKED:
            return httpx.Response(200, json=_NOTHING)
        return await self._app.handle_async_request(request)


@asynccontextmanager
async def console(
    admin: "asyncpg.Connection[Any]", dsn: str, count: int
) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """A console that has signed in, before services with this many contracts. Yields a client and the list's id."""
    async with AsyncExitStack() as stack:
        own: dict[str, Database] = {}
        for service, migrations in (
            ("console", "recobro_console.migrations"),
            ("portfolio", "portfolio.migrations"),
            ("dialer-feed", "dialer_feed.migrations"),
        ):
            name = f"bench_{uuid.uuid4().hex}"
            await admin.execute(f"CREATE DATABASE {name}")
            stack.push_async_callback(admin.execute, f"DROP DATABASE {name} WITH (FORCE)")
            address = dsn.rpartition("/")[0] + "/" + name
            upgrade(address, migrations)
            own[service] = Database(address)
            own[service].service, own[service].partitions = service, {Lane.EVENTS: 1, Lane.BULK: 1}
            await own[service].open()
            stack.push_async_callback(own[service].close)
        async with own["portfolio"].connection() as connection:
            await connection.execute(_CONTRACTS, count)
            portfolio_id = await connection.fetchval("SELECT portfolio_id FROM portfolio")
            await connection.execute("VACUUM (ANALYZE)")
        async with own["dialer-feed"].connection() as connection:
            await connection.execute(_PORTFOLIO, portfolio_id)
            list_id = await connection.fetchval(_LIST, count, portfolio_id)
            await connection.execute("VACUUM (ANALYZE)")
        apps = {
            "portfolio": portfolio(
                PortfolioSettings(**test_settings(own["portfolio"].dsn, service="portfolio", **_LIMITS).model_dump()),
                own["portfolio"],
                None,
                Loader(own["portfolio"]),
            ),
            "dialer-feed": dialer_feed(
                DialerFeedSettings(
                    **test_settings(own["dialer-feed"].dsn, service="dialer-feed", **_LIMITS).model_dump()
                ),
                own["dialer-feed"],
                None,
            ),
        }
        for each in apps.values():
            await stack.enter_async_context(each.router.lifespan_context(each))
        mounts: dict[str, httpx.AsyncBaseTransport] = {
            f"http://{service}": Service(app) for service, app in apps.items()
        }
        for service in ("assignment", "field-visits", "promises"):
            mounts[f"http://{service}"] = httpx.MockTransport(lambda _: httpx.Response(200, json=_NOTHING))
        http = httpx.AsyncClient(mounts=mounts, timeout=600)
        base = test_settings(own["console"].dsn, service="console").model_dump()
        shown = ConsoleSettings(**base | {"console_signing_key_file": private_key_file()})
        addresses = {name.removeprefix("http://"): name for name in mounts}
        app = create_app(shown, own["console"], lambda: MemoryTransport(1), issuer_of(shown, http), http, addresses)
        hour = datetime.now(UTC) + timedelta(hours=5)
        scopes = ("portfolio:read", "dialer-feed:read", "assignment:read", "field-visits:read", "promises:read")
        session = Session("bench", "bench", Role.SUPERVISOR, scopes, hour).with_token(mint(ttl=14400), 14400)
        key = await Store(own["console"]).open(session)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://console", cookies={"recobro_session": key}, timeout=600
        ) as client:
            yield client, list_id


async def once(client: httpx.AsyncClient, paths: tuple[str, ...]) -> tuple[float, float]:
    """The seconds and CPU seconds of a page whose parts are asked for together, after the page itself."""
    began, used = time.perf_counter(), time.process_time()
    first, *parts = paths
    answers = [await client.get(first), *await asyncio.gather(*(client.get(part) for part in parts))]
    wrong = [each for each in answers if each.status_code not in (200, 303) or 'class="notice bad"' in each.text]
    assert not wrong, wrong[0].text
    return time.perf_counter() - began, time.process_time() - used


async def run(dsn: str, rounds: int) -> float:
    """Print the figures of all pages. Return the largest of the ratios."""
    admin = await asyncpg.connect(dsn)
    await ensure_agency_role(admin)
    worst = 0.0
    async with console(admin, dsn, MUCH) as (much, large), console(admin, dsn, LITTLE) as (little, small):
        print(f"{'page':30} {'over 100,000':>22} {'over 1,000':>22}  ratio")
        for name, paths in pages(large).items():
            few = pages(small)[name]
            found: list[list[tuple[float, float]]] = [[], []]
            for _ in range(rounds):
                found[0].append(await once(much, paths))
                found[1].append(await once(little, few))
            (slow, slow_cpu), (fast, fast_cpu) = (
                tuple(1000 * statistics.median(each) for each in zip(*one, strict=True)) for one in found
            )
            worst = max(worst, slow / fast)
            figures = f"{slow:9.1f} ms, CPU {slow_cpu:5.1f} {fast:9.1f} ms, CPU {fast_cpu:5.1f}"
            print(f"{name:30} {figures}  {slow / fast:.2f}")
    await admin.close()
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dsn")
    parser.add_argument("--at-most", type=float, default=4.0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with server(options.dsn) as dsn:
        worst = asyncio.run(run(dsn, options.rounds))
    raise SystemExit(0 if worst <= options.at_most else 1)


if __name__ == "__main__":
    main()
