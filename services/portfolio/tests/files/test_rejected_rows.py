"""Rejected rows page by page: cells as they came, reasons in the reader's language, and which rows are in by now."""

from service_client import ServiceClient, csv_of, row

BAD = "32/13/2026"


async def test_rejected_rows_are_listed_by_page_with_reasons_until_they_are_in(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("A1"), row("A2", due_date=BAD), row("A3", due_date=BAD))
    path = f"/v1/files/{file['file_id']}/rejected-rows"
    answer = (await service.client.get(path, params={"limit": 1}, headers={"Accept-Language": "es-MX"})).json()
    [first] = answer["items"]
    assert first["row_number"] == 3
    assert dict(zip(answer["columns"], first["cells"], strict=True))["due_date"] == BAD
    [error] = first["errors"]
    assert (error["column"], error["code"]) == ("due_date", "bad_date")
    assert "un día que no existe" in error["reason"]
    parameters = {"mode": "amend", "amends": file["file_id"]}
    sent = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files", params=parameters, content=csv_of(row("A2"))
    )
    assert await service.loader.load_one()
    everything = (await service.get(path))["items"]
    assert [each["amended_by"] for each in everything] == [sent.json()["file_id"], None]
    left = await service.get(path, amended="false")
    assert [each["row_number"] for each in left["items"]] == [4]
    assert left["next_cursor"] is None


async def test_rejected_rows_that_have_expired_are_a_conflict(service: ServiceClient) -> None:
    file = await service.load(await service.portfolio(), row("B1", due_date=BAD), row("B2"))
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE file SET finished_at = now() - interval '31 days'")
    answer = await service.client.get(f"/v1/files/{file['file_id']}/rejected-rows")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "rejects-expired")
