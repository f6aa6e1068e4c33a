"""Tolerance, the word that a promise is due soon, and kept rates by whose promises they are."""

from datetime import date
from decimal import Decimal

from agreement_scene import ANA
from promise_scene import DAY, Scene, day
from promises.outcomes.reminding import remind
from recobro_events.contracts.promises import PromiseDueSoon


async def test_a_promise_is_kept_within_the_tolerance_of_the_day_on_which_it_was_made(scene: Scene) -> None:
    strict = await scene.registered(number="C-0")
    before = await scene.promise(strict, "100.00")
    await scene.limit(tolerance=Decimal("5.00"))
    contract = await scene.registered()
    promise = await scene.promise(contract, "100.00")
    await scene.receives(contract.paid("94.99"), strict.paid("95.00"))
    assert (await scene.state(promise), await scene.state(before)) == (("open", "94.99"), ("open", "95.00"))
    await scene.receives(contract.paid("0.01"))
    assert await scene.state(promise) == ("kept", "95.00")
    small = await scene.promise(contract, "3.00", due=9)
    await scene.move_business_date(12)
    assert await scene.state(small) == ("broken", "0.00"), "nothing is never enough"


async def test_a_promise_is_said_to_be_due_soon_once_on_the_day_before(scene: Scene) -> None:
    contract = await scene.registered()
    promise = await scene.promise(contract, "100.00", due=3)
    other = await scene.promise(contract, "50.00", due=4)
    for n, said in ((1, 0), (2, 1), (2, 0), (3, 1), (4, 0)):
        await scene.receives(scene.business_date(n))
        assert await remind(scene.database) == said
    events = await scene.published(PromiseDueSoon)
    assert [(str(one.promise_id), one.due_on, one.version) for one in events] == [
        (promise["promise_id"], day(3), 2),
        (other["promise_id"], day(4), 2),
    ]


async def test_nothing_is_said_of_what_is_paid_or_was_promised_for_tomorrow(scene: Scene) -> None:
    contract = await scene.registered()
    await scene.promise(contract, "100.00", due=3)
    await scene.receives(contract.paid("100.00"))
    await scene.receives(scene.business_date(2))
    await scene.promise(contract, "50.00", due=3)
    assert await remind(scene.database) == 0


async def test_rates_are_read_by_agent_agency_and_segment(scene: Scene) -> None:
    known, unknown = await scene.registered(), await scene.registered(number="C-2")
    await scene.receives(known.segmented("slow_payer"))
    await scene.promise(known, "100.00", due=1, headers=ANA)
    await scene.promise(unknown, "100.00", due=1)
    await scene.receives(known.paid("100.00"))
    await scene.move_business_date(9)
    for by, rates in (
        ("segment", {None: 0.0, "slow_payer": 1.0}),
        ("agent", {"ana": 1.0, "test": 0.0}),
        ("agency", {None: 0.5}),
    ):
        answer = await scene.client.get("/v1/kept-rates", params={"by": by})
        assert answer.status_code == 200, answer.text
        column = "agency_id" if by == "agency" else by
        items = answer.json()["items"]
        assert {one[column]: one["kept_rate"] for one in items} == rates
        for one in items:
            listed = (await scene.client.get(one["items"])).json()["items"]
            assert len(listed) == one["promises"], one["items"]
    assert (await scene.client.get("/v1/kept-rates", params={"by": "week"})).status_code == 422


async def test_days_of_grace_may_be_business_days_of_the_jurisdiction(scene: Scene) -> None:
    """Due on Friday 2027-01-29: Monday is Mexico's Constitution day, so grace ends on Wednesday."""
    friday = (date(2027, 1, 29) - DAY).days
    await scene.limit(grace_in_business_days=True)
    contract = await scene.registered()
    promise = await scene.promise(contract, due=friday)
    assert promise["silent_until"] == "2027-02-03"
    await scene.limit(grace_in_business_days=False)
    other = await scene.registered(number="C-2")
    assert (await scene.promise(other, due=friday))["silent_until"] == "2027-01-31"
