"""Files as creditors' spreadsheets make them. What has two readings changes nothing."""

from service_client import ServiceClient, csv_of, row


async def test_two_spellings_of_a_number_in_two_files_are_one_contract(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("CÑ-1"))
    for spelling in ("CÑ-1\u200b", "\ufeffCÑ-1", "C\u00adÑ-1", "CN\u0303-1", "CÑ\u20111", "'CÑ-1", '="CÑ-1"'):
        await service.load(portfolio_id, row(spelling, amount_due="90.00"))
        found = await service.get("/v1/contracts", portfolio_id=str(portfolio_id))
        assert [contract["contract_number"] for contract in found["items"]] == ["CÑ-1"]
    by_number = await service.get("/v1/contracts", portfolio_id=str(portfolio_id), number="CN\u0303\u20111")
    assert len(by_number["items"]) == 1


async def test_a_file_whose_columns_have_two_readings_fails_with_the_rows_and_changes_nothing(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row())
    amounts = await service.load(portfolio_id, row(amount_due="1,500"), row("C-2", amount_due="800"))
    days = await service.load(portfolio_id, row(due_date="04/30/2026"), row("C-2", due_date="30/04/2026"))

    assert (amounts["status"], amounts["error_code"]) == ("failed", "ambiguous_amounts")
    assert (days["status"], days["error_code"]) == ("failed", "ambiguous_dates")
    assert "row 2 (1,500)" in amounts["error"]
    assert "row 3 (30/04/2026) starts with the day, row 2 (04/30/2026) with the month" in days["error"]
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "100.00"


async def test_rejected_rows_never_replace_whole_contracts(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row(), row(instalment=2, amount_due="bad"))
    rejects = await service.client.get(f"/v1/files/{file['file_id']}/rejects")
    answer = await service.upload(portfolio_id, rejects.content.replace(b"bad,", b"50.00,"), "2026-09-10")

    assert (answer.status_code, answer.json()["mode"]) == (202, "amend")
    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "150.00"


async def test_excel_s_first_line_and_blank_rows_are_no_rows(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = b"sep=,\r\n" + csv_of(row()) + b",,,,,,,,,,,,,,,,,,,\r\n , ,,,,,,,,,,,,,,,,,,\r\n"
    answer = await service.upload(portfolio_id, content, "2026-09-10")
    assert await service.loader.load_one()
    file = await service.file(answer.json()["file_id"])
    assert (file["status"], file["rows_read"], file["rows_rejected"]) == ("loaded", 1, 0)
