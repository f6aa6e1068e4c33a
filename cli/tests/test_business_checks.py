"""`recobro doctor` and the business of the day: files, days, lists and disputes that somebody has to look at."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from fresh_databases import FreshDatabases
from recobro import business_checks
from recobro.finding import Finding, Verdict

TODAY = "(now() AT TIME ZONE 'America/Mexico_City')::date"


class Portfolios:
    """The database of portfolio with one portfolio."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.portfolio_id = uuid4()

    async def add(self, days_behind: int) -> None:
        creditor_id = await self.connection.fetchval(
            "INSERT INTO creditor (name, kind, country) VALUES ('B', 'financial', 'MX') RETURNING creditor_id"
        )
        await self.connection.execute(
            "INSERT INTO portfolio (portfolio_id, creditor_id, name, currency, jurisdiction, timezone, business_date,"
            " staged_to) SELECT $1, $2, 'Tarjetas', 'MXN', 'MX', 'America/Mexico_City', day, day"
            f" FROM (SELECT {TODAY} - $3::integer AS day) AS clock",
            *(self.portfolio_id, creditor_id, days_behind),
        )

    async def file(self, status: str, *, hours_ago: float, error: str | None = None) -> UUID:
        file_id: UUID = await self.connection.fetchval(
            "INSERT INTO file (portfolio_id, filename, mode, as_of, sha256, size_bytes, status, received_at,"
            " finished_at, error)"
            " SELECT $1, 'cartera.csv', 'delta', current_date, uuid_send(uuidv4()), 1, $2, at, at, $4"
            " FROM (SELECT now() - make_interval(secs => 3600 * $3::float8) AS at) AS clock RETURNING file_id",
            *(self.portfolio_id, status, hours_ago, error),
        )
        return file_id

    async def findings(self) -> dict[str, tuple[str, str]]:
        return {
            one.what: (one.verdict.value, one.result)
            for one in await business_checks.check("portfolio", self.connection)
        }


@pytest.fixture
async def portfolios(databases: FreshDatabases) -> AsyncIterator[Portfolios]:
    connection = await asyncpg.connect(await databases.migrated("portfolio.migrations"))
    yield Portfolios(connection)
    await connection.close()


async def test_a_quiet_day_is_ok(portfolios: Portfolios) -> None:
    await portfolios.add(days_behind=0)
    await portfolios.file("failed", hours_ago=5)
    await portfolios.file("loaded", hours_ago=4)
    await portfolios.file("loading", hours_ago=0.1)
    assert await portfolios.findings() == {
        "files": ("ok", "no file waits for a person, and the newest ones are loaded."),
        "payments of banks": ("ok", "no payment file failed, and no unidentified payment waits too long."),
        "staging": ("ok", "no portfolio misses its day."),
        "clarifications": ("ok", "no open clarification has passed its deadline."),
    }


async def test_a_file_that_waits_for_a_person_says_for_how_long_and_what_waits_behind_it(
    portfolios: Portfolios,
) -> None:
    await portfolios.add(days_behind=0)
    file_id = await portfolios.file("needs_confirmation", hours_ago=3)
    await portfolios.file("received", hours_ago=1)
    found = await portfolios.findings()
    assert found["file cartera.csv of Tarjetas"] == (
        "wrong",
        "the file has waited for a confirmation for 3 h. Files behind it: 1."
        f" To say yes: recobro confirm {file_id} (no: --no)",
    )


async def test_a_file_that_is_stuck_or_has_failed_is_wrong(portfolios: Portfolios) -> None:
    await portfolios.add(days_behind=0)
    await portfolios.file("loading", hours_ago=2)
    found = await portfolios.findings()
    assert found["file cartera.csv of Tarjetas"][1] == "the file was uploaded 2 h ago and is still loading."
    await portfolios.connection.execute("DELETE FROM file")
    await portfolios.file("failed", hours_ago=2, error="The file has no header.")
    found = await portfolios.findings()
    assert found["file cartera.csv of Tarjetas"] == ("wrong", "the file was not loaded. The file has no header.")
    await portfolios.connection.execute("UPDATE file SET finished_at = now() - interval '4 days'")
    assert (await portfolios.findings())["files"][0] == "ok"


async def test_a_payment_file_that_failed_and_money_that_waits_too_long_are_wrong(portfolios: Portfolios) -> None:
    await portfolios.add(days_behind=0)
    file_id = await portfolios.connection.fetchval(
        "INSERT INTO payment_file (portfolio_id, filename, channel, sha256, size_bytes, status, error, finished_at)"
        " VALUES ($1, 'pagos.csv', 'bank', '\\x00', 1, 'failed', 'The file is empty.', now()) RETURNING file_id",
        portfolios.portfolio_id,
    )
    await portfolios.connection.execute(
        "INSERT INTO unidentified_payment (unidentified_id, portfolio_id, file_id, row_number, amount, remaining,"
        " paid_on, channel, reference, booking, why, received_at)"
        " VALUES (uuidv4(), $1, $2, 2, 5, 5, now(), 'bank', 'T-1', 1, 'unknown', now() - interval '4 days')",
        *(portfolios.portfolio_id, file_id),
    )
    found = await portfolios.findings()
    assert found["file pagos.csv of Tarjetas"] == ("wrong", "the payment file was not booked. The file is empty.")
    assert found["payments of banks"][0] == "wrong"
    assert "1 unidentified payments wait" in found["payments of banks"][1]
    await portfolios.connection.execute("UPDATE payment_file SET dry_run = true")
    assert "file pagos.csv of Tarjetas" not in await portfolios.findings()


async def test_a_portfolio_that_misses_its_day_is_wrong_and_one_that_rests_is_not(portfolios: Portfolios) -> None:
    await portfolios.add(days_behind=1)
    found = await portfolios.findings()
    assert found["portfolio Tarjetas"][0] == "wrong"
    assert "Run: recobro stage --as-of 20" in found["portfolio Tarjetas"][1]
    await portfolios.connection.execute("UPDATE portfolio SET staged_to = staged_to - 7, business_date = staged_to - 7")
    assert (await portfolios.findings())["staging"] == (
        "ok",
        "no portfolio misses its day. Portfolios not worked on daily: 1.",
    )


async def test_a_campaign_without_the_list_of_its_day_is_wrong(databases: FreshDatabases) -> None:
    connection = await asyncpg.connect(await databases.migrated("dialer_feed.migrations"))

    async def found() -> list[Finding]:
        return await business_checks.check("dialer-feed", connection)

    await connection.execute(
        "INSERT INTO portfolio (portfolio_id, version, state, business_date, name, creditor_kind, jurisdiction,"
        f" timezone) SELECT uuidv4(), 1, 'ready', {TODAY}, 'Tarjetas', 'financial', 'MX', 'America/Mexico_City'"
    )
    await connection.execute(
        "INSERT INTO campaign (name, min_overdue, stages, payment_holdoff_days) VALUES ('Mora', 0, '{early}', 3)"
    )
    assert [one.verdict for one in await found()] == [Verdict.OK]
    await connection.execute(
        "INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id)"
        f" SELECT campaign_id, {TODAY} - 1, 'closed', uuidv4() FROM campaign"
    )
    [missing] = await found()
    assert (missing.what, missing.verdict) == ("campaign Mora", Verdict.WRONG)
    assert "Run: recobro list --all --date 20" in missing.result
    await connection.execute("UPDATE dialing_list SET business_date = business_date + 1, status = 'published'")
    assert [one.verdict for one in await found()] == [Verdict.OK]
    await connection.close()


def test_lists_of_lost_entries_are_named(tmp_path: Path) -> None:
    assert [one.verdict for one in business_checks.lost_writes(tmp_path)] == [Verdict.OK]
    (tmp_path / "lost-portfolio-20261129T080000Z.csv").touch()
    [found] = business_checks.lost_writes(tmp_path)
    assert found.verdict is Verdict.WRONG
    assert found.result.startswith("lost-portfolio-20261129T080000Z.csv lists what the restored service has lost.")
