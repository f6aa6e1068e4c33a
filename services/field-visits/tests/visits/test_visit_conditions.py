"""Where and when a visit may take place: checked addresses, allowed hours, no silence when documents are printed."""

import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from recobro_events.contracts.field_visits import VisitOrdered
from recobro_events.contracts.portfolio import CreditorKind
from recobro_events.testing import published
from visits_scene import DAY, Scene, a_placement, an_address

TOMORROW, SATURDAY = DAY + timedelta(days=1), date(2026, 11, 28)
OVERRIDE = {"reason": "a neighbour showed the house"}


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, str(body["type"]).rpartition(":")[2], body["reason"]


# --- addresses


@pytest.mark.parametrize(
    "changes",
    [
        {"street": None},
        {"street": ""},
        {"issues": ("no_number", "wrong_address")},
        {"issues": ("unchecked",), "authorised": False},
    ],
)
async def test_an_address_without_street_or_found_wrong_is_visited_only_if_an_operator_says_why(
    scene: Scene, changes: dict[str, Any]
) -> None:
    agency_id = uuid.uuid4()
    doubtful = an_address(**changes)
    contract = await scene.known_contract(a_placement(agency_id), addresses=[doubtful])
    named: dict[str, Any] = {"address_id": str(doubtful.address_id)}
    for more in ({}, named):
        assert refused(await scene.order(contract, **more)) == (409, "address-unchecked", "address_unchecked")
    agencys = await scene.order(contract, agency_id=agency_id, override=OVERRIDE)
    assert (agencys.status_code, agencys.json()["type"].rpartition(":")[2]) == (403, "override-refused")
    assert (await scene.order(contract, override={"reason": ""})).status_code == 422
    visit = await scene.ordered(contract, override=OVERRIDE, **named)
    [row] = await scene.rows("SELECT override_reason, address_id FROM visit WHERE visit_id = $1", uuid.UUID(visit))
    assert tuple(row) == (OVERRIDE["reason"], doubtful.address_id)


async def test_a_checked_address_is_chosen_before_a_doubtful_one(scene: Scene) -> None:
    checked = an_address(kind="fiscal")
    contract = await scene.known_contract(addresses=[an_address(street=None), checked])
    assert (await scene.order(contract)).json()["address"]["address_id"] == str(checked.address_id)


async def test_an_address_that_a_visit_found_wrong_waits_until_a_visit_confirms_it(scene: Scene) -> None:
    """The verdict counts at once, before the portfolio has heard of it."""
    contract = await scene.known_contract()
    wrong, confirmed, later = DAY, TOMORROW, DAY + timedelta(days=2)
    first, second = await scene.ordered(contract, wrong), await scene.ordered(contract, confirmed)
    await scene.result(first, "unlocatable", "nobody")
    assert refused(await scene.order(contract, later)) == (409, "address-unchecked", "address_unchecked")
    await scene.result(second, address_verdict="confirmed")
    assert (await scene.order(contract, later)).status_code == 201


async def test_a_second_visit_of_a_day_and_a_contract_without_address_say_why(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    again = await scene.order(contract)
    assert refused(again) == (409, "visit-exists", "visit_exists")
    assert again.json()["visit_id"] == visit
    nowhere = await scene.known_contract(addresses=[an_address(authorised=False)])
    assert refused(await scene.order(nowhere)) == (409, "no-address", "no_address")
    assert len(await published(scene.database, VisitOrdered)) == 1


# --- days and hours


async def test_no_visit_is_ordered_for_a_day_without_allowed_hours_at_the_address(scene: Scene) -> None:
    """In Mexico commercial creditors may contact from Monday to Friday."""
    contract = await scene.known_contract()
    assert (await scene.order(contract, SATURDAY)).status_code == 201
    await scene.receives(scene.portfolio_state(creditor_kind=CreditorKind.COMMERCIAL))
    contract = await scene.known_contract()
    assert refused(await scene.order(contract, SATURDAY)) == (409, "outside-hours", "outside_hours")
    assert (await scene.order(contract, SATURDAY + timedelta(days=2))).status_code == 201


async def test_a_holiday_of_the_addresss_state_bars_a_visit(scene: Scene) -> None:
    """In Sao Paulo nobody contacts on a holiday; the ninth of July is one of that state alone."""
    await scene.receives(scene.portfolio_state(business_date=date(2026, 7, 8)))
    paulista = an_address(state="São Paulo", city="São Paulo", postal_code="01310-100", country="BR")
    contract = await scene.known_contract(jurisdiction="BR", as_of=date(2026, 7, 8), addresses=[paulista])
    assert refused(await scene.order(contract, date(2026, 7, 9))) == (409, "outside-hours", "outside_hours")
    assert (await scene.order(contract, date(2026, 7, 10))).status_code == 201


@pytest.mark.parametrize(
    ("state", "city", "at", "breaches"),
    [
        ("Ciudad de México", "Benito Juárez", "2026-11-23T13:00:00Z", None),
        ("Ciudad de México", "Benito Juárez", "2026-11-23T12:59:00Z", ["outside_hours"]),
        ("Baja California", "Tijuana", "2026-11-23T14:00:00Z", ["outside_hours"]),
        ("Baja California", "Tijuana", "2026-11-23T15:00:00Z", None),
    ],
)
async def test_an_attendance_outside_the_hours_of_its_address_is_recorded_as_a_breach(
    scene: Scene, state: str, city: str, at: str, breaches: list[str] | None
) -> None:
    """Visits are allowed from seven; at 14:00 UTC it is eight in the capital and six in Tijuana."""
    postal_code = "22000" if city == "Tijuana" else "03100"
    address = an_address(state=state, city=city, postal_code=postal_code)
    contract = await scene.known_contract(addresses=[address])
    visit = await scene.ordered(contract)
    answer = await scene.attend(visit, at=at)
    assert answer.status_code == 201
    assert answer.json().get("breaches") == breaches
    assert "balance" in answer.json(), "the debtor is there, and may hear it"
    found = (await scene.get("/v1/breaches", kind="outside_hours")).json()["items"]
    assert [(item["visit_id"], item["breaches"]) for item in found] == ([(visit, breaches)] if breaches else [])
    if breaches:
        assert found[0]["actor"]["subject"] == "test"
        assert (await scene.get("/v1/breaches", contract_id=str(uuid.uuid4()))).json()["items"] == []


async def test_a_result_outside_the_hours_is_a_breach_too(scene: Scene) -> None:
    visit = await scene.ordered(await scene.known_contract())
    await scene.result(visit, "nobody_home", "nobody", at="2026-11-20T09:00:00Z")
    [found] = (await scene.get("/v1/breaches")).json()["items"]
    assert (found["visit_id"], found["breaches"], found["attended_by"]) == (visit, ["outside_hours"], "nobody")


async def test_agencies_do_not_read_breaches(scene: Scene) -> None:
    assert (await scene.get("/v1/breaches", uuid.uuid4())).status_code == 403


# --- the balance, and the documents


@pytest.mark.parametrize(("at", "with_balance"), [("2026-11-25T05:59:00Z", True), ("2026-11-25T06:00:00Z", False)])
async def test_an_attendance_later_than_a_day_after_the_visit_brings_no_balance(
    scene: Scene, at: str, with_balance: bool
) -> None:
    """The visit is of the 23rd; at six in the morning UTC the 25th begins where the address is."""
    agency_id = uuid.uuid4()
    await scene.knows_agency(agency_id)
    contract = await scene.known_contract(a_placement(agency_id))
    visit = await scene.ordered(contract)
    answer = await scene.attend(visit, at=at)
    assert (answer.status_code, "balance" in answer.json()) == (201, with_balance)
    letter = await scene.get(f"/v1/visits/{visit}/letter.pdf", agency_id)
    assert letter.status_code == (200 if with_balance else 409)


async def test_somebody_who_comes_during_the_days_without_contact_learns_no_balance(scene: Scene) -> None:
    """The visit was ordered for the first day on which contact is allowed again, and the visitor came earlier."""
    contract = await scene.known_contract()
    await scene.receives(contract.paid("1.00"))
    visit = await scene.ordered(contract, DAY + timedelta(days=3))
    answer = await scene.attend(visit, at="2026-11-24T18:00:00Z")
    assert (answer.status_code, answer.json().get("breaches"), "balance" in answer.json()) == (201, ["silence"], False)


async def test_sheet_and_letter_are_refused_while_the_contract_is_silenced(scene: Scene) -> None:
    """A silence that no event ends or begins, on a day that came after the visit's."""
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    for document in ("sheet", "letter"):
        assert (await scene.get(f"/v1/visits/{visit}/{document}.pdf")).status_code == 200
    await scene.receives(contract.paused(TOMORROW), scene.portfolio_state(business_date=TOMORROW))
    for document in ("sheet", "letter"):
        answer = await scene.get(f"/v1/visits/{visit}/{document}.pdf")
        assert refused(answer) == (409, "paused", "paused")
