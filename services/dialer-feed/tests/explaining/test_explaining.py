"""What people see of a list: its contracts by page, why one is on it or not, the next list, and the last one."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from dialing_agencies import Visit
from dialing_requests import code_of, report
from dialing_scene import DAY, Contract, Scene
from recobro_events.contracts.portfolio import Stage


async def answer(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    found = await client.get(path, params=parameters)
    assert found.status_code == 200, found.text
    return found.json()


async def paged(client: httpx.AsyncClient, path: str, **parameters: Any) -> list[Any]:
    """All items, two at a time."""
    items, cursor = [], None
    while True:
        page = await answer(client, path, limit=2, **parameters | ({"cursor": cursor} if cursor else {}))
        items += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return items


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sorted_by", ["contract_number", "overdue_balance", "days_past_due"])
async def test_the_contracts_of_a_list_are_paged_in_any_order(
    scene: Scene, client: httpx.AsyncClient, sorted_by: str, order: str
) -> None:
    made = [
        scene.contract(overdue=Decimal(overdue), oldest_due_on=DAY - timedelta(days=days))
        for overdue, days in ((500, 9), (200, 9), (900, 3), (200, 30), (300, 12))
    ]
    await scene.receives(*(contract.registered() for contract in made))
    list_id = await scene.built()
    path = f"/v1/lists/{list_id}/contracts"
    items = await paged(client, path, sorted_by=sorted_by, order=order)
    values = [Decimal(item[sorted_by]) if sorted_by == "overdue_balance" else item[sorted_by] for item in items]
    assert values == sorted(values, reverse=order == "desc")
    assert {item["contract_number"] for item in items} == {contract.number for contract in made}


async def test_a_contract_that_has_left_is_shown_with_its_reason(scene: Scene, client: httpx.AsyncClient) -> None:
    stays, leaves = await scene.contracts(2)
    list_id = await scene.built()
    await report(client, list_id, leaves, "deceased")
    path = f"/v1/lists/{list_id}/contracts"
    [gone] = await paged(client, path, status="withdrawn")
    assert (gone["contract_number"], gone["reason"], gone["acknowledged_at"]) == (leaves.number, "deceased", None)
    assert [item["contract_number"] for item in await paged(client, path, sorted_by="withdrawn_at")] == [leaves.number]
    assert [item["contract_number"] for item in await paged(client, path, status="listed")] == [stays.number]
    assert [item["status"] for item in await paged(client, path, contract_number=leaves.number)] == ["withdrawn"]
    last = (await scene.the_list(list_id))["last_cursor"]
    await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": last})
    [acknowledged] = await paged(client, path, reason="deceased")
    assert acknowledged["acknowledged_at"] is not None


async def different(scene: Scene) -> dict[str, Contract]:
    """A contract for each rule that keeps it off the list, by the rule; "" is on the list."""
    made = {
        "": scene.contract(),
        "stage": scene.contract(stage=Stage.LEGAL),
        "min_overdue": scene.contract(overdue=Decimal("50.00")),
        "no_phone": scene.contract(phones=[]),
        "paused": scene.contract(),
        "frequency": scene.contract(),
        "clarification": scene.contract(),
        "payment": scene.contract(),
    }
    made["paused"].paused(DAY, None)
    await scene.receives(*(contract.registered() for contract in made.values()))
    await scene.receives(made["clarification"].disputed(), made["payment"].paid("10.00"))
    for days in range(7):
        visit = Visit(made["frequency"], DAY - timedelta(days=days))
        await scene.receives(visit.ordered(), visit.completed())
    return made


async def test_an_explanation_names_every_rule_that_bars_and_agrees_with_the_list(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    made = await different(scene)
    list_id = await scene.built()
    listed = await scene.listed(list_id)
    for rule, contract in made.items():
        known = await answer(client, f"/v1/lists/{list_id}/explanations", contract_number=contract.number)
        barring = [verdict["rule"] for verdict in known["rules"] if verdict["bars"]]
        assert barring == ([rule] if rule else []), contract.number
        assert (known["status"] == "listed") == (contract.number in listed) == (not rule)
        assert (known["bars"] is None) == (rule in ("", "frequency"))


async def test_an_explanation_of_a_withdrawn_contract_says_when_it_left(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.receives(contract.paid("10.00"))
    known = await answer(client, f"/v1/lists/{list_id}/explanations", contract_id=str(contract.contract_id))
    assert (known["status"], known["reason"], known["bars"]) == ("withdrawn", "payment", "payment")
    [paid] = [verdict for verdict in known["rules"] if verdict["rule"] == "payment"]
    assert paid["facts"]["silences"][0]["since"] == str(DAY)


async def test_who_asks_for_no_contract_or_an_unknown_one_is_refused(scene: Scene, client: httpx.AsyncClient) -> None:
    list_id = await scene.built()
    path = f"/v1/lists/{list_id}/explanations"
    assert code_of(await client.get(path)) == "contract-not-named"
    assert code_of(await client.get(path, params={"contract_number": "none"})) == "contract-unknown"


@pytest.mark.parametrize("one_entry_per", ["contract", "person"])
async def test_a_preview_counts_what_the_list_then_holds(
    scene: Scene, client: httpx.AsyncClient, one_entry_per: str
) -> None:
    made = await different(scene)
    sibling = scene.contract(debtor_id=made[""].debtor_id)
    await scene.receives(sibling.registered())
    campaign_id = await scene.campaign(one_entry_per=one_entry_per)
    known = await answer(client, f"/v1/campaigns/{campaign_id}/preview", business_date=str(DAY))
    list_id = await scene.built(campaign_id=campaign_id)
    built = await scene.the_list(list_id)
    assert (known["entries"], Decimal(known["overdue_balance"])) == (built["entries"], built["overdue_total"])
    assert {one["rule"]: one["contracts"] for one in known["kept_off"]} == {rule: 1 for rule in made if rule}


async def test_two_lists_are_compared(scene: Scene, client: httpx.AsyncClient) -> None:
    stays, goes = await scene.contracts(2)
    yesterday = await scene.built()
    tomorrow = DAY + timedelta(days=1)
    await scene.receives(goes.disputed())
    await scene.portfolio(business_date=tomorrow)
    [comes] = await scene.contracts(1)
    today = await scene.built(tomorrow)
    path = f"/v1/lists/{today}/difference"
    added = await answer(client, path, **{"with": str(yesterday)})
    gone = await answer(client, path, **{"with": str(yesterday), "side": "gone"})
    assert (added["added"], added["gone"], added["stayed"]) == (1, 1, 1)
    assert [item["contract_number"] for item in added["items"]] == [comes.number]
    assert [(item["contract_number"], item["reason"]) for item in gone["items"]] == [(goes.number, "clarification")]
    unknown = await client.get(path, params={"with": str(uuid.uuid4())})
    assert code_of(unknown) == "list-unknown"
    assert stays.number not in str(added["items"]) + str(gone["items"])


async def test_a_silence_that_begins_later_bars_nothing_yet(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paused(DAY + timedelta(days=2)))
    list_id = await scene.built()
    known = await answer(client, f"/v1/lists/{list_id}/explanations", contract_id=str(contract.contract_id))
    [paused] = [verdict for verdict in known["rules"] if verdict["rule"] == "paused"]
    assert (known["status"], known["bars"], paused["bars"]) == ("listed", None, False)
