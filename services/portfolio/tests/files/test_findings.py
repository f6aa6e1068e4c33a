"""What files say otherwise than it was known is listed, counted and paged."""

from uuid import UUID

import pytest
from chassis.languages import Language, Locale
from portfolio.files import finding_texts, findings
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.finding_kinds import FindingKind
from recobro_events.contracts.field_visits import AddressVerdict
from recobro_events.contracts.portfolio import ContactKind, DebtorStatus
from service_client import ServiceClient, row

_FOUND = findings.listing(
    """
    SELECT kind, contract_id, contract_number, instalment, 100.00 AS stated, 50.00 AS known, 'why' AS detail
    FROM contract, unnest($2::text[]) WITH ORDINALITY AS given (kind, instalment)
    """
)


async def file_with(service: ServiceClient, *kinds: str) -> str:
    """A loaded file with a finding of each of these kinds."""
    file = await service.load(await service.portfolio(), row("C-1"))
    async with service.database.transaction() as tx:
        await tx.execute(_FOUND, UUID(file["file_id"]), list(kinds))
    return str(file["file_id"])


async def test_a_file_counts_its_findings_by_kind(service: ServiceClient) -> None:
    file = await service.file(await file_with(service, "differs", "differs", "in_posting", "set_aside"))
    counted = {kind: file[kind] for kind in FindingKind if file[kind]}
    assert counted == {"in_posting": 1, "differs": 2, "set_aside": 1}


async def test_findings_are_listed_by_kind_and_page_by_page(service: ServiceClient) -> None:
    file_id = await file_with(service, "differs", "in_posting", "differs")
    first = await service.get(f"/v1/files/{file_id}/findings", kind="differs", limit=1)
    second = await service.get(f"/v1/files/{file_id}/findings", kind="differs", limit=1, cursor=first["next_cursor"])

    assert [(item["kind"], item["instalment"]) for item in first["items"] + second["items"]] == [
        ("differs", 1),
        ("differs", 3),
    ]
    assert second["next_cursor"] is None
    assert (first["items"][0]["contract_number"], first["items"][0]["stated"]) == ("C-1", "100.00")
    assert len((await service.get(f"/v1/files/{file_id}/findings"))["items"]) == 3


async def test_findings_of_an_unknown_file_or_kind_are_a_problem(service: ServiceClient) -> None:
    file_id = await file_with(service, "differs")
    unknown = await service.client.get(f"/v1/files/{UUID(int=1)}/findings")
    assert (unknown.status_code, unknown.json()["type"].rpartition(":")[2]) == (404, "file-unknown")
    assert (await service.client.get(f"/v1/files/{file_id}/findings", params={"kind": "other"})).status_code == 422


async def test_findings_beyond_the_bound_are_counted_alone(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = await file_with(service, "differs", "differs")
    monkeypatch.setattr(findings, "MOST_LISTED", 2)
    statement = findings.listing(
        "SELECT 'differs' AS kind, contract_id, contract_number, 1 AS instalment, '' AS stated, '' AS known, '' AS"
        " detail FROM contract"
    )
    async with service.database.transaction() as tx:
        await tx.execute(statement, UUID(file_id))
    assert (await service.file(file_id))["differs"] == 3
    assert len((await service.get(f"/v1/files/{file_id}/findings"))["items"]) == 2


async def test_a_snapshot_that_closes_many_says_so(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    loaded = await service.load(portfolio_id, *(row(f"C-{n}") for n in range(4)))
    assert loaded["confirmation_reason"] is None
    file = await service.load(portfolio_id, row("C-0"), as_of="2026-09-11", mode="snapshot")
    assert (file["status"], file["confirmation_reason"]) == ("needs_confirmation", "closes_many")


async def test_a_finding_is_told_in_the_readers_language(service: ServiceClient) -> None:
    file_id = await file_with(service, "in_posting", "would_close")
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE file_finding SET detail = '12.50 paid on 2026-11-20' WHERE kind = 'in_posting'")
    for accepted, first, second in (
        ("es-MX", "El archivo aún no conoce estos pagos: 12.50 del 20/11/2026.", "Quedan 50.00 por pagar."),
        ("pt-BR", "O arquivo ainda não conhece estes pagamentos: 12,50 de 20/11/2026.", "Restam 50,00 a pagar."),
        ("en", "The file does not know these payments yet: 12.50 paid on 2026-11-20.", "50.00 is unpaid."),
    ):
        answer = await service.client.get(f"/v1/files/{file_id}/findings", headers={"Accept-Language": accepted})
        assert answer.headers["content-language"] == accepted[:2]
        told, closing = (item["text"] for item in answer.json()["items"])
        assert told.startswith(first)
        assert closing.endswith(second)


def test_every_sentence_of_a_finding_and_every_code_in_it_has_its_words() -> None:
    meanings = [*finding_texts.BY_KIND.values(), *finding_texts.BY_DETAIL.values(), finding_texts._OF_EARLIER_RELEASES]
    assert [one.text for one in meanings if one.text not in SENTENCES.translations] == []
    spanish = Locale(Language.ES, "MX")
    assert finding_texts._written("C-12 (deceased)", spanish) == "C-12 (fallecido)"
    assert finding_texts._written("phone_2", spanish) == "teléfono 2"
    codes = [*DebtorStatus, *AddressVerdict, *ContactKind]
    assert [code for code in codes if f"word {code}" not in SENTENCES.translations] == []
