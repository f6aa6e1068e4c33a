"""Attempts are reported when they begin, their results later; a permit is used once."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from chassis.testing import mint
from dialer_feed import metrics
from dialer_feed.calls import hours
from dialing_agencies import Placement
from dialing_requests import Json, call, code_of, report, report_calls
from dialing_scene import DAY, Phone, Scene
from fastapi import FastAPI
from permit_requests import Clock, attempt, clock, granted, listed, question, refused
from recobro_events.contracts.dialer_feed import WrongfulCallDetected
from recobro_events.testing import published
from unlisted_calls import by_id

__all__ = ["clock"]


LIFE_SECONDS = 300
"""Of a permit and of the knowledge behind it, in these tests, which go by the real clock."""


@pytest.fixture
def all_hours(app: FastAPI) -> Iterator[None]:
    """Calls are allowed at any hour, and a permit outlives its test on a busy machine."""

    def closes_at(_contract: Any, _numbers: Any, at: datetime) -> datetime:
        return at + timedelta(hours=1)

    patient = {"permit_seconds": LIFE_SECONDS, "permit_knowledge_seconds": LIFE_SECONDS}
    settings = app.state.settings.model_copy(update=patient)
    with patch.object(hours, "closes_at", closes_at), patch.object(app.state, "settings", settings):
        yield


pytestmark = pytest.mark.usefixtures("all_hours")


async def test_an_attempt_by_a_permit_needs_nothing_else_and_its_result_has_the_same_id(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    begun = await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"])
    assert begun == {
        "attempt_id": "a-1",
        "contract_id": str(contract.contract_id),
        "list_id": str(list_id),
        "permit": "valid",
        "status": "recorded",
    }
    assert (await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"]))["status"] == "known"
    [waiting] = (await client.get("/v1/attempts", params={"state": "waiting"})).json()["items"]
    assert (waiting["attempt_id"], waiting["contract_number"]) == ("a-1", contract.number)
    await report_calls(client, call(list_id, contract, call_id="a-1"))
    assert (await client.get("/v1/attempts", params={"state": "waiting"})).json()["items"] == []
    [ended] = (await client.get("/v1/attempts", params={"state": "ended"})).json()["items"]
    assert (ended["attempt_id"], ended["permit_id"]) == ("a-1", permit["permit_id"])
    [recorded] = (await client.get("/v1/calls")).json()["items"]
    assert recorded["permit_id"] == permit["permit_id"]
    kept = (await client.get(f"/v1/permits/{permit['permit_id']}")).json()
    assert kept["attempt_id"] == "a-1"


async def test_a_permit_is_used_by_one_attempt(scene: Scene, client: httpx.AsyncClient) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    states = [(await attempt(client, permit_id=permit["permit_id"]))["permit"] for _ in range(2)]
    assert states == ["valid", "used"]


async def test_a_permit_that_does_not_fit_the_attempt_does_not_count(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    list_id, contract = await listed(scene)
    asked_at = clock.at = datetime.now(UTC) - timedelta(minutes=10)
    old = (await granted(client, question(contract, list_id=list_id)))["permit_id"]
    clock.at = None
    new = (await granted(client, question(contract, list_id=list_id)))["permit_id"]
    await scene.receives(contract.paid())
    answer = await client.post("/v1/permits", json=question(contract, list_id=list_id))
    refusal = answer.json()["permit_id"]
    named: Json = {"contract_id": str(contract.contract_id), "phone": contract.phones[1].value}
    assert (await attempt(client, permit_id=old))["permit"] == "expired"
    assert (await attempt(client, permit_id=refusal))["permit"] == "refused"
    assert (await attempt(client, permit_id=new, **named))["permit"] == "other_call"
    assert (await attempt(client, permit_id=str(uuid.uuid4()), **named))["permit"] == "unknown"
    assert (await attempt(client, **named))["permit"] == "none"
    before = (asked_at - timedelta(seconds=5)).isoformat()
    assert (await attempt(client, permit_id=old, started_at=before))["permit"] == "expired"
    started_at = (asked_at + timedelta(seconds=5)).isoformat()
    late_report = await attempt(client, permit_id=old, started_at=started_at)
    assert late_report["permit"] == "valid", "the call began in time by the dialer's clock, though it is reported late"


@pytest.mark.parametrize("reported_by", ["attempt", "call"])
@pytest.mark.parametrize("other", ["", "contract", "number", "list", "list of another campaign"])
async def test_a_permit_excuses_no_other_call_than_its_own(
    scene: Scene, client: httpx.AsyncClient, reported_by: str, other: str
) -> None:
    """Whatever the call names that is not the permit's, the campaign that demands permits counts a breach."""
    contract, another = await scene.contracts(2)
    list_ids = [await scene.built(campaign_id=await scene.campaign(permits="required")) for _ in range(2)]
    await scene.hears()
    # A permit of a campaign is for its lists, and for no other campaign's.
    [row] = await scene.rows("SELECT campaign_id FROM dialing_list WHERE list_id = $1", list_ids[0])
    named: Json = {"campaign_id": row["campaign_id"]} if "campaign" in other else {"list_id": list_ids[0]}
    permit = await granted(client, question(contract, **named))
    list_id = list_ids[1 if "list" in other else 0]
    called: Json = {
        "contract_number": (another if other == "contract" else contract).number,
        "phone": contract.phones[1 if other == "number" else 0].value,
    }
    made = call(list_id, contract, call_id="a-1", **called)
    if reported_by == "attempt":
        begun = await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"], list_id=str(list_id), **called)
        assert begun["permit"] == ("other_call" if other else "valid")
    else:
        made["permit_id"] = permit["permit_id"]
    [item] = (await report_calls(client, made))["items"]
    assert ("no_permit" in item["breaches"]) == bool(other)


@pytest.mark.parametrize("other", ["contract", "number", "list"])
async def test_a_result_that_is_not_of_its_attempt_s_call_has_no_permit(
    scene: Scene, client: httpx.AsyncClient, other: str
) -> None:
    """The attempt was the permit's own call; the result with its id says that another call was made."""
    contract, another = await scene.contracts(2)
    list_ids = [await scene.built(campaign_id=await scene.campaign(permits="required")) for _ in range(2)]
    await scene.hears()
    permit = await granted(client, question(contract, list_id=list_ids[0]))
    assert (await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"]))["permit"] == "valid"
    made = call(
        list_ids[1 if other == "list" else 0],
        another if other == "contract" else contract,
        call_id="a-1",
        phone=contract.phones[1 if other == "number" else 0].value,
    )
    [item] = (await report_calls(client, made))["items"]
    assert "no_permit" in item["breaches"]


async def test_an_attempt_names_its_permit_or_its_contract_and_number(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    body = {"attempt_id": "a", "started_at": datetime.now(UTC).isoformat()}
    assert (await client.post("/v1/attempts", json=body)).status_code == 422
    answer = await client.post("/v1/attempts", json=body | {"permit_id": str(uuid.uuid4())})
    assert (answer.status_code, code_of(answer)) == (404, "permit-unknown")
    named: Json = {"contract_id": str(contract.contract_id), "phone": "+525512345601"}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = await client.post("/v1/attempts", json=body | named | {"started_at": tomorrow})
    assert (answer.status_code, code_of(answer)) == (422, "starts-in-the-future")
    assert (await client.get("/v1/attempts")).json()["items"] == []


async def test_an_attempt_without_a_result_is_overdue_after_four_hours(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    named: Json = {"contract_id": str(contract.contract_id), "phone": contract.phones[0].value}
    for attempt_id, minutes in (("old", 241), ("new", 239)):
        started_at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
        await attempt(client, attempt_id=attempt_id, started_at=started_at, **named)
    page = (await client.get("/v1/attempts", params={"state": "overdue"})).json()
    assert [item["attempt_id"] for item in page["items"]] == ["old"]
    page = (await client.get("/v1/attempts", params={"limit": 1})).json()
    rest = (await client.get("/v1/attempts", params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [item["attempt_id"] for item in (*page["items"], *rest["items"])] == ["old", "new"]


@pytest.mark.parametrize(("disposition", "counts"), [("no_answer", True), ("busy", False)])
async def test_an_attempt_counts_at_once_and_as_its_result_says_afterwards(
    scene: Scene, client: httpx.AsyncClient, disposition: str, counts: bool
) -> None:
    """In the US a call that never connected is no attempt. Its permit and its attempt counted until that was known."""
    campaign_id = await scene.campaign(max_attempts_per_7_days=1)
    [contract] = await scene.contracts(1, jurisdiction="US", region="NY", phones=[Phone("+12127365000")])
    await scene.hears()
    asked = question(contract, campaign_id=campaign_id)
    permit = await granted(client, asked)
    assert await refused(client, asked) == "frequency"
    await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"])
    assert await refused(client, asked) == "frequency"
    await report_calls(client, by_id(contract, disposition, call_id="a-1"))
    if counts:
        assert await refused(client, asked) == "frequency"
    else:
        await granted(client, asked)


async def test_an_attempt_without_a_result_keeps_its_person_off_the_next_list(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    await scene.execute("UPDATE business_day SET began_at = '-infinity'")
    await attempt(client, contract_id=str(contract.contract_id), phone=contract.phones[0].value)
    campaign_id = await scene.campaign(max_attempts_per_7_days=1)
    assert await scene.listed(await scene.built(campaign_id=campaign_id)) == []


async def test_a_call_that_a_withdrawal_has_overtaken_is_counted_apart_and_alerts_nobody(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    overtaken, wrongful = metrics.OVERTAKEN_CALLS, metrics.WRONGFUL_CALLS.labels("no")
    before = overtaken._value.get(), wrongful._value.get()
    permit = await granted(client, question(contract, list_id=list_id))
    await scene.receives(contract.paid())
    await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"])
    outcome = await report_calls(client, call(list_id, contract, call_id="a-1"))
    assert (outcome["items"][0]["overtaken"], outcome["items"][0]["wrongful"]) == (True, False)
    assert (overtaken._value.get(), wrongful._value.get()) == (before[0] + 1, before[1])
    assert await published(scene.database, WrongfulCallDetected) == []
    shown = (await client.get("/v1/withdrawal-report", params={"list_id": str(list_id)})).json()
    assert (shown["overtaken_calls"], shown["wrongful_calls"]) == (1, 0)
    [listed_call] = (await client.get("/v1/calls", params={"overtaken": True})).json()["items"]
    assert listed_call["silence"] == "payment"
    assert (await client.get("/v1/breaches")).json()["items"] == []


async def test_a_call_after_an_acknowledged_withdrawal_is_wrongful_though_its_permit_lives(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    await scene.receives(contract.paid())
    cursor = await scene.base(list_id) + 1
    await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": cursor})
    await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"])
    outcome = await report_calls(client, call(list_id, contract, call_id="a-1"))
    assert (outcome["items"][0]["overtaken"], outcome["items"][0]["wrongful"]) == (False, True)


async def test_a_permit_that_was_given_in_spite_of_a_silence_excuses_no_call(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """Such a permit is a fault of the service, which has to wake somebody."""
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    await scene.receives(contract.paid())
    await scene.execute("UPDATE silence SET began_at = began_at - interval '1 hour'")
    await attempt(client, attempt_id="a-1", permit_id=permit["permit_id"])
    outcome = await report_calls(client, call(list_id, contract, call_id="a-1"))
    assert (outcome["items"][0]["overtaken"], outcome["items"][0]["wrongful"]) == (False, True)


@pytest.mark.parametrize("by", ["attempt", "call", "nothing", "used"])
async def test_a_call_without_a_permit_is_a_breach_only_where_its_campaign_requires_one(
    scene: Scene, client: httpx.AsyncClient, by: str
) -> None:
    list_id, contract = await listed(scene)
    if by == "nothing":
        outcome = await report_calls(client, call(list_id, contract))
        assert "no_permit" not in outcome["items"][0]["breaches"]
    demands = {"permits": "required", "caller_ids": ["+525587654321"]}
    shown = await client.put(f"/v1/campaigns/{scene.campaign_id}/demands", json=demands)
    assert {name: shown.json()[name] for name in demands} == demands
    permit = await granted(client, question(contract, list_id=list_id))
    made = call(list_id, contract, call_id="a-1")
    if by in ("attempt", "used"):
        await attempt(client, attempt_id="a-1" if by == "attempt" else "a-0", permit_id=permit["permit_id"])
    if by in ("call", "used"):
        made["permit_id"] = permit["permit_id"]
    [item] = (await report_calls(client, made))["items"]
    has_none = by in ("nothing", "used")
    assert ("no_permit" in item["breaches"]) == has_none
    found = (await client.get("/v1/breaches", params={"kind": "no_permit"})).json()["items"]
    assert [breach["call_id"] for breach in found] == (["a-1"] if has_none else [])


async def test_an_agency_s_attempts_are_its_own(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    agency_id = uuid.uuid4()
    await scene.receives(Placement(contract.contract_id, agency_id).placed())
    campaign_id = await scene.campaign(agency_id=agency_id, caller_ids=["+525587654321"])
    list_id = await scene.built(campaign_id=campaign_id)
    await scene.hears()
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
    permit = await granted(client, question(contract, list_id=list_id) | {"caller_id": "+525587654321"})
    assert (await attempt(client, permit_id=permit["permit_id"]))["permit"] == "valid"
    [own] = (await client.get("/v1/attempts")).json()["items"]
    assert own["agency_id"] == str(agency_id)
    client.headers["Authorization"] = f"Bearer {mint(agency_id=uuid.uuid4())}"
    assert (await client.get("/v1/attempts")).json()["items"] == []
    answer = await client.post(
        "/v1/attempts",
        json={"attempt_id": "x", "permit_id": permit["permit_id"], "started_at": datetime.now(UTC).isoformat()},
    )
    assert (answer.status_code, code_of(answer)) == (404, "permit-unknown")
    named = {"contract_number": contract.number, "list_id": str(list_id), "phone": contract.phones[0].value}
    await attempt(client, status=404, **named)
    assert (await client.get("/v1/permits")).status_code == 403


async def test_a_report_takes_the_contract_off_while_its_attempt_still_waits(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    await attempt(client, permit_id=permit["permit_id"])
    await report(client, list_id, contract, "opted_out")
    assert await refused(client, question(contract, list_id=list_id)) == "opted_out"


@pytest.mark.parametrize(("days_ago", "counts"), [(6, True), (7, False)])
async def test_an_attempt_without_a_result_counts_for_seven_days(
    scene: Scene, client: httpx.AsyncClient, days_ago: int, counts: bool
) -> None:
    campaign_id = await scene.campaign(max_attempts_per_7_days=1)
    [contract] = await scene.contracts(1)
    await scene.hears()
    await attempt(client, contract_id=str(contract.contract_id), phone=contract.phones[0].value)
    await scene.execute("UPDATE attempt SET business_date = $1", DAY - timedelta(days=days_ago))
    asked = question(contract, campaign_id=campaign_id)
    if counts:
        assert await refused(client, asked) == "frequency"
    else:
        await granted(client, asked)


async def test_an_attempt_that_is_reported_in_time_has_its_permit_whatever_the_dialer_s_clock_says(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    await scene.execute("UPDATE permit SET expires_at = clock_timestamp() + interval '1 hour'")
    slow = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()
    assert (await attempt(client, permit_id=permit["permit_id"], started_at=slow))["permit"] == "valid"
