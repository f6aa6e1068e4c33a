"""The documents of an agreement: its text for the debtor, and the letter of no debt."""

import hashlib
from typing import Any
from uuid import UUID, uuid5

import pytest
from agreement_deals import Deal
from portfolio.agreements import following
from portfolio.documents import queries
from portfolio.documents.papers import agreement_of, proposal_of
from portfolio.documents.texts import TEXTS
from portfolio.handlers import consumer
from recobro_events.contracts.promises import AgreementKind
from recobro_events.testing import apply_events
from service_client import ServiceClient, row

LETTERHEAD = {
    "legal_name": "Banco del Norte, S.A.",
    "tax_id": "BNO010203AB1",
    "address": "Av. Reforma 100, 06600 Ciudad de México",
    "phones": ["55 5123 4567"],
    "payment_instructions": "CLABE 012180001234567891, Banco del Norte",
    "complaints_unit": "quejas@banconorte.example",
}
SPLIT = {"amount_due": "1000.00", "principal": "800.00", "ordinary_interest": "200.00"}


async def owing(service: ServiceClient, letterhead: dict[str, Any] | None = None) -> UUID:
    portfolio_id = await service.portfolio()
    creditor_id = (await service.get(f"/v1/portfolios/{portfolio_id}"))["creditor_id"]
    answer = await service.client.patch(f"/v1/creditors/{creditor_id}", json=letterhead or LETTERHEAD)
    assert answer.status_code == 200, answer.text
    await service.load(portfolio_id, row("A", 1, **SPLIT))
    return uuid5(portfolio_id, "A")


async def hear(service: ServiceClient, *events: Any) -> None:
    for event in events:
        await apply_events(service.database, consumer, event)
    await following.follow_all(service.database)


def settlement(contract_id: UUID) -> Deal:
    return Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (5, "300.00"), (35, "300.00"))


async def pdf(service: ServiceClient, path: str, **parameters: str) -> bytes:
    answer = await service.client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF")
    return answer.content


@pytest.mark.parametrize("language", ["es", "pt", "en"])
async def test_an_agreement_and_its_end_are_printed_and_their_hashes_kept(
    service: ServiceClient, language: str
) -> None:
    contract_id = await owing(service)
    deal = settlement(contract_id)
    await hear(service, deal.reached())
    path = f"/v1/contracts/{contract_id}/agreements/{deal.ids['agreement_id']}/agreement.pdf"
    agreement = await pdf(service, path, language=language)
    assert await pdf(service, path, language=language) == agreement, "the same facts make the same PDF"
    early = await service.client.get(f"/v1/contracts/{contract_id}/no-debt.pdf")
    assert (early.status_code, early.json()["type"]) == (409, "urn:recobro:problem:debt-open")
    payment = {"amount": "600.00", "paid_on": "2026-09-10", "channel": "spei"}
    assert (await service.client.post(f"/v1/contracts/{contract_id}/payments", json=payment)).status_code == 201
    await hear(service, deal.fulfilled(), deal.settled())
    letter = await pdf(service, f"/v1/contracts/{contract_id}/no-debt.pdf", language=language)
    kept = await service.get(f"/v1/contracts/{contract_id}/documents")
    hashes = [hashlib.sha256(content).hexdigest() for content in (letter, agreement, agreement)]
    assert [(one["kind"], one["language"], one["sha256"]) for one in kept] == [
        ("no_debt", language, hashes[0]),
        ("agreement", language, hashes[1]),
        ("agreement", language, hashes[2]),
    ]


async def test_an_agreement_states_the_parts_the_discount_and_where_to_pay(service: ServiceClient) -> None:
    contract_id = await owing(service)
    deal = settlement(contract_id)
    await hear(service, deal.reached())
    [agreement] = await service.rows("SELECT * FROM agreement")
    [contract] = await service.rows(queries.CONTRACT, contract_id)
    document = agreement_of(contract, agreement, "es")
    assert document["sums"] == [
        ["Capital", "$800.00 M.N."],
        ["Intereses ordinarios", "$200.00 M.N."],
        ["Total del adeudo", "$1,000.00 M.N."],
        ["Descuento que otorga el acreedor", "$400.00 M.N."],
        ["Total a pagar", "$600.00 M.N."],
    ]
    assert [part[2] for part in document["schedule"]] == ["$300.00 M.N.", "$300.00 M.N."]
    assert any("CLABE 012180001234567891" in sentence for sentence in document["closing"])
    assert any("en su totalidad" in sentence for sentence in document["closing"])


async def test_an_agreement_is_not_printed_before_the_creditor_says_where_to_pay(service: ServiceClient) -> None:
    contract_id = await owing(service, {"legal_name": "Banco"})
    deal = settlement(contract_id)
    await hear(service, deal.reached())
    path = f"/v1/contracts/{contract_id}/agreements/{deal.ids['agreement_id']}/agreement.pdf"
    answer = await service.client.get(path)
    assert (answer.status_code, answer.json()["missing"]) == (409, ["creditor.payment_instructions"])
    unknown = await service.client.get(f"/v1/contracts/{contract_id}/agreements/{contract_id}/agreement.pdf")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:recobro:problem:agreement-unknown")


@pytest.mark.parametrize("language", ["es", "pt", "en"])
async def test_a_proposal_is_printed_to_be_signed_until_it_is_accepted(service: ServiceClient, language: str) -> None:
    contract_id = await owing(service)
    deal = settlement(contract_id)
    path = f"/v1/contracts/{contract_id}/agreements/{deal.ids['agreement_id']}/proposal.pdf"
    early = await service.client.get(path)
    assert (early.status_code, early.json()["type"]) == (404, "urn:recobro:problem:agreement-unknown")
    await hear(service, deal.proposed())
    waits = await pdf(service, path, language=language)
    await hear(service, deal.proposed(2, "awaiting_acceptance", awaits=False))
    approved = await pdf(service, path, language=language)
    assert waits != approved
    [newest, _] = await service.get(f"/v1/contracts/{contract_id}/documents")
    assert (newest["kind"], newest["sha256"]) == ("proposal", hashlib.sha256(approved).hexdigest())
    await hear(service, deal.proposed(3, "reached", awaits=False), deal.reached(), deal.proposed())
    late = await service.client.get(path)
    assert (late.status_code, late.json()["type"]) == (409, "urn:recobro:problem:nothing-to-sign")
    assert (await pdf(service, path.replace("proposal", "agreement"), language=language)) != approved


async def test_a_proposal_says_that_it_is_none_in_force_and_states_the_hash_of_its_terms(
    service: ServiceClient,
) -> None:
    contract_id = await owing(service)
    deal = settlement(contract_id)
    await hear(service, deal.proposed())
    [contract] = await service.rows(queries.CONTRACT, contract_id)

    async def stated() -> Any:
        [proposal] = await service.rows(queries.PROPOSAL, contract_id, deal.ids["agreement_id"])
        return proposal_of(contract, proposal, "es")

    document = await stated()
    assert document["texts"]["title"] == "Propuesta de convenio de quita"
    assert "NO ES UN CONVENIO EN VIGOR" in document["mark"]
    assert any("segunda persona" in sentence for sentence in document["opening"])
    assert any("5e" * 32 in sentence for sentence in document["ending"])
    assert any("CLABE 012180001234567891" in sentence for sentence in document["closing"])
    await hear(service, deal.reached())
    [agreement] = await service.rows("SELECT * FROM agreement")
    in_force = agreement_of(contract, agreement, "es")
    assert (document["sums"], document["schedule"]) == (in_force["sums"], in_force["schedule"])
    assert in_force["mark"] == ""
    await hear(service, deal.proposed(2, "awaiting_acceptance", awaits=False))
    assert not any("segunda persona" in sentence for sentence in (await stated())["opening"])


async def test_a_forgiveness_without_a_payment_is_not_signed(service: ServiceClient) -> None:
    contract_id = await owing(service)
    deal = Deal(contract_id, AgreementKind.FORGIVENESS, "1000.00")
    await hear(service, deal.proposed())
    answer = await service.client.get(f"/v1/contracts/{contract_id}/agreements/{deal.ids['agreement_id']}/proposal.pdf")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:nothing-to-sign")


def test_every_language_has_every_sentence() -> None:
    keys = [set(texts) for texts in TEXTS.values()]
    assert keys[0] == keys[1] == keys[2]
