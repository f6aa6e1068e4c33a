"""Nobody comes when, or where, the debtor has called a visit inconvenient."""

from datetime import date, timedelta

import pytest
from recobro_events.contracts.field_visits import VisitCancelled
from recobro_events.testing import published
from visits_scene import DAY, Scene, an_address

TUESDAY = DAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("said", "day", "allowed"),
    [
        ({"not_days": ["mon"]}, DAY, False),
        ({"not_days": ["mon"]}, TUESDAY, True),
        ({"not_places": ["personal"]}, TUESDAY, False),
        ({"not_places": ["commercial"]}, TUESDAY, True),
        ({"not_media": ["visit"]}, TUESDAY, False),
        ({"not_media": ["call"]}, TUESDAY, True),
        ({"not_hours": ["06:00-23:00"]}, TUESDAY, False),
        ({"not_hours": ["06:00-15:00"]}, TUESDAY, True),
    ],
)
async def test_a_visit_is_ordered_only_where_it_is_convenient(
    scene: Scene, said: dict[str, list[str]], day: date, allowed: bool
) -> None:
    before, after = await scene.known_contract(), await scene.known_contract()
    standing = await scene.ordered(before, day)
    await scene.receives(before.says(**said), after.says(**said))
    answer = await scene.order(after, day)
    if allowed:
        assert answer.status_code == 201, answer.text
    else:
        assert (answer.status_code, answer.json()["reason"]) == (409, "inconvenient")
    # Hours alone cancel nothing: somebody may still come at another hour of the day.
    stays = allowed or "not_hours" in said
    assert (await scene.state_and_reason(standing))[0] == ("ordered" if stays else "cancelled")
    events = await published(scene.database, VisitCancelled)
    assert [event.detail is not None for event in events] == ([] if stays else [True])


async def test_the_next_convenient_address_is_chosen(scene: Scene) -> None:
    office = an_address(kind="commercial")
    contract = await scene.known_contract(addresses=[an_address(), office])
    await scene.receives(contract.says(not_places=["personal"]))
    assert (await scene.order(contract)).json()["address"]["address_id"] == str(office.address_id)


async def test_a_visitor_at_an_inconvenient_hour_breaks_a_rule(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit_id = await scene.ordered(contract, TUESDAY)
    await scene.receives(contract.says(not_hours=["00:00-23:59", "23:58-00:01"]))
    # The day at the door is that of the report, whatever its hour: all of it is inconvenient.
    at = f"{TUESDAY}T18:00:00Z"
    answer = await scene.attend(visit_id, at=at)
    assert answer.status_code in (200, 201), answer.text
    [row] = await scene.rows("SELECT breaches FROM attendance")
    assert row["breaches"] == ["inconvenient"]


async def test_a_visit_that_a_payment_cancelled_stays_cancelled_on_an_inconvenient_day(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit_id = await scene.ordered(contract, DAY + timedelta(days=7))
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(contract.says(not_days=["mon"]), contract.payment_reversed(payment))
    assert (await scene.state_and_reason(visit_id))[0] == "cancelled"
