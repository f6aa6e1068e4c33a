"""A dry run says what a file would do, and changes nothing."""

from typing import Any
from uuid import UUID

from service_client import ServiceClient, csv_of, row

TABLES = ("contract", "instalment", "payment", "contact_point", "contract_history", "debtor", "outbox_event")


async def tried(service: ServiceClient, portfolio_id: UUID, content: bytes, **query: Any) -> dict[str, Any]:
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params={"as_of": "2026-09-20", "dry_run": True, "confirm_future": True, **query},
        content=content,
    )
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    return await service.file(answer.json()["file_id"])


async def state(service: ServiceClient) -> list[Any]:
    tables = await service.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    there = [table["tablename"] for table in tables if not table["tablename"].startswith(("file", "audit"))]
    return [await service.rows(f"SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY 1") for table in there]


async def test_a_dry_run_says_what_the_file_would_do_and_changes_nothing(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    first = [row("C-1"), row("C-2", 1), row("C-2", 2, due_date="2026-10-01"), row("C-3")]
    await service.load(portfolio_id, *first)
    before = await state(service)
    content = csv_of(row("C-1", amount_due="60.00"), row("C-2", 1), row("C-4"), row("C-5", amount_due="x"))

    file = await tried(service, portfolio_id, content)

    assert await state(service) == before
    assert (file["status"], file["dry_run"], file["rows_rejected"]) == ("loaded", True, 1)
    counts = [file[f"would_{name}"] for name in ("register", "revise", "close", "set_aside")]
    assert (counts, file["file_payments"]) == ([1, 1, 0, 1], 1)
    found = (await service.get(f"/v1/files/{file['file_id']}/findings"))["items"]
    assert {(item["kind"], item["contract_number"], item["stated"]) for item in found} >= {
        ("would_register", "C-4", "100.00"),
        ("would_revise", "C-1", "60.00"),
        ("set_aside", "C-2", "100.00"),
    }
    assert len(await service.rejects(file["file_id"])) == 2
    # The file itself is loaded afterwards; the dry run is no file that was loaded.
    answer = await service.upload(portfolio_id, content, "2026-09-20")
    assert answer.status_code == 202
    assert await service.loader.load_one()
    loaded = await service.file(answer.json()["file_id"])
    assert (loaded["status"], loaded["dry_run"], loaded["set_aside"]) == ("loaded", False, 1)


async def test_a_dry_run_of_a_snapshot_lists_what_would_close_and_waits_for_nobody(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"), row("C-3"))
    before = await state(service)
    file = await tried(service, portfolio_id, csv_of(row("C-1")), mode="snapshot")
    assert (file["status"], file["would_close"], await state(service) == before) == ("loaded", 2, True)
    found = (await service.get(f"/v1/files/{file['file_id']}/findings", kind="would_close"))["items"]
    assert [(item["contract_number"], item["known"]) for item in found] == [("C-2", "100.00"), ("C-3", "100.00")]


async def test_a_dry_run_before_the_first_file_and_again_after_it_tries_anew(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = csv_of(row("C-1"))
    assert (await tried(service, portfolio_id, content))["would_register"] == 1
    await service.load(portfolio_id, row("C-1"))
    again = await tried(service, portfolio_id, content)
    assert (again["would_register"], again["would_revise"]) == (0, 1)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] == "2026-09-10"


async def test_a_snapshot_beyond_the_portfolios_threshold_waits_with_the_list_of_what_would_close(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio(snapshot_threshold_percent=60)
    await service.load(portfolio_id, row("C-1"), row("C-2"), row("C-3"), row("C-4"))
    half = await service.load(portfolio_id, row("C-1"), row("C-2"), as_of="2026-09-11", mode="snapshot")
    assert half["status"] == "loaded"
    await service.client.patch(f"/v1/portfolios/{portfolio_id}", json={"snapshot_threshold_percent": 0})
    waits = await service.load(portfolio_id, row("C-1"), as_of="2026-09-12", mode="snapshot")
    assert (waits["status"], waits["confirmation_reason"]) == ("needs_confirmation", "closes_many")
    found = (await service.get(f"/v1/files/{waits['file_id']}/findings", kind="would_close"))["items"]
    assert [item["contract_number"] for item in found] == ["C-2"]


async def test_control_totals_that_differ_apply_nothing_and_can_be_corrected(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = csv_of(row("C-1"), row("C-2", amount_due="50.00"))
    path = f"/v1/portfolios/{portfolio_id}/files"
    query: dict[str, Any] = {"as_of": "2026-09-10", "confirm_future": True}
    wrong = await service.client.post(path, params={**query, "control_rows": 3}, content=content)
    await service.loader.load_one()
    answer = await service.client.get(f"/v1/files/{wrong.json()['file_id']}", headers={"Accept-Language": "es"})
    file = answer.json()
    assert (file["status"], file["error_code"]) == ("failed", "control_totals_differ")
    assert "No se aplicó nada" in file["error"]
    assert answer.headers["content-language"] == "es"
    assert await service.rows("SELECT FROM contract") == []
    right = {**query, "control_rows": 2, "control_amount": "150.00"}
    assert (await service.client.post(path, params=right, content=content)).status_code == 202
    await service.loader.load_one()
    file = await service.file(file["file_id"])
    assert (file["status"], file["control_amount"], file["phase"], file["percent"]) == ("loaded", "150.00", "done", 100)


async def test_control_totals_are_refused_where_they_are_no_numbers(service: ServiceClient) -> None:
    path = f"/v1/portfolios/{await service.portfolio()}/files"
    wrong: dict[str, Any]
    for wrong in (
        {"control_amount": "NaN"},
        {"control_amount": "1e400"},
        {"control_rows": "1_000"},
        {"control_rows": -1},
    ):
        assert (await service.client.post(path, params=wrong, content=csv_of(row("C-1")))).status_code == 422
