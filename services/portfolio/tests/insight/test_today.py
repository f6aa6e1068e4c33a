"""The figures of the day count what their addresses list, and the jobs say whether the portfolios are staged."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from chassis import clock
from chassis.testing import mint
from chassis.testing.followed import followed
from portfolio_builders import Given
from service_client import ServiceClient, csv_of, row

TODAY = date(2026, 9, 10)


@pytest.fixture(autouse=True)
def late_in_mexico(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour before midnight in Mexico City, which is the next day in UTC."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 9, 11, 5, 30, tzinfo=UTC))


async def figures(service: ServiceClient, **wanted: object) -> dict[str, int]:
    answer = await service.client.get("/v1/today", params={name: str(value) for name, value in wanted.items()})
    assert answer.status_code == 200, answer.text
    return await followed(service.client, answer.json())


async def a_busy_portfolio(service: ServiceClient) -> UUID:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"), row("C-2", due_date="2026-08-11"))
    await service.upload(portfolio_id, csv_of(row("C-3")), str(TODAY))
    async with service.database.transaction() as tx:
        ids = [line["contract_id"] for line in await tx.fetch("SELECT contract_id FROM contract")]
        await tx.execute(
            "INSERT INTO clarification (contract_id, reason, opened_by, opened_on, deadline_on)"
            " SELECT id, 'x', 'debtor', $2, $2::date + days FROM unnest($1::uuid[], ARRAY[5, 6]) AS given (id, days)"
            " UNION ALL SELECT $1[1], 'y', 'debtor', $2, $2::date - 1",
            ids,
            TODAY,
        )
        await tx.execute("UPDATE file SET finished_at = $1 WHERE status = 'loaded'", clock.now())
        await tx.execute("UPDATE portfolio SET business_date = $1, staged_to = $1", TODAY)
        await tx.execute("UPDATE contract SET undecided_by = file_id WHERE contract_id = $1", ids[0])
    await service.bank_file(portfolio_id, "paid_on,amount,bank_reference\n2026-09-10,1.00,T-1\n")
    return portfolio_id


async def test_each_figure_counts_what_its_address_lists(service: ServiceClient) -> None:
    await service.portfolio()
    portfolio_id = await a_busy_portfolio(service)
    expected = {
        "files.received": 1,
        "files.reading": 0,
        "files.needs_confirmation": 0,
        "files.loading": 0,
        "files.loaded": 1,
        "files.failed": 0,
        "clarifications.open": 3,
        "clarifications.due_soon": 2,
        "clarifications.past_deadline": 1,
        "contracts.undecided": 1,
        "payments.unidentified": 1,
        "letters.to_deliver": 0,
    }
    assert await figures(service, portfolio_id=portfolio_id) == expected
    assert await figures(service) == expected | {"reports.open": 0}
    assert (await figures(service, day=TODAY - timedelta(days=1)))["files.loaded"] == 0
    assert (await figures(service, day=TODAY - timedelta(days=1)))["clarifications.past_deadline"] == 0


async def test_the_jobs_name_each_portfolio_that_nobody_has_staged(client: httpx.AsyncClient, given: Given) -> None:
    await given.portfolio(None)
    one, other = await given.portfolio(TODAY), await given.portfolio(TODAY - timedelta(days=1))

    async def states(**wanted: str) -> dict[str, str]:
        answer = await client.get("/v1/jobs", params=wanted)
        assert answer.status_code == 200, answer.text
        return {job["of"]: job["state"] for job in answer.json()}

    assert await states() == {str(one): "done", str(other): "due"}
    assert await states(day=str(TODAY + timedelta(days=1))) == {str(one): "due", str(other): "due"}
    for state, shown in (("running", "running"), ("failed", "failed"), ("stopped", "failed"), ("done", "due")):
        await given.rows(
            "INSERT INTO staging_run (as_of, portfolio_ids, state) VALUES ($1, ARRAY[$2::uuid], $3) RETURNING 1",
            TODAY,
            other,
            state,
        )
        assert await states(portfolio_id=str(other)) == {str(other): shown}
        answer = await client.get("/v1/jobs", params={"portfolio_id": str(other)}, headers={"Accept-Language": "es-MX"})
        [job] = answer.json()
        assert job["detail"].startswith(f"etapas al {TODAY - timedelta(days=1)}; el último avance ")


async def test_today_is_for_operators(service: ServiceClient) -> None:
    agency = {"Authorization": f"Bearer {mint(agency_id=uuid4(), subject='agency')}"}
    for path in ("/v1/today", "/v1/jobs"):
        assert (await service.client.get(path, headers=agency)).status_code == 403
        assert (await service.client.get(path, params={"portfolio_id": str(uuid4())})).status_code == 404
