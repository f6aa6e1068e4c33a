"""What an agency reports about a contract that is not with it has no effect until a person decides."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint
from portfolio.handlers import consumer
from portfolio_builders import Given, days_ago
from recobro_events import ContractEvent
from recobro_events.contracts import dialer_feed, field_visits
from recobro_events.contracts.field_visits import AddressVerdict
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ContactKind,
    ContactPointChanged,
    ContractRevised,
    DebtorStatus,
    DebtorStatusChanged,
)
from recobro_events.testing import apply_records, published, record_of

PHONE = "+525555123456"
PUBLISHED = (ClarificationOpened, ContactPointChanged, ContractRevised, DebtorStatusChanged)


async def a_contract(given: Given) -> UUID:
    return await given.contract(await given.portfolio(), (days_ago(40), "100.00"), phones=[PHONE])


async def reports(given: Given, contract_id: UUID) -> list[ContractEvent]:
    """A report of each kind, without effect."""
    [point] = await given.rows("SELECT contact_id FROM contact_point WHERE contract_id = $1", contract_id)
    [address] = await given.rows("SELECT address_id FROM address WHERE contract_id = $1", contract_id)
    this: dict[str, Any] = {"contract_id": contract_id, "effective": False}
    visit: dict[str, Any] = this | {"visit_id": uuid4()}
    deceased: dict[str, Any] = {"status": DebtorStatus.DECEASED, "reported_by": "old agency"}
    contact_id = point["contact_id"]
    return [
        dialer_feed.DebtorReported(**this, **deceased),
        dialer_feed.OptOutRequested(**this, contact_id=contact_id, medium="call"),
        dialer_feed.ContactInvalid(**this, contact_id=contact_id, why="wrong_number"),
        dialer_feed.ClarificationRequested(**this, reason="not mine", reported_by="old agency"),
        field_visits.DebtorReported(**visit, **deceased),
        field_visits.ClarificationRequested(**visit, reason="not mine", reported_by="old agency"),
        field_visits.ContactDataCollected(**visit, kind=ContactKind.EMAIL, value="a@example.org", provenance="debtor"),
        field_visits.AddressChecked(**visit, address_id=address["address_id"], verdict=AddressVerdict.WRONG),
        field_visits.AddressCollected(**visit, street="Calle 9", provenance="neighbour"),
    ]


async def effects(given: Given) -> int:
    return sum([len(await published(given.database, event_type)) for event_type in PUBLISHED])


@pytest.mark.parametrize("which", range(9))
async def test_a_report_has_its_effect_once_a_person_applies_it(
    client: httpx.AsyncClient, given: Given, which: int
) -> None:
    contract_id = await a_contract(given)
    event = (await reports(given, contract_id))[which]
    record = record_of(event)
    await apply_records(given.database, consumer, [record])
    assert await effects(given) == 0
    [debtor] = await given.rows("SELECT status FROM debtor")
    assert debtor["status"] == "active"

    [report] = (await client.get("/v1/reports", params={"state": "open"})).json()["items"]
    assert report["kind"] == event.type.split(".")[1]
    assert (report["contract_id"], report["state"], report["decided_by"]) == (str(contract_id), "open", None)
    assert "effective" not in report["content"]
    person = {"Authorization": f"Bearer {mint(subject='ana')}"}
    path = f"/v1/reports/{report['report_id']}/decision"
    answer = await client.post(path, json={"apply": True, "detail": "called the family"}, headers=person)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["state"], answer.json()["decided_by"]["subject"]) == ("applied", "ana")
    assert await effects(given) == 1
    again = await client.post(path, json={"apply": False})
    assert (again.status_code, again.json()["type"]) == (409, "urn:recobro:problem:report-decided")
    kinds = [item["kind"] for item in (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]]
    assert kinds[:2] == ["report_without_effect", "report_decided"]


async def test_a_discarded_report_never_has_an_effect(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract(given)
    for event in await reports(given, contract_id):
        await apply_records(given.database, consumer, [record_of(event)])
    found = (await client.get("/v1/reports", params={"contract_id": str(contract_id)})).json()["items"]
    assert len(found) == 9
    for report in found:
        path = f"/v1/reports/{report['report_id']}"
        assert (await client.post(f"{path}/decision", json={"apply": False})).status_code == 201
        assert (await client.get(path)).json()["state"] == "discarded"
    assert await effects(given) == 0
    assert (await client.get("/v1/reports", params={"state": "open"})).json()["items"] == []


async def test_a_report_that_arrives_twice_is_kept_once(client: httpx.AsyncClient, given: Given) -> None:
    record = record_of((await reports(given, await a_contract(given)))[0])
    await apply_records(given.database, consumer, [record])
    await given.rows("DELETE FROM inbox")
    await apply_records(given.database, consumer, [record])
    assert len((await client.get("/v1/reports")).json()["items"]) == 1


async def test_an_effective_report_beside_one_without_effect_is_applied(given: Given) -> None:
    contract_id = await a_contract(given)
    without, *_ = await reports(given, contract_id)
    other = dialer_feed.DebtorReported(
        contract_id=contract_id, status=DebtorStatus.UNLOCATABLE, reported_by="new agency"
    )
    await apply_records(given.database, consumer, [record_of(without), record_of(other)])
    [event] = await published(given.database, DebtorStatusChanged)
    assert event.status is DebtorStatus.UNLOCATABLE


@pytest.mark.parametrize(
    "call",
    [
        lambda client, headers: client.get("/v1/reports", headers=headers),
        lambda client, headers: client.get(f"/v1/reports/{uuid4()}", headers=headers),
        lambda client, headers: client.post(f"/v1/reports/{uuid4()}/decision", json={"apply": True}, headers=headers),
    ],
)
async def test_agencies_may_not_see_or_decide_reports(client: httpx.AsyncClient, call: Callable[..., Any]) -> None:
    headers = {"Authorization": f"Bearer {mint(agency_id=uuid4(), subject='agency')}"}
    assert (await call(client, headers)).status_code == 403


async def test_an_unknown_report_is_not_found(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.get(f"/v1/reports/{uuid4()}"),
        await client.post(f"/v1/reports/{uuid4()}/decision", json={"apply": True}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:report-unknown")
