"""The letters of no debt that fulfilled agreements ask for: until each is printed and delivered."""

from typing import Any
from uuid import UUID, uuid5

import httpx
from agreement_deals import Deal
from portfolio.agreements import following
from portfolio.handlers import consumer
from portfolio_builders import TODAY
from recobro_events.contracts.promises import AgreementKind
from recobro_events.testing import apply_events
from service_client import ServiceClient, row


async def owing(service: ServiceClient) -> UUID:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("A", 1, amount_due="1000.00"))
    return uuid5(portfolio_id, "A")


async def hear(service: ServiceClient, *events: Any) -> None:
    for event in events:
        await apply_events(service.database, consumer, event)
    await following.follow_all(service.database)


async def pay(service: ServiceClient, contract_id: UUID, amount: str) -> str:
    payment = {"amount": amount, "paid_on": "2026-09-10", "channel": "spei"}
    answer = await service.client.post(f"/v1/contracts/{contract_id}/payments", json=payment)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["payment_id"])


async def letters(service: ServiceClient, address: str = "/v1/no-debt-letters") -> list[Any]:
    answer = await service.client.get(address)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def to_deliver(service: ServiceClient) -> list[Any]:
    listed = await letters(service, "/v1/no-debt-letters?to_deliver=true")
    [figure] = [each for each in await service.get("/v1/today") if each["figure"] == "letters.to_deliver"]
    assert figure["count"] == len(listed)
    assert await letters(service, figure["items"]) == listed
    return [(each["contract_id"], each["state"]) for each in listed]


async def deliver(service: ServiceClient, deal: Deal, **body: str) -> httpx.Response:
    path = f"/v1/no-debt-letters/{deal.ids['agreement_id']}/delivery"
    return await service.client.post(path, json={"medium": "post"} | body)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def state(service: ServiceClient, deal: Deal) -> str:
    return str((await service.get(f"/v1/no-debt-letters/{deal.ids['agreement_id']}"))["state"])


async def test_a_fulfilled_agreement_asks_for_the_letter_until_it_is_delivered(service: ServiceClient) -> None:
    contract_id = await owing(service)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (5, "600.00"))
    await hear(service, deal.reached())
    assert code(await deliver(service, deal)) == (404, "letter-unknown")
    await pay(service, contract_id, "600.00")
    await hear(service, deal.fulfilled())
    assert (await state(service, deal), await to_deliver(service)) == ("waiting", [])
    assert code(await deliver(service, deal)) == (409, "debt-open")
    await hear(service, deal.settled())
    assert await to_deliver(service) == [(str(contract_id), "due")]
    assert code(await deliver(service, deal)) == (409, "letter-not-printed")
    assert (await service.client.get(f"/v1/contracts/{contract_id}/no-debt.pdf")).status_code == 200
    assert await to_deliver(service) == [(str(contract_id), "printed")]
    future = await deliver(service, deal, delivered_on="2199-01-01")
    assert (future.status_code, [one["pointer"] for one in future.json()["errors"]]) == (422, ["/delivered_on"])
    answer = await deliver(service, deal, delivered_on=str(TODAY))
    assert answer.status_code == 201, answer.text
    delivered = answer.json()
    assert (delivered["state"], delivered["medium"], delivered["delivered_on"]) == ("delivered", "post", str(TODAY))
    assert delivered["delivered_by"]["subject"] == "test"
    assert await to_deliver(service) == []
    assert code(await deliver(service, deal)) == (409, "letter-ended")
    told = {"es": f"Carta de no adeudo entregada el {TODAY:%d/%m/%Y} (correo postal)"}
    told |= {"pt": f"Declaração de quitação entregue em {TODAY:%d/%m/%Y} (correio)"}
    told |= {"en": f"Letter of no debt delivered on {TODAY} (post)"}
    for language, sentence in told.items():
        answer = await service.client.get(
            f"/v1/contracts/{contract_id}/history",
            params={"kind": "letter_delivered"},
            headers={"Accept-Language": language},
        )
        assert [line["summary"] for line in answer.json()["items"]] == [sentence]
    again = await service.client.get(f"/v1/contracts/{contract_id}/no-debt.pdf")
    assert (again.status_code, await state(service, deal)) == (200, "delivered")


async def test_a_letter_is_withdrawn_by_a_reversal_and_asked_for_again(service: ServiceClient) -> None:
    contract_id = await owing(service)
    deal = Deal(contract_id, AgreementKind.SETTLEMENT, "400.00", (5, "600.00"))
    payment_id = await pay(service, contract_id, "600.00")
    await hear(service, deal.reached(), deal.fulfilled(), deal.settled())
    await service.client.get(f"/v1/contracts/{contract_id}/no-debt.pdf")
    answer = await service.client.post(f"/v1/payments/{payment_id}/reversal", json={"reason": "bounced"})
    assert answer.status_code == 201, answer.text
    assert (await state(service, deal), await to_deliver(service)) == ("waiting", [])
    await hear(service, deal.reopened())
    assert (await state(service, deal), await to_deliver(service)) == ("withdrawn", [])
    await pay(service, contract_id, "600.00")
    await hear(service, deal.fulfilled(), deal.settled())
    assert await to_deliver(service) == [(str(contract_id), "due")], "the letter that was printed is not true any more"


async def test_an_agreement_on_a_part_of_the_debt_asks_for_no_letter(service: ServiceClient) -> None:
    contract_id = await owing(service)
    deal = Deal(contract_id, AgreementKind.PLAN, "0.00", (5, "300.00"), (9, "300.00"))
    await hear(service, deal.reached().model_copy(update={"settles_in_full": False}), deal.fulfilled())
    assert await letters(service) == []


async def test_letters_are_listed_by_state_portfolio_and_contract(service: ServiceClient) -> None:
    found = []
    for _ in range(2):
        contract_id = await owing(service)
        deal = Deal(contract_id, AgreementKind.FORGIVENESS, "1000.00")
        await hear(service, deal.reached(), deal.fulfilled(), deal.settled())
        found.append(str(contract_id))
    due = await letters(service, "/v1/no-debt-letters?state=due")
    assert {each["contract_id"] for each in due} == set(found)
    one = due[0]
    for asked in (f"portfolio_id={one['portfolio_id']}", f"contract_id={one['contract_id']}"):
        assert await letters(service, f"/v1/no-debt-letters?{asked}") == [one]
    assert await letters(service, "/v1/no-debt-letters?state=delivered") == []
    assert await letters(service, "/v1/no-debt-letters?to_deliver=false") == []
