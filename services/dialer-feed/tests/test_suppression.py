"""Numbers on a suppression list are barred at once, on live lists, later lists and in permits."""

import hashlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from chassis.testing import mint
from dialer_feed.suppression.rules import WrongLines, hashes_of
from dialing_requests import Json, code_of, report_calls
from dialing_scene import Phone, Scene
from permit_requests import clock, granted, listed, question, refused
from unlisted_calls import by_id

__all__ = ["clock"]
pytestmark = pytest.mark.usefixtures("clock")


async def load(client: httpx.AsyncClient, text: str, name: str = "nao-me-ligue", **query: str) -> httpx.Response:
    headers = {"Content-Type": "text/csv"}
    return await client.post(
        f"/v1/suppression-lists/{name}", content=text.encode(), params={"country": "MX"} | query, headers=headers
    )


async def loaded(client: httpx.AsyncClient, text: str, **query: str) -> Json:
    answer = await load(client, text, **query)
    assert answer.status_code == 200, answer.text
    version: Json = answer.json()
    return version


async def test_a_number_on_the_list_leaves_live_lists_and_gets_no_permit(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    [only_one] = await scene.contracts(1, phones=[Phone("+525500001111")])
    first, second = (phone.value for phone in contract.phones)
    hashed = hashlib.sha256(b"+525500001111").hexdigest()
    version = await loaded(client, f"telefono;fecha\n{first.removeprefix('+52')};2026-01-01\n{hashed}\n{first}\n")
    assert (version["version"], version["official"], version["numbers"], version["added"]) == (1, "BR", 2, 2)
    [change] = (await client.get(f"/v1/lists/{list_id}/withdrawals")).json()["items"]
    assert (change["kind"], change["reason"], change["phones"]) == ("numbers_changed", "opted_out", [second])
    assert await refused(client, question(contract, list_id=list_id)) == "suppressed"
    await granted(client, question(contract, list_id=list_id) | {"phone": second})
    assert await refused(client, question(only_one, campaign_id=scene.campaign_id)) == "suppressed"
    campaign_id = await scene.campaign()
    assert await scene.listed(await scene.built(campaign_id=campaign_id)) == [contract.number]


async def test_an_entry_whose_only_number_is_suppressed_is_withdrawn(scene: Scene, client: httpx.AsyncClient) -> None:
    list_id, contract = await listed(scene, phones=[Phone("+525500001111")])
    await loaded(client, "5500001111")
    assert await scene.withdrawals(list_id) == [(contract.number, "no_phone")]


async def test_each_file_is_the_whole_list_and_the_same_file_again_changes_nothing(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    await scene.hears()
    asked = question(contract, campaign_id=scene.campaign_id)
    text = f"{contract.phones[0].value}\n5500002222\n"
    assert (await loaded(client, text))["version"] == (await loaded(client, text))["version"] == 1
    assert await refused(client, asked) == "suppressed"
    second = await loaded(client, "5500002222\n5500003333\n")
    assert (second["version"], second["numbers"], second["added"], second["removed"]) == (2, 2, 1, 1)
    await granted(client, asked)
    third = await loaded(client, text)
    assert (third["added"], third["removed"]) == (1, 1)
    assert await refused(client, asked) == "suppressed", "a number may come back"
    shown = (await client.get("/v1/suppression-lists/nao-me-ligue/versions", params={"limit": 2})).json()
    assert [version["version"] for version in shown["items"]] == [3, 2]
    assert (await client.get("/v1/suppression-lists")).json()["items"] == shown["items"][:1]


async def test_an_official_list_that_was_never_loaded_is_missing(scene: Scene, client: httpx.AsyncClient) -> None:
    assert scene
    assert (await client.get("/v1/suppression-lists")).json() == {"items": [], "missing": ["nao-me-ligue"]}
    answer = await client.get("/v1/suppression-lists/own/versions")
    assert (answer.status_code, code_of(answer)) == (404, "suppression-list-unknown")


@pytest.mark.parametrize(
    ("text", "code"),
    [("5500001111\nhola\n", "wrong-lines"), ("", "no-numbers"), ("telefono\n", "no-numbers"), ("12\n", "wrong-lines")],
)
async def test_a_file_that_is_no_list_of_numbers_changes_nothing(
    scene: Scene, client: httpx.AsyncClient, text: str, code: str
) -> None:
    await loaded(client, "5500009999")
    answer = await load(client, text)
    assert (answer.status_code, code_of(answer)) == (422, code)
    [kept] = await scene.rows("SELECT version FROM suppression_version")
    assert kept["version"] == 1


async def test_a_list_ends_only_by_an_empty_file_that_says_so(scene: Scene, client: httpx.AsyncClient) -> None:
    await loaded(client, "5500009999")
    assert (await loaded(client, "", allow_empty="true"))["removed"] == 1
    assert await scene.rows("SELECT FROM suppressed_number WHERE until IS NULL") == []


async def test_a_call_to_a_number_that_was_on_the_list_then_is_a_breach(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    await loaded(client, contract.phones[0].value)
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    outcome = await report_calls(client, by_id(contract), by_id(contract, started_at=before))
    assert ["suppressed" in item["breaches"] for item in outcome["items"]] == [True, False]
    found = (await client.get("/v1/breaches", params={"kind": "suppressed"})).json()["items"]
    assert len(found) == 1


async def test_a_call_to_a_number_that_had_left_the_list_is_no_breach(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    await loaded(client, contract.phones[0].value)
    while_it_was_listed = datetime.now(UTC).isoformat()
    await loaded(client, "", allow_empty="true")
    outcome = await report_calls(client, by_id(contract), by_id(contract, started_at=while_it_was_listed))
    assert ["suppressed" in item["breaches"] for item in outcome["items"]] == [False, True]


async def test_an_agency_loads_and_reads_no_lists(client: httpx.AsyncClient, scene: Scene) -> None:
    client.headers["Authorization"] = f"Bearer {mint(agency_id=scene.portfolio_id)}"
    assert (await load(client, "5500001111")).status_code == 403
    assert (await client.get("/v1/suppression-lists")).status_code == 403


def test_numbers_are_read_in_any_notation_and_hashes_as_they_are() -> None:
    digest = hashlib.sha256(b"+525500001111").digest()
    text = f"\ufeffNúmero,desde\n55 0000 1111,2026\n'+525500001111\n{digest.hex().upper()}\n\n"
    assert hashes_of(text.replace("'", ""), "MX") == [digest]
    with pytest.raises(WrongLines) as wrong:
        hashes_of("5500001111\nx\ny\n", "MX")
    assert wrong.value.lines == [2, 3]
