"""Agencies learn who must not be contacted any more, why, until when, and when contact may resume."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from chassis.testing.publishers import Promise
from placing_scene import DAY, Contract, Scene, as_agency
from recobro_events import Event
from recobro_events.contracts import assignment
from recobro_events.contracts.agency import ContactResumed, ContactSilenced
from recobro_events.contracts.portfolio import (
    ContactChange,
    ContactKind,
    ContactPoint,
    ContactPointChanged,
    DebtorStatus,
    Stage,
)
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.testing import published

KINDS = ("dialing", "collection", "visits")
PHONE = "+525512345678"


def day(number: int) -> date:
    return DAY + timedelta(days=number)


async def placed(scene: Scene, kind: str = "collection") -> tuple[Contract, str]:
    agency_id = await scene.agency(kind)
    await scene.rule(agency_id, kind=kind, stages=["early", "late"])
    [contract] = await scene.contracts(1)
    return contract, agency_id


def opted_out(contract: Contract, contact_id: UUID, *media: str, change: str = "opted_out") -> ContactPointChanged:
    position = contract.position()
    return ContactPointChanged(
        **position,
        contact_id=contact_id,
        contact_version=position["version"],
        kind=ContactKind.PHONE,
        value=PHONE,
        change=ContactChange(change),
        usable=not media,
        provenance="debtor",
        refused_media=media,
    )


def set_aside(contract: Contract, event_type: Any) -> Event:
    made: Event = event_type(contract_id=contract.contract_id, service="promises", consumer="promises.events")
    return made


Silencing = Callable[[Contract], tuple[Event, Event, str, date | None]]


def by_dispute(contract: Contract) -> tuple[Event, Event, str, date | None]:
    dispute = contract.disputed()
    return dispute, contract.resolved(dispute.clarification_id), "clarification", None


def by_promise(contract: Contract) -> tuple[Event, Event, str, date | None]:
    promise = Promise(contract.contract_id, due_on=day(5), silent_until=day(7))
    return promise.made(), promise.broken(), "promise", day(7)


def by_pause(contract: Contract) -> tuple[Event, Event, str, date | None]:
    pause = contract.paused(DAY)
    return pause, contract.resumed(pause, day(-1)), "paused", None


def by_payment(contract: Contract) -> tuple[Event, Event, str, date | None]:
    payment = contract.paid("10.00")
    return payment, contract.payment_reversed(payment), "payment", day(2)


def by_death(contract: Contract) -> tuple[Event, Event, str, date | None]:
    return contract.reported(DebtorStatus.DECEASED), contract.reported(DebtorStatus.ACTIVE), "deceased", None


def by_lawyer(contract: Contract) -> tuple[Event, Event, str, date | None]:
    return contract.reported(DebtorStatus.REPRESENTED), contract.reported(DebtorStatus.ACTIVE), "represented", None


def by_undecided_figures(contract: Contract) -> tuple[Event, Event, str, date | None]:
    asked = contract.revised().model_copy(update={"undecided": True})
    return asked, contract.revised(), "unknown_state", None


def by_an_event_set_aside(contract: Contract) -> tuple[Event, Event, str, date | None]:
    return set_aside(contract, ContractSetAside), set_aside(contract, ContractReplayed), "unknown_state", None


ALL: list[Silencing] = [
    by_dispute,
    by_promise,
    by_pause,
    by_payment,
    by_death,
    by_lawyer,
    by_undecided_figures,
    by_an_event_set_aside,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("silencing", ALL)
async def test_agencies_of_every_kind_learn_that_contact_is_silenced_and_resumes(
    scene: Scene, silencing: Silencing, kind: str
) -> None:
    contract, agency_id = await placed(scene, kind)
    begins, ends, reason, until = silencing(contract)
    await scene.receives(begins)
    [silenced] = await scene.silences(agency_id)
    assert isinstance(silenced, ContactSilenced)
    assert (silenced.contract_id, silenced.reason, silenced.since) == (contract.contract_id, reason, DAY)
    assert (silenced.until, silenced.medium, silenced.contact_id) == (until, None, None)
    await scene.receives(ends)
    _, resumed = await scene.silences(agency_id)
    assert isinstance(resumed, ContactResumed)
    assert (resumed.silence_id, resumed.still_silent) == (silenced.silence_id, ())


async def test_contact_resumes_only_when_no_reason_is_left(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    dispute, payment = contract.disputed(), contract.paid("10.00")
    await scene.receives(dispute, payment)
    await scene.receives(contract.resolved(dispute.clarification_id))
    *_, resumed = await scene.silences(agency_id)
    assert isinstance(resumed, ContactResumed)
    assert (resumed.silence_id, resumed.still_silent) == (dispute.clarification_id, ("payment",))
    await scene.receives(contract.payment_reversed(payment))
    *_, last = await scene.silences(agency_id)
    assert isinstance(last, ContactResumed)
    assert (last.silence_id, last.still_silent) == (payment.payment_id, ())


async def test_a_silence_that_is_over_by_its_date_has_no_event_and_holds_nobody_back(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    dispute = contract.disputed()
    await scene.receives(contract.paid("10.00"), dispute)
    await scene.day(day(3))
    contract.as_of = day(3)
    await scene.receives(contract.resolved(dispute.clarification_id))
    heard = await scene.silences(agency_id)
    assert [type(event).__name__ for event in heard] == ["ContactSilenced", "ContactSilenced", "ContactResumed"]
    assert isinstance(heard[2], ContactResumed)
    assert heard[2].still_silent == ()


async def test_another_end_of_a_silence_is_told_with_the_same_id(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    pause = contract.paused(day(2))
    await scene.receives(pause)
    await scene.receives(contract.resumed(pause, day(6)))
    first, second = await scene.silences(agency_id)
    assert isinstance(first, ContactSilenced)
    assert isinstance(second, ContactSilenced)
    assert first.silence_id == second.silence_id
    assert (first.since, first.until, second.since, second.until) == (day(2), None, day(2), day(6))


async def test_a_pause_that_begins_later_does_not_hold_contact_back_yet(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    dispute = contract.disputed()
    await scene.receives(contract.paused(day(2), day(5)), dispute)
    await scene.receives(contract.resolved(dispute.clarification_id))
    *_, resumed = await scene.silences(agency_id)
    assert isinstance(resumed, ContactResumed)
    assert resumed.still_silent == ()


async def test_an_opt_out_bars_one_contact_point_or_one_medium_of_it(scene: Scene) -> None:
    """It is no reason for which the whole contract stays silent, and no number is named."""
    contract, agency_id = await placed(scene)
    contact_id, dispute = uuid.uuid4(), contract.disputed()
    await scene.receives(dispute, opted_out(contract, contact_id, "whatsapp"))
    await scene.receives(opted_out(contract, contact_id, "whatsapp", "call"))
    await scene.receives(contract.resolved(dispute.clarification_id))
    _, *heard, resumed = await scene.silences(agency_id)
    assert [(e.reason, e.contact_id, e.medium) for e in heard if isinstance(e, ContactSilenced)] == [
        ("opted_out", contact_id, "whatsapp"),
        ("opted_out", contact_id, "call"),
    ]
    assert isinstance(resumed, ContactResumed)
    assert resumed.still_silent == ()
    await scene.receives(opted_out(contract, contact_id, "call", change="added"))
    *_, one_left = await scene.silences(agency_id)
    assert isinstance(one_left, ContactResumed)
    assert (one_left.silence_id, one_left.still_silent) == (heard[0].silence_id, ("opted_out",))
    await scene.receives(opted_out(contract, contact_id, change="added"))
    *_, none_left = await scene.silences(agency_id)
    assert isinstance(none_left, ContactResumed)
    assert none_left.still_silent == ()
    assert len(await published(scene.database, ContactSilenced)) == 3, "each fits its contract"
    assert len(await published(scene.database, ContactResumed)) == 3
    [bodies] = await scene.rows("SELECT string_agg(body, '') AS all FROM outbox_agencies")
    assert PHONE not in bodies["all"]


async def test_an_opt_out_by_every_medium_has_no_medium_and_a_whole_contract_tells_it_too(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    contact_id = uuid.uuid4()
    point = ContactPoint(
        contact_id=contact_id,
        version=contract.version,
        kind=ContactKind.PHONE,
        value=PHONE,
        provenance="creditor",
        usable=False,
        refused_media=("all",),
    )
    whole = contract.revised().model_copy(update={"contact_points": (point,)})
    withdrawn = opted_out(contract, contact_id, change="added")
    await scene.receives(whole)
    [silenced] = await scene.silences(agency_id)
    assert isinstance(silenced, ContactSilenced)
    assert (silenced.contact_id, silenced.medium) == (contact_id, None)
    await scene.receives(withdrawn)
    await scene.receives(whole)
    assert len(await scene.silences(agency_id)) == 2, "an older state of the contract silences nothing again"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_in_any_order_of_topics_an_agency_ends_with_what_is_silent(scene: Scene, order: tuple[int, ...]) -> None:
    contract, agency_id = await placed(scene)
    promise, dispute = Promise(contract.contract_id, silent_until=day(4)), contract.disputed()
    streams: list[list[Event]] = [
        [promise.made(), promise.cancelled(), promise.reopened()],
        [dispute, contract.resolved(dispute.clarification_id), contract.paid("10.00")],
        [contract.revised()],
    ]
    for number in order:
        for event in streams[number]:
            for _ in range(2):
                await scene.receives(event)
    state: dict[UUID, str] = {}
    for heard in await scene.silences(agency_id):
        if isinstance(heard, ContactSilenced):
            state[heard.silence_id] = heard.reason
        else:
            del state[heard.silence_id]
            assert set(heard.still_silent) <= {"promise", "payment", "clarification"}
    assert sorted(state.values()) == ["payment", "promise"]


async def test_a_new_placement_learns_of_the_silences_in_force(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute, contact_id = contract.disputed(), uuid.uuid4()
    promise = Promise(contract.contract_id, silent_until=day(1))
    await scene.receives(dispute, promise.made(), opted_out(contract, contact_id, "call"))
    await scene.day(day(2))
    contract.as_of = day(2)
    await scene.receives(contract.paid("10.00"))
    agency_id = await scene.agency("visits")
    await scene.rule(agency_id, kind="visits")
    await scene.run()
    started, *_ = await scene.agency_events(agency_id)
    assert type(started).__name__ == "PlacementStarted"
    heard = [event for event in await scene.silences(agency_id) if isinstance(event, ContactSilenced)]
    assert sorted(event.reason for event in heard) == ["clarification", "opted_out", "payment"]
    assert {event.silence_id for event in heard} >= {dispute.clarification_id}


async def test_only_agencies_that_have_the_contract_learn_of_its_silences(scene: Scene) -> None:
    contract, agency_id = await placed(scene)
    [placement] = await scene.placements()
    other = await scene.agency("visits")
    path = f"/v1/placements/{placement['placement_id']}"
    await scene.post(f"{path}/recall", {"reason": "x"})
    await scene.receives(contract.disputed())
    assert len(await scene.silences(agency_id)) == 1, "until the recall is final it may have to answer the debtor"
    await scene.post(f"{path}/acknowledgement", headers=as_agency(agency_id))
    await scene.receives(contract.paid("10.00"))
    assert len(await scene.silences(agency_id)) == 1
    assert await scene.silences(other) == []


async def test_an_agency_with_two_kinds_of_work_is_told_once(scene: Scene) -> None:
    agency_id = await scene.agency("dialing", "visits")
    for kind in ("dialing", "visits"):
        await scene.rule(agency_id, kind=kind)
    [contract] = await scene.contracts(1)
    await scene.receives(contract.disputed())
    assert len(await scene.silences(agency_id)) == 1


@pytest.mark.parametrize("status", [DebtorStatus.DECEASED, DebtorStatus.REPRESENTED])
@pytest.mark.parametrize("kind", KINDS)
async def test_the_placements_of_a_deceased_or_represented_debtor_are_recalled(
    scene: Scene, status: DebtorStatus, kind: str
) -> None:
    contract, agency_id = await placed(scene, kind)
    await scene.receives(contract.reported(status))
    assert ((await scene.the_placement())["state"], (await scene.the_placement())["reason"]) == (
        "recall_pending",
        status,
    )
    await scene.day(day(3))
    assert (await scene.the_placement())["state"] == "recalled"
    assert (await scene.run())["placed"] == 0
    await scene.receives(contract.reported(DebtorStatus.ACTIVE))
    old, new = await scene.placements()
    assert (old["state"], new["state"], new["starts_on"]) == ("recalled", "active", str(day(3)))
    assert (await scene.agency_event_types(agency_id))[-1] == "PlacementStarted"


@pytest.mark.parametrize("objects", [False, True])
async def test_a_pending_recall_is_withdrawn_when_the_debtor_is_alive_after_all(scene: Scene, objects: bool) -> None:
    contract, agency_id = await placed(scene)
    await scene.receives(contract.reported(DebtorStatus.DECEASED))
    [placement] = await scene.placements()
    if objects:
        path = f"/v1/placements/{placement['placement_id']}/objection"
        await scene.post(path, {"reason": "we spoke today"}, headers=as_agency(agency_id))
    await scene.receives(contract.reported(DebtorStatus.ACTIVE))
    assert (await scene.the_placement())["state"] == "active"
    [event] = await published(scene.database, assignment.PlacementReinstated)
    assert event.reason == "debtor_status_changed"


async def test_a_recall_of_another_reason_outlives_the_debtors_status(scene: Scene) -> None:
    contract, _ = await placed(scene)
    await scene.receives(contract.staged(Stage.LEGAL), contract.reported(DebtorStatus.DECEASED))
    await scene.receives(contract.staged(Stage.EARLY), contract.reported(DebtorStatus.ACTIVE))
    placement = await scene.the_placement()
    assert (placement["state"], placement["reason"]) == ("recall_pending", "no_longer_eligible")


async def test_a_placement_that_an_operator_has_reinstated_is_not_recalled_for_the_same_death(scene: Scene) -> None:
    contract, _ = await placed(scene)
    await scene.receives(contract.reported(DebtorStatus.DECEASED))
    path = f"/v1/placements/{(await scene.the_placement())['placement_id']}"
    await scene.post(f"{path}/objection", {"reason": "x"})
    await scene.post(f"{path}/objection-decision", {"accepted": True, "reason": "the heirs pay"})
    await scene.receives(contract.revised())
    assert (await scene.get(path))["state"] == "active"


async def test_a_contract_of_a_dead_debtor_is_not_placed_even_if_its_file_comes_first(scene: Scene) -> None:
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id)
    contract = scene.contract(status=DebtorStatus.DECEASED, status_version=1)
    await scene.receives(contract.registered())
    assert await scene.placements() == []
    await scene.receives(contract.revised(status=DebtorStatus.ACTIVE))
    assert [placement["state"] for placement in await scene.placements()] == ["active"]
