"""A file that is in the code page of DOS or the Macintosh waits, shows its words, and is read as a person says."""

from typing import Any

import pytest
from service_client import ServiceClient, csv_of, row

NAME = "José Muñoz Ibáñez"


async def waiting(
    service: ServiceClient, portfolio_id: Any, encoding: str = "cp850", as_of: str = "2026-09-10"
) -> dict[str, Any]:
    content = csv_of(row(debtor_name=NAME)).decode().encode(encoding)
    answer = await service.upload(portfolio_id, content, as_of)
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    return await service.file(answer.json()["file_id"])


async def answered(service: ServiceClient, file: dict[str, Any], **answer: Any) -> Any:
    return await service.client.post(f"/v1/files/{file['file_id']}/confirmation", json=answer)


@pytest.mark.parametrize("encoding", ["cp850", "mac_roman"])
async def test_a_file_waits_with_its_words_and_is_read_in_the_code_page_that_a_person_names(
    service: ServiceClient, encoding: str
) -> None:
    portfolio_id = await service.portfolio()
    file = await waiting(service, portfolio_id, encoding)
    assert (file["status"], file["confirmation_reason"]) == ("needs_confirmation", "code_page")
    best = file["code_pages"][0]
    assert (best["code_page"], set(best["words"])) == (encoding, set(NAME.split()))
    assert {reading["code_page"] for reading in file["code_pages"]} == {"cp1252", "cp850", "mac_roman"}
    assert not await service.loader.load_one()

    confirmed = await answered(service, file, accept=True, code_page=encoding)
    again = await answered(service, file, accept=True, code_page=encoding)
    assert (confirmed.status_code, again.status_code, confirmed.json()["status"]) == (200, 200, "received")
    assert await service.loader.load_one()
    loaded = await service.file(file["file_id"])
    assert (loaded["status"], loaded["code_page"], loaded["code_pages"]) == ("loaded", encoding, None)
    assert loaded["confirmed_by"]["subject"] == "test"
    assert (await service.contract(portfolio_id, "C-1"))["debtor"]["name"] == NAME


async def test_a_person_may_say_that_windows_was_right(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await waiting(service, portfolio_id)
    assert (await answered(service, file, accept=True, code_page="cp1252")).status_code == 200
    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["debtor"]["name"] == "Jos‚ Mu¤oz Ib ¤ez"


async def test_a_refused_file_fails_and_its_words_are_deleted(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await waiting(service, portfolio_id)
    refused = (await answered(service, file, accept=False)).json()
    assert (refused["status"], refused["error_code"], refused["code_pages"]) == ("failed", "not_confirmed", None)
    assert (await answered(service, file, accept=False)).status_code == 200
    assert (await answered(service, file, accept=True, code_page="cp850")).status_code == 409


async def test_a_yes_needs_the_code_page(service: ServiceClient) -> None:
    file = await waiting(service, await service.portfolio())
    answer = await answered(service, file, accept=True)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "code-page-needed")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/code_page"]
    assert (await service.file(file["file_id"]))["status"] == "needs_confirmation"
    assert (await answered(service, file, accept=True, code_page="cp437")).status_code == 422


async def test_a_file_that_waits_for_something_else_takes_no_code_page(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row())
    answer = await answered(service, file, accept=True, code_page="cp850")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "nothing-to-confirm")


async def test_a_remembered_code_page_is_not_asked_for_again(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    first = await waiting(service, portfolio_id)
    await answered(service, first, accept=True, code_page="cp850", remember=True)
    assert await service.loader.load_one()
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["code_page"] == "cp850"
    assert (await waiting(service, portfolio_id, as_of="2026-09-11"))["status"] == "loaded"
    assert (await service.contract(portfolio_id, "C-1"))["debtor"]["name"] == NAME
    other = await waiting(service, portfolio_id, "mac_roman", as_of="2026-09-12")
    assert (other["status"], other["confirmation_reason"]) == ("needs_confirmation", "code_page")


async def test_an_accepted_code_page_does_not_confirm_what_the_file_then_closes(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(4)))
    content = csv_of(row("C-0", debtor_name=NAME)).decode().encode("cp850")
    file = (await service.upload(portfolio_id, content, "2026-09-11", "snapshot")).json()
    assert await service.loader.load_one()
    await answered(service, file, accept=True, code_page="cp850")
    assert await service.loader.load_one()
    waits = await service.file(file["file_id"])
    assert (waits["status"], waits["confirmation_reason"], waits["contracts_to_close"]) == (
        "needs_confirmation",
        "closes_many",
        3,
    )
    assert (await answered(service, file, accept=True)).status_code == 200
    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-3"))["state"] == "withdrawn"
