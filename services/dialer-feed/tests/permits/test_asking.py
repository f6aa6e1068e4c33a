"""A dialer asks before each call: the answer is a permit, or the reason why nobody may call."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from chassis.testing import mint
from dialing_agencies import Placement, Promise, Visit
from dialing_requests import Json, code_of, report
from dialing_scene import DAY, Contract, Phone, Scene
from permit_requests import NOON, Clock, clock, granted, kept_on_the_day, listed, question, refused
from recobro_events import Event
from recobro_events.contracts.field_visits import AttendedBy
from recobro_events.contracts.portfolio import ContactChange, CreditorKind, DebtorStatus, PortfolioState

__all__ = ["clock"]
pytestmark = pytest.mark.usefixtures("clock")


A_YEAR = 366 * 86_400


async def test_a_permit_names_number_zone_and_the_end_of_its_life_and_of_the_hours(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id) | {"phone": "55 1234 5601"})
    assert permit == {
        "permit_id": permit["permit_id"],
        "expires_at": "2026-11-23T18:00:15Z",
        "phone": contract.phones[0].value,
        "timezone": "America/Mexico_City",
        "callable_until": "2026-11-24T04:00:00Z",
    }


async def test_a_permit_ends_with_the_allowed_hours(scene: Scene, client: httpx.AsyncClient, clock: Clock) -> None:
    list_id, contract = await listed(scene)
    clock.at = NOON.replace(hour=3, minute=59, second=55) + timedelta(days=1)
    permit = await granted(client, question(contract, list_id=list_id))
    assert permit["expires_at"] == permit["callable_until"] == "2026-11-24T04:00:00Z"


async def test_a_campaign_is_asked_without_a_list_and_the_contract_by_its_id(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract, small] = await scene.contracts(2)
    await scene.hears()
    asked: Json = {"campaign_id": str(scene.campaign_id), "phone": contract.phones[1].value}
    await granted(client, asked | {"contract_id": str(contract.contract_id)})
    await scene.receives(small.revised(overdue=Decimal("50.00")))
    assert await refused(client, asked | {"contract_id": str(small.contract_id)}) == "no_longer_eligible"


def _opted_out(contract: Contract) -> Event:
    return contract.number_changed(contract.phones[0], ContactChange.OPTED_OUT)


FACTS: dict[str, Callable[[Contract], Event]] = {
    "payment": lambda contract: contract.paid(),
    "clarification": lambda contract: contract.disputed(),
    "promise": lambda contract: Promise(contract.contract_id).made(),
    "deceased": lambda contract: contract.reported(DebtorStatus.DECEASED),
    "represented": lambda contract: contract.reported(DebtorStatus.REPRESENTED),
    "closed": lambda contract: contract.closed(),
    "unusable_number": _opted_out,
}


@pytest.mark.parametrize("reason", FACTS)
async def test_whatever_silences_refuses_the_permit(scene: Scene, client: httpx.AsyncClient, reason: str) -> None:
    list_id, contract = await listed(scene)
    await granted(client, question(contract, list_id=list_id))
    await scene.receives(FACTS[reason](contract))
    assert await refused(client, question(contract, list_id=list_id)) == reason
    other = question(contract, list_id=list_id) | {"phone": contract.phones[1].value}
    if reason == "unusable_number":
        await granted(client, other)
    else:
        assert await refused(client, other) == reason


async def test_a_contract_that_a_dialer_took_off_its_list_is_refused_with_the_dialer_s_reason(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    await report(client, list_id, contract, "other")
    assert await refused(client, question(contract, list_id=list_id)) == "other"


async def test_a_number_or_a_contract_that_is_not_on_the_list_is_refused(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    list_id, contract = await listed(scene)
    [late] = await scene.contracts(1)
    assert await refused(client, question(late, list_id=list_id) | {"phone": "+525500000000"}) == "number_not_listed"
    asked = question(contract, list_id=list_id) | {"phone": "+525500000000"}
    assert await refused(client, asked) == "number_not_listed"
    [kept] = await kept_on_the_day(client, contract_id=str(contract.contract_id))
    assert (kept["phone"], kept["reason"], kept["granted"]) == ("+525500000000", "number_not_listed", False)


async def test_a_list_that_is_over_gives_no_permit(scene: Scene, client: httpx.AsyncClient, clock: Clock) -> None:
    list_id, contract = await listed(scene)
    [row] = await scene.rows("SELECT live_until FROM dialing_list WHERE list_id = $1", list_id)
    clock.at = row["live_until"]
    await scene.hears(seconds_ago=-A_YEAR)
    assert await refused(client, question(contract, list_id=list_id)) == "list_over"


@pytest.mark.parametrize(
    ("place", "at", "reason"),
    [
        ({}, NOON.replace(hour=12, minute=59), "outside_hours"),
        ({}, NOON.replace(hour=13), None),
        ({"region": "CDMX", "phones": [Phone("+526641234567")]}, NOON.replace(hour=14, minute=59), "outside_hours"),
        ({"region": "CDMX", "phones": [Phone("+526641234567")]}, NOON.replace(hour=15), None),
        ({"jurisdiction": "BR", "region": "RJ", "phones": [Phone("+552132345678")]}, NOON, None),
        (
            {"jurisdiction": "BR", "region": "RJ", "phones": [Phone("+552132345678")]},
            NOON + timedelta(days=5),
            "outside_hours",
        ),
        (
            {"jurisdiction": "BR", "region": "SP", "phones": [Phone("+551132345678")]},
            NOON.replace(hour=17) + timedelta(days=5),
            None,
        ),
        (
            {"jurisdiction": "BR", "region": "SP", "phones": [Phone("+551132345678")]},
            NOON.replace(year=2027, month=7, day=9),
            "holiday",
        ),
        ({"jurisdiction": "ZZ"}, NOON, "outside_hours"),
    ],
)
async def test_the_hours_of_every_plausible_place_decide(
    scene: Scene, client: httpx.AsyncClient, clock: Clock, place: Json, at: Any, reason: str | None
) -> None:
    [contract] = await scene.contracts(1, **({"phones": [Phone("+525512345601")]} | place))
    await scene.hears(seconds_ago=-A_YEAR)
    clock.at = at
    asked = question(contract, campaign_id=scene.campaign_id)
    answer = await client.post("/v1/permits", json=asked)
    assert answer.json().get("reason") == reason


async def test_a_commercial_creditor_does_not_call_in_mexico_on_a_weekend(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    await scene.portfolio(creditor_kind=CreditorKind.COMMERCIAL)
    list_id, contract = await listed(scene)
    await granted(client, question(contract, list_id=list_id))
    clock.at = NOON + timedelta(days=5)
    assert await refused(client, question(contract, campaign_id=scene.campaign_id)) == "outside_hours"


async def test_permits_in_force_count_until_they_expire_unused(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    campaign_id = await scene.campaign(max_attempts_per_7_days=2)
    one, two = await scene.contracts(2, debtor_id=uuid.uuid4())
    await scene.hears()
    await granted(client, question(one, campaign_id=campaign_id))
    await granted(client, question(two, campaign_id=campaign_id))
    assert await refused(client, question(one, campaign_id=campaign_id)) == "frequency"
    clock.at = NOON + timedelta(seconds=15)
    await granted(client, question(one, campaign_id=campaign_id))


async def test_a_visit_that_met_the_debtor_is_followed_by_days_of_silence_its_own_day_included(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    [contract] = await scene.contracts(1, jurisdiction="US", region="NY", phones=[Phone("+12127365000")])
    visit = Visit(contract)
    await scene.receives(visit.ordered(), visit.completed(AttendedBy.DEBTOR))
    await scene.hears(seconds_ago=-A_YEAR)
    for days, is_silent in ((0, True), (6, True), (7, False)):
        await scene.portfolio(business_date=DAY + timedelta(days=days))
        clock.at = NOON + timedelta(days=days)
        answer = await client.post("/v1/permits", json=question(contract, campaign_id=scene.campaign_id))
        assert answer.json().get("reason") == ("frequency" if is_silent else None)


async def test_the_questions_of_a_batch_are_decided_one_after_the_other(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    campaign_id = await scene.campaign(max_attempts_per_7_days=1)
    one, two = await scene.contracts(2, debtor_id=uuid.uuid4())
    [paid] = await scene.contracts(1)
    await scene.receives(paid.paid())
    await scene.hears()
    asked = [question(each, campaign_id=campaign_id) for each in (one, paid, two)]
    asked.insert(1, asked[0] | {"campaign_id": str(uuid.uuid4())})
    asked.insert(1, asked[0] | {"contract_number": "nobody's"})
    answer = await client.post("/v1/permits/batch", json=asked)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [item["refused"] and (item["refused"]["status"], item["refused"]["type"][20:]) for item in items] == [
        None,
        (404, "contract-unknown"),
        (404, "campaign-unknown"),
        (409, "payment"),
        (409, "frequency"),
    ]
    assert items[0]["permit"]["phone"] == one.phones[0].value
    kept = await scene.rows("SELECT contract_id, reason FROM permit ORDER BY permit_id")
    assert {(row["contract_id"], row["reason"]) for row in kept} == {
        (one.contract_id, None),
        (paid.contract_id, "payment"),
        (two.contract_id, "frequency"),
    }


async def test_a_batch_has_at_most_500_questions(scene: Scene, client: httpx.AsyncClient) -> None:
    asked = [{"campaign_id": str(scene.campaign_id), "contract_number": "C", "phone": "1"}] * 501
    assert (await client.post("/v1/permits/batch", json=asked)).status_code == 422


async def _rebuilding(scene: Scene) -> None:
    await scene.execute("INSERT INTO rebuild (rebuild_id, sources) VALUES (uuidv7(), '{}')")


async def _catching_up(scene: Scene) -> None:
    await scene.execute("INSERT INTO republication (republication_id, audience) VALUES (uuidv7(), '*')")


async def _loading(scene: Scene) -> None:
    await scene.portfolio(state=PortfolioState.LOADING)


async def _parked(scene: Scene) -> None:
    sql = (
        "INSERT INTO parked_keys (key, contract_id, consumer) SELECT contract_id::text, contract_id, 'x' FROM contract"
    )
    await scene.execute(sql)


async def _parked_portfolio(scene: Scene) -> None:
    await scene.execute("INSERT INTO parked_keys (key, consumer) VALUES ($1, 'x')", str(scene.portfolio_id))


async def _unheard(scene: Scene) -> None:
    await scene.execute("UPDATE barrier SET opened_at = opened_at - interval '31 seconds'")


async def _never_heard(scene: Scene) -> None:
    await scene.execute("UPDATE barrier SET state = 'failed'")


@pytest.mark.parametrize(
    "happens", [_rebuilding, _catching_up, _loading, _parked, _parked_portfolio, _unheard, _never_heard]
)
async def test_nothing_is_guessed_from_knowledge_that_may_be_stale(
    scene: Scene, client: httpx.AsyncClient, clock: Clock, happens: Callable[[Scene], Any]
) -> None:
    list_id, contract = await listed(scene)
    [row] = await scene.rows("SELECT clock_timestamp() AS at")
    clock.at = row["at"]
    before = (await client.post("/v1/permits", json=question(contract, list_id=list_id))).json()
    assert before.get("reason") != "stale"
    await happens(scene)
    assert await refused(client, question(contract, list_id=list_id)) == "stale"


async def test_an_agency_asks_about_its_own_lists_alone(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    agency_id = uuid.uuid4()
    await scene.receives(Placement(contract.contract_id, agency_id).placed())
    campaign_id = await scene.campaign(agency_id=agency_id, caller_ids=["+525587654321"])
    list_id = await scene.built(campaign_id=campaign_id)
    await scene.hears()
    asked = question(contract, list_id=list_id) | {"caller_id": "+525587654321"}
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
    await granted(client, asked)
    assert await refused(client, asked | {"caller_id": "+525587654322"}) == "caller_id_not_registered"
    assert await refused(client, question(contract, list_id=list_id)) == "caller_id_not_registered"
    client.headers["Authorization"] = f"Bearer {mint(agency_id=uuid.uuid4())}"
    answer = await client.post("/v1/permits", json=asked)
    assert (answer.status_code, code_of(answer)) == (404, "list-unknown")
    by_campaign = asked | {"campaign_id": str(campaign_id)}
    del by_campaign["list_id"]
    answer = await client.post("/v1/permits", json=by_campaign)
    assert (answer.status_code, code_of(answer)) == (404, "campaign-unknown")


async def test_an_agency_does_not_ask_about_a_contract_that_it_never_had(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    agency_id = uuid.uuid4()
    campaign_id = await scene.campaign(agency_id=agency_id)
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
    answer = await client.post("/v1/permits", json=question(contract, campaign_id=campaign_id))
    assert (answer.status_code, code_of(answer)) == (404, "contract-unknown")


async def test_a_refusal_is_said_in_the_language_of_the_reader(scene: Scene, client: httpx.AsyncClient) -> None:
    list_id, contract = await listed(scene)
    await scene.receives(contract.paid())
    answer = await client.post(
        "/v1/permits", json=question(contract, list_id=list_id), headers={"Accept-Language": "es-MX"}
    )
    assert answer.json()["detail"].startswith("Llegó un pago")
    assert answer.headers["Content-Language"] == "es"


async def test_every_answer_is_kept_with_who_asked_and_what_was_known(
    scene: Scene, client: httpx.AsyncClient, clock: Clock
) -> None:
    list_id, contract = await listed(scene)
    permit = await granted(client, question(contract, list_id=list_id))
    clock.at = NOON + timedelta(seconds=1)
    await scene.receives(contract.paid())
    await refused(client, question(contract, list_id=list_id))
    wanted = {"list_id": str(list_id), "order": "desc", "to": str(DAY)}
    page = (await client.get("/v1/permits", params=wanted | {"limit": "1"})).json()
    assert [item["reason"] for item in page["items"]] == ["payment"]
    more = wanted | {"cursor": page["next_cursor"]}
    [kept] = (await client.get("/v1/permits", params=more)).json()["items"]
    assert kept == (await client.get(f"/v1/permits/{permit['permit_id']}")).json()
    assert (kept["permit_id"], kept["granted"], kept["asked_at"]) == (
        permit["permit_id"],
        True,
        "2026-11-23T18:00:00Z",
    )
    assert (kept["attempts"], kept["most_attempts"], kept["business_date"]) == (0, 7, str(DAY))
    [row] = await scene.rows("SELECT actor FROM permit WHERE reason IS NULL")
    assert row["actor"]["subject"] == "test"
    granted_only = await kept_on_the_day(client, granted=True)
    assert [item["permit_id"] for item in granted_only] == [permit["permit_id"]]
    assert (await client.get(f"/v1/permits/{uuid.uuid4()}")).status_code == 404


async def test_the_number_of_an_employer_is_never_called(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = scene.contract()
    first, second = (phone.value for phone in contract.phones)
    contract.with_party("employer", first)
    await scene.receives(contract.registered())
    await scene.hears()
    asked = question(contract, campaign_id=scene.campaign_id)
    assert await refused(client, asked | {"phone": first}) == "workplace"
    await granted(client, asked | {"phone": second})
