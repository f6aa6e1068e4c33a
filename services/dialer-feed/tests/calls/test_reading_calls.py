"""Recorded calls and what debtors said of payments can be read, with filters, in the order of their arrival."""

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from chassis.testing import mint
from dialing_agencies import Placement
from dialing_requests import Json, call, code_of, report, report_calls
from dialing_scene import DAY, Scene


async def ids(client: httpx.AsyncClient, **params: Any) -> list[str]:
    """The ids of all calls that are found, read two at a time."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get("/v1/calls", params={"limit": 2, **params, **cursor})
        assert answer.status_code == 200, answer.text
        found += [item["call_id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_calls_are_listed_as_they_were_reported_and_order_turns_the_list(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    one, two = await scene.contracts(2)
    list_id = await scene.built()
    made = [call(list_id, contract) for contract in (one, two, one)]
    for each in made:
        await report_calls(client, each)
    unlisted = call(list_id, two) | {"list_id": None, "contract_number": None, "contract_id": str(two.contract_id)}
    await report_calls(client, unlisted)
    named = [each["call_id"] for each in (*made, unlisted)]
    assert await ids(client) == named
    assert await ids(client, order="desc") == named[::-1]
    assert await ids(client, contract_id=one.contract_id) == [named[0], named[2]]
    assert await ids(client, list_id=list_id) == named[:3]
    assert await ids(client, agency_id=uuid.uuid4()) == []
    assert await ids(client, **{"from": DAY, "to": DAY}) == named
    assert await ids(client, **{"from": DAY + timedelta(days=1)}) == []
    assert await ids(client, to=DAY - timedelta(days=1)) == []
    answer = await client.get("/v1/calls", params={"day": str(DAY)})
    assert (answer.status_code, code_of(answer)) == (422, "unknown-parameter")
    answer = await client.get("/v1/calls", params={"from": str(DAY), "to": str(DAY - timedelta(days=1))})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/to")


async def test_a_call_says_what_it_was(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await report(client, list_id, contract, "deceased")
    made = call(list_id, contract, "refused", manual=True)
    unknown = call(list_id, contract, direction="inbound", phone="55 9999 9999")
    await report_calls(client, made, unknown)
    shown = {item["call_id"]: item for item in (await client.get("/v1/calls")).json()["items"]}
    expected: Json = {
        "list_id": str(list_id),
        "agency_id": None,
        "contract_id": str(contract.contract_id),
        "contract_number": contract.number,
        "phone": contract.phones[0].value,
        "agent": "ana",
        "business_date": str(DAY),
        "duration_seconds": 30,
        "disposition": "refused",
        "direction": "outbound",
        "manual": True,
        "right_party": True,
        "wrongful": True,
        "silence": "deceased",
        "dialer_id": "test",
    }
    assert expected.items() <= shown[made["call_id"]].items()
    assert (shown[unknown["call_id"]]["phone"], shown[unknown["call_id"]]["direction"]) == ("55 9999 9999", "inbound")
    assert shown[unknown["call_id"]]["wrongful"] is False


async def test_an_agency_reads_its_own_calls_without_the_numbers(scene: Scene, client: httpx.AsyncClient) -> None:
    mine, theirs = await scene.contracts(2)
    agencies = uuid.uuid4(), uuid.uuid4()
    made = []
    for agency_id, contract in zip(agencies, (mine, theirs), strict=True):
        await scene.receives(Placement(contract.contract_id, agency_id).placed())
        list_id = await scene.built(campaign_id=await scene.campaign(agency_id=agency_id))
        client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
        made.append(call(list_id, contract))
        await report_calls(client, made[-1])
    assert await ids(client) == [made[1]["call_id"]]
    assert await ids(client, agency_id=agencies[0]) == []
    assert await ids(client, contract_id=mine.contract_id) == []
    [item] = (await client.get("/v1/calls")).json()["items"]
    assert (item["contract_number"], item["phone"], item["silence"]) == (theirs.number, None, None)
    client.headers["Authorization"] = f"Bearer {mint()}"
    assert await ids(client) == [each["call_id"] for each in made]
    assert await ids(client, agency_id=agencies[0]) == [made[0]["call_id"]]


async def test_each_reading_of_calls_and_claims_is_audited(scene: Scene, client: httpx.AsyncClient) -> None:
    await client.get("/v1/calls")
    await client.get("/v1/payment-claims")
    rows = await scene.rows("SELECT path FROM audit_entry WHERE method = 'GET' ORDER BY entry_id")
    assert [row["path"] for row in rows] == ["/v1/calls", "/v1/payment-claims"]


async def test_payment_claims_say_whether_a_payment_has_arrived_since(scene: Scene, client: httpx.AsyncClient) -> None:
    claims, calls, died = await scene.contracts(3)
    list_id = await scene.built()
    await report(client, list_id, claims, "payment_claimed", detail="on Friday at the bank")
    await report_calls(client, called := call(list_id, calls, "payment_claimed"))
    await report(client, list_id, died, "deceased")

    async def claimed(**params: Any) -> list[Json]:
        items: list[Json] = (await client.get("/v1/payment-claims", params=params)).json()["items"]
        return items

    first, second = await claimed()
    expected = {"detail": "on Friday at the bank", "call_id": None, "claimed_on": str(DAY), "paid": False}
    assert (expected | {"contract_number": claims.number, "effective": True}).items() <= first.items()
    assert second["call_id"] == called["call_id"]
    assert await claimed(order="desc") == [second, first]
    await scene.receives(payment := claims.paid())
    assert [item["claim_id"] for item in await claimed(paid="true")] == [first["claim_id"]]
    assert [item["claim_id"] for item in await claimed(paid="false")] == [second["claim_id"]]
    await scene.receives(claims.payment_reversed(payment))
    assert await claimed(paid="true") == []
    assert [item["claim_id"] for item in await claimed(contract_id=calls.contract_id)] == [second["claim_id"]]


@pytest.mark.parametrize("path", ["/v1/payment-claims", "/v1/dialer-reports", "/v1/breaches"])
async def test_reports_are_for_operators(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
    client.headers["Authorization"] = f"Bearer {mint(agency_id=uuid.uuid4())}"
    assert (await client.get(path)).status_code == 403
