"""What debtors call inconvenient: it refuses permits, cuts hours, and takes who wants no calls off the lists."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from dialing_agencies import own_attempt
from dialing_requests import call, report_calls
from dialing_scene import DAY, Scene
from permit_requests import NOON, Clock, attempt, clock, granted, listed, question, refused
from recobro_events.contracts.dialer_feed import ConvenienceRequested
from recobro_events.testing import published
from unlisted_calls import by_id, item_of

__all__ = ["clock"]


@pytest.mark.parametrize(
    ("said", "hour", "outcome"),
    [
        ({"not_hours": ["12:00-14:00"]}, 18, "inconvenient"),
        ({"not_hours": ["12:00-14:00"]}, 20, None),
        ({"not_hours": ["20:00-10:00"]}, 15, "inconvenient"),
        ({"not_days": ["mon"]}, 18, "inconvenient"),
        ({"not_days": ["tue"]}, 18, None),
        ({"not_media": ["call"]}, 18, "inconvenient"),
        ({"not_media": ["sms"]}, 18, None),
        # Whatever else holds is said first.
        ({"not_days": ["mon"]}, 5, "outside_hours"),
    ],
)
async def test_a_permit_knows_what_is_inconvenient(
    scene: Scene, client: httpx.AsyncClient, clock: Clock, said: dict[str, Any], hour: int, outcome: str | None
) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(**said))
    clock.at = NOON.replace(hour=hour)
    if outcome is None:
        await granted(client, question(contract, list_id=list_id))
    else:
        assert await refused(client, question(contract, list_id=list_id)) == outcome
    await scene.receives(contract.says())
    if outcome == "inconvenient" and "not_media" not in said:
        await granted(client, question(contract, list_id=list_id))


async def test_a_permit_ends_where_the_inconvenient_hours_begin(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(not_hours=["12:00-14:00"]))
    clock.at = NOON - timedelta(seconds=5)
    permit = await granted(client, question(contract, list_id=list_id))
    assert permit["expires_at"] == permit["callable_until"] == "2026-11-23T18:00:00Z"


async def test_hours_bind_in_every_place_where_the_debtor_may_be(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Noon in Tijuana is two in the afternoon in Mexico City."""
    list_id, contract = await listed(scene, region="BC", city="Tijuana")
    await scene.receives(contract.says(not_hours=["12:00-14:00"]))
    for hour, reason in ((19, "inconvenient"), (21, "inconvenient"), (22, None)):
        clock.at = NOON.replace(hour=hour)
        if reason is None:
            await granted(client, question(contract, list_id=list_id))
        else:
            assert await refused(client, question(contract, list_id=list_id)) == reason


async def test_who_calls_at_an_inconvenient_hour_is_called_back_once(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(not_days=["mon"]))
    asked = question(contract, list_id=list_id)
    assert await refused(client, asked) == "inconvenient"
    await report_calls(client, call(list_id, contract, "third_party", direction="inbound"))
    await scene.execute("UPDATE call_result SET started_at = $1", NOON - timedelta(minutes=10))
    batch = [asked, asked]
    answers = (await client.post("/v1/permits/batch", json=batch)).json()["items"]
    assert [one["permit"] is not None for one in answers] == [True, False]
    assert await refused(client, asked) == "inconvenient"
    clock.at = NOON + timedelta(minutes=1)
    # The permit was not used. An hour later the call is no answer any more.
    await granted(client, asked)
    clock.at = NOON + timedelta(hours=1)
    assert await refused(client, asked) == "inconvenient"


@pytest.mark.usefixtures("calls_of_any_age", "clock")
@pytest.mark.parametrize("how", ["an attempt", "a reported call", "a call from the desk"])
async def test_who_has_been_called_back_by_anybody_is_not_called_back_again(
    scene: Scene, client: httpx.AsyncClient, how: str
) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(not_days=["mon"]))
    await report_calls(client, call(list_id, contract, "third_party", direction="inbound"))
    await scene.execute("UPDATE call_result SET started_at = $1", NOON - timedelta(minutes=10))
    called_back = NOON - timedelta(minutes=5)
    match how:
        case "an attempt":
            await attempt(
                client,
                contract_id=str(contract.contract_id),
                phone=contract.phones[0].value,
                started_at=called_back.isoformat(),
            )
        case "a reported call":
            await report_calls(client, by_id(contract, started_at=called_back.isoformat()))
        case _:
            await scene.receives(own_attempt(contract, DAY).model_copy(update={"made_at": called_back}))
    assert await refused(client, question(contract, list_id=list_id)) == "inconvenient"


@pytest.mark.usefixtures("calls_of_any_age", "clock")
async def test_calling_back_by_a_permit_at_an_inconvenient_hour_is_no_breach(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(not_days=["mon"]))
    await report_calls(client, call(list_id, contract, "third_party", direction="inbound"))
    await scene.execute("UPDATE call_result SET started_at = $1", NOON - timedelta(minutes=10))
    permit = await granted(client, question(contract, list_id=list_id))
    moment = (NOON + timedelta(seconds=5)).isoformat()
    await attempt(client, attempt_id="back", permit_id=permit["permit_id"], started_at=moment)
    by_permit = call(list_id, contract, call_id="back", started_at=moment)
    without = call(list_id, contract, started_at=moment)
    outcome = await report_calls(client, by_permit, without)
    assert ["inconvenient" in item["breaches"] for item in outcome["items"]] == [False, True]


async def test_who_wants_no_calls_leaves_the_lists_and_whoever_calls_is_wrong(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(not_media=["call"]))
    assert await scene.withdrawals(list_id) == [(contract.number, "opted_out")]
    await scene.portfolio(business_date=DAY + timedelta(days=1))
    assert await scene.listed(await scene.built(DAY + timedelta(days=1))) == []
    item = await item_of(client, by_id(contract, started_at=(datetime.now(UTC) + timedelta(seconds=1)).isoformat()))
    assert item["wrongful"] is True
    path = f"/v1/lists/{list_id}/explanations"
    found = (await client.get(path, params={"contract_number": contract.number})).json()
    [verdict] = [rule for rule in found["rules"] if rule["rule"] == "inconvenient"]
    assert verdict["bars"] is True
    assert verdict["facts"]["conveniences"][0]["not_media"] == ["call"]


async def test_a_call_at_an_inconvenient_hour_is_a_breach_if_it_was_said_before(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    every = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    await scene.receives(contract.says(not_days=every))
    item = await item_of(client, by_id(contract))
    assert "inconvenient" in item["breaches"]
    said = contract.says(not_days=every)
    later = said.conveniences[0].model_copy(update={"stated_at": datetime.now(UTC) + timedelta(minutes=4)})
    await scene.receives(said.model_copy(update={"conveniences": (later,)}))
    assert "inconvenient" not in (await item_of(client, by_id(contract)))["breaches"]


async def test_an_entry_has_the_longest_convenient_part_of_the_day(scene: Scene, client: httpx.AsyncClient) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.says(not_hours=["12:00-14:00"]))
    path = f"/v1/lists/{list_id}/entries"
    entry = json.loads((await client.get(path)).text)
    assert (entry["callable_from"], entry["callable_until"]) == ("2026-11-23T20:00:00Z", "2026-11-24T04:00:00Z")
    await scene.receives(contract.says(not_days=["mon"]))
    assert json.loads((await client.get(path)).text)["callable_from"] is None


async def test_what_a_debtor_says_on_a_call_goes_to_the_portfolio(scene: Scene, client: httpx.AsyncClient) -> None:
    list_id, contract = await listed(scene)
    said = {"not_hours": ["09:00-11:00"], "not_media": ["whatsapp"]}
    made = call(list_id, contract, "right_party", inconvenient=said)
    await report_calls(client, made, made)
    [event] = await published(scene.database, ConvenienceRequested)
    assert (event.contract_id, event.not_hours, event.not_media) == (
        contract.contract_id,
        ("09:00-11:00",),
        ("whatsapp",),
    )
    assert (event.call_id, event.effective) == (made["call_id"], True)
    wrong = await client.post("/v1/calls", json=[made | {"inconvenient": {"not_hours": ["9-11"]}}])
    assert wrong.status_code == 422


@pytest.mark.usefixtures("clock")
async def test_an_older_statement_changes_nothing_and_a_file_that_says_nothing_keeps_it(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    old, new = contract.says(not_days=["tue"]), contract.says(not_days=["mon"])
    await scene.receives(new)
    await scene.receives(old)
    await scene.receives(contract.revised())
    assert await refused(client, question(contract, list_id=list_id)) == "inconvenient"
