"""Loads a portfolio file on a running platform, and prints the CPU time of a contract beside bounds of the same run.

    .venv/bin/python bench/make_portfolio.py big.csv --rows 100000
    .venv/bin/python bench/loading.py big.csv --data .recobro

The clock stops when every service has applied every contract. CPU times are compared, since other work on the machine
changes them less than it changes the time on the clock. The bounds are measured on the platform's own PostgreSQL:

- the bare load: the file's columns, copied into a table of texts and merged into contracts, instalments, phones and
  addresses;
- the bare upsert: contracts with the columns that a listening service keeps, 500 at a time.
"""

import argparse
import asyncio
import csv
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import asyncpg
import costs
from make_portfolio import HEADER
from payments import load, print_costs
from recobro import lag, targets
from recobro.client import Client
from recobro.data import DataFolder
from recobro.postgres import EmbeddedPostgres
from running import connected

AS_OF = date(2026, 11, 22)
_LISTENERS = ("assignment", "dialer-feed", "field-visits", "promises")
_CHUNK = 500
_BARE_TABLES = """
CREATE UNLOGGED TABLE staged (line bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns});
CREATE TABLE debtor (debtor_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), number text UNIQUE, name text, kind text,
    tax_id text);
CREATE TABLE contract (contract_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), number text UNIQUE, debtor_id uuid,
    product text, balance numeric(14,2), oldest_due_on date);
CREATE TABLE instalment (contract_id uuid, number integer, due_on date, amount numeric(14,2),
    PRIMARY KEY (contract_id, number));
CREATE TABLE phone (contract_id uuid, value text, PRIMARY KEY (contract_id, value));
CREATE TABLE address (contract_id uuid PRIMARY KEY, kind text, street text, exterior text, neighbourhood text,
    postal_code text, municipality text, state text);
"""
_BARE_MERGE = (
    """INSERT INTO debtor (number, name, kind, tax_id) SELECT DISTINCT ON (c2) c2, c3, c4, c5 FROM staged
        ORDER BY c2, line ON CONFLICT (number) DO UPDATE SET name = excluded.name, kind = excluded.kind""",
    """INSERT INTO contract (number, debtor_id, product, balance, oldest_due_on)
        SELECT c1, debtor_id, min(c6), sum(c9::numeric), min(to_date(c8, 'DD/MM/YYYY'))
        FROM staged JOIN debtor ON debtor.number = c2 GROUP BY c1, debtor_id
        ON CONFLICT (number) DO UPDATE SET balance = excluded.balance""",
    """INSERT INTO instalment SELECT contract_id, c7::integer, to_date(c8, 'DD/MM/YYYY'), c9::numeric
        FROM staged JOIN contract ON contract.number = c1 ON CONFLICT DO NOTHING""",
    """INSERT INTO phone SELECT contract_id, c10 FROM staged JOIN contract ON contract.number = c1 WHERE c10 <> ''
        UNION SELECT contract_id, c11 FROM staged JOIN contract ON contract.number = c1 WHERE c11 <> ''
        ON CONFLICT DO NOTHING""",
    """INSERT INTO address SELECT DISTINCT ON (contract_id) contract_id, c13, c14, c15, c17, c18, c19, c20
        FROM staged JOIN contract ON contract.number = c1 ORDER BY contract_id, line ON CONFLICT DO NOTHING""",
)
_BARE_KEPT = """
CREATE TABLE kept (contract_id uuid PRIMARY KEY, portfolio_id uuid, version bigint, state text, stage text,
    balance numeric(14,2), days integer, oldest_due_on date, debtor_id uuid, name text, details jsonb)
"""
_BARE_UPSERT = """
INSERT INTO kept SELECT *, '{"phones": ["+525512345678", "+525587654321"], "postal_code": "06000"}'::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::numeric[], $7::integer[], $8::date[],
    $9::uuid[], $10::text[]) ON CONFLICT (contract_id) DO UPDATE SET version = excluded.version
"""


def new_portfolio(client: Client) -> str:
    creditor = client.post("portfolio", "/v1/creditors", {"name": "bench", "kind": "financial", "country": "MX"})
    new = {
        "creditor_id": creditor["creditor_id"],
        "name": f"{time.time():.0f}",
        "currency": "MXN",
        "jurisdiction": "MX",
    }
    return str(client.post("portfolio", "/v1/portfolios", new)["portfolio_id"])


def wait_until_applied(data: DataFolder) -> None:
    """Return when no service has an event of the lane ``bulk`` left to apply."""
    chosen = targets.find(data)
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        readings, _ = asyncio.run(lag.look(chosen))
        if not any(one.lag for one in readings if one.topic.endswith(".bulk")):
            return
        time.sleep(1)
    raise SystemExit("the services have not applied the file within half an hour")


def valid_rows(file: Path) -> Sequence[Sequence[str]]:
    """The rows whose amount and date can be cast, so that the bare load does not stop."""
    with file.open(encoding="cp1252", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return [row for row in rows if len(row) == len(HEADER) and _can_be_cast(row)]


def _can_be_cast(row: Sequence[str]) -> bool:
    day, month, year = (*row[7].split("/"), "", "", "")[:3]
    try:
        date(int(year), int(month), int(day))
        if not 0 < float(row[8]) < 1e9:
            return False
        int(row[6])
    except ValueError:
        return False
    return bool(row[0] and row[1]) and not any("\0" in cell for cell in row)


async def bounds(data: DataFolder, file: Path) -> Mapping[str, float]:
    """CPU seconds of the bare load and of the bare upsert, PostgreSQL and client together."""
    state = data.state()
    assert state is not None
    server = EmbeddedPostgres(Path(data.postgres), state.postgres_port)
    admin = await asyncpg.connect(server.dsn("postgres"))
    await admin.execute("DROP DATABASE IF EXISTS bench_floor WITH (FORCE)")
    await admin.execute("CREATE DATABASE bench_floor")
    rows = valid_rows(file)
    connection = await asyncpg.connect(server.dsn("bench_floor"))
    try:
        names = [f"c{n}" for n in range(1, len(HEADER) + 1)]
        columns = ", ".join(f"{name} text" for name in names)
        for statement in [*_BARE_TABLES.format(columns=columns).split(";\n"), _BARE_KEPT]:
            if statement.strip():
                await connection.execute(statement)
        started = _spent(data)
        await connection.copy_records_to_table("staged", records=map(tuple, rows), columns=names)
        for statement in _BARE_MERGE:
            await connection.execute(statement)
        loaded = _spent(data)
        contracts = await connection.fetch(
            "SELECT contract_id, debtor_id, balance, oldest_due_on, name FROM contract JOIN debtor USING (debtor_id)"
        )
        before = _spent(data)
        for place in range(0, len(contracts), _CHUNK):
            await connection.execute(_BARE_UPSERT, *_columns(contracts[place : place + _CHUNK]))
        return {"bare load": loaded - started, "bare upsert": _spent(data) - before, "contracts": len(contracts)}
    finally:
        await connection.close()
        await admin.execute("DROP DATABASE bench_floor WITH (FORCE)")
        await admin.close()


def _spent(data: DataFolder) -> float:
    return costs.cpu_by_process(data)[costs.FLOOR] + time.process_time()


def _columns(chunk: Sequence[asyncpg.Record]) -> Sequence[Sequence[object]]:
    ids = [row["contract_id"] for row in chunk]
    return (
        ids,
        [row["debtor_id"] for row in chunk],
        [1] * len(ids),
        ["open"] * len(ids),
        ["late"] * len(ids),
        [row["balance"] for row in chunk],
        [30] * len(ids),
        [row["oldest_due_on"] for row in chunk],
        [row["debtor_id"] for row in chunk],
        [row["name"] for row in chunk],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=Path(".recobro"))
    options = parser.parse_args()
    data = DataFolder(options.data)
    with connected(data) as client:
        portfolio_id = new_portfolio(client)
        wait_until_applied(data)
        before, started = costs.cpu_by_process(data), time.monotonic()
        answer = load(client, portfolio_id, options.file, AS_OF)
        loaded = time.monotonic() - started
        wait_until_applied(data)
        everywhere = time.monotonic() - started
        used = costs.used_between(before, costs.cpu_by_process(data))
    contracts = answer["contracts"]
    print(f"rows {answer['rows_read']}, contracts {contracts}: loaded {loaded:.1f} s, everywhere {everywhere:.1f} s")
    print_costs("CPU", used, contracts, "milliseconds per contract")
    bound = asyncio.run(bounds(data, options.file))
    each = {name: bound[name] / bound["contracts"] for name in ("bare load", "bare upsert")}
    print(f"bounds, milliseconds per contract: {', '.join(f'{name} {s * 1000:.3f}' for name, s in each.items())}")
    own = (used["portfolio"] + used["PostgreSQL portfolio"]) / contracts
    print(f"portfolio against the bare load: {each['bare load'] / own:.2f} x")
    for name in _LISTENERS:
        own = (used[name] + used[f"PostgreSQL {name.replace('-', '_')}"]) / contracts
        print(f"{name} against the bare upsert: {each['bare upsert'] / own:.2f} x")


if __name__ == "__main__":
    main()
