"""A silenced contract leaves every live list at once, with its reason, and is not on the next list."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from dialing_scene import DAY, Contract, Phone, Scene
from recobro_events import Event
from recobro_events.contracts.portfolio import (
    ApproachStep,
    ContactChange,
    ContractState,
    DebtorStatus,
    LastPayment,
    Stage,
    StageCause,
)

Silence = Callable[[Contract], Event]

SILENCES: dict[str, tuple[str, Silence]] = {
    "payment": ("payment", lambda c: c.paid()),
    "payment in a file": ("payment", lambda c: c.paid_by_file()),
    "payment, the change of stage first": ("payment", lambda c: paid_in_full(c)),
    "payment, a revision first": ("payment", lambda c: revised_after_payment(c)),
    "payment that files do not know yet": ("payment", lambda c: c.revised(payment_silent_until=DAY)),
    "figures that wait for a decision": ("unknown_state", lambda c: c.revised(undecided=True)),
    "clarification": ("clarification", lambda c: c.disputed()),
    "deceased": ("deceased", lambda c: c.reported(DebtorStatus.DECEASED)),
    "represented": ("represented", lambda c: c.reported(DebtorStatus.REPRESENTED)),
    "pause without end": ("paused", lambda c: c.paused(DAY - timedelta(days=1))),
    "pause that ends today": ("paused", lambda c: c.paused(DAY - timedelta(days=9), DAY)),
    "closed": ("closed", lambda c: c.closed()),
    "closed by a snapshot": ("closed", lambda c: c.revised(state=ContractState.WITHDRAWN)),
    "below the minimum": ("no_longer_eligible", lambda c: c.revised(overdue="100.00")),
    "stage not of the campaign": ("no_longer_eligible", lambda c: c.staged(Stage.LEGAL)),
    "current again": ("no_longer_eligible", lambda c: c.staged(Stage.CURRENT)),
    "no phone in a new file": ("no_phone", lambda c: c.revised(phones=[])),
    "other phones in a new file, none usable": (
        "no_phone",
        lambda c: c.revised(phones=[Phone("+525599999999", usable=False)]),
    ),
    "disputed, first listed in a revision": ("clarification", lambda c: c.revised(disputes=[uuid.uuid4()])),
}


def paid_in_full(contract: Contract) -> Event:
    """The stage's event of a payment travels on the bulk lane, and may arrive before PaymentReceived."""
    return contract.staged(
        Stage.CURRENT, cause=StageCause.PAYMENT, overdue="0.00", oldest_due_on=None, state=ContractState.SETTLED
    )


def revised_after_payment(contract: Contract) -> Event:
    last = LastPayment(payment_id=uuid.uuid4(), paid_on=DAY, business_date=DAY)
    return contract.revised(
        overdue="0.00", oldest_due_on=None, state=ContractState.SETTLED, stage=Stage.CURRENT, last_payment=last
    )


@pytest.mark.parametrize("silence", SILENCES)
async def test_a_silence_withdraws_and_keeps_off_the_next_list(scene: Scene, silence: str) -> None:
    reason, happens = SILENCES[silence]
    first, second, third = await scene.contracts(3)
    list_id = await scene.built()
    assert await scene.listed(list_id) == [first.number, second.number, third.number]

    await scene.receives(happens(second))

    assert await scene.listed(list_id) == [first.number, third.number]
    assert await scene.withdrawals(list_id) == [(second.number, reason)]
    [event] = await scene.withdrawn_events()
    assert (event.contract_id, event.list_id, event.reason) == (second.contract_id, list_id, reason)
    assert event.withdrawn_at >= event.caused_at

    other = await scene.campaign()
    assert await scene.listed(await scene.built(campaign_id=other)) == [first.number, third.number]


@pytest.mark.parametrize(
    ("change", "reason"), [(ContactChange.INVALID, "wrong_number"), (ContactChange.OPTED_OUT, "opted_out")]
)
async def test_an_unusable_number_leaves_its_entry_which_is_withdrawn_when_no_number_is_left(
    scene: Scene, change: ContactChange, reason: str
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    wrong, good = contract.phones

    await scene.receives(contract.number_changed(wrong, change))

    next_list = await scene.built(campaign_id=await scene.campaign())
    for live in (list_id, next_list):
        [entry] = await scene.rows("SELECT status, contact_ids FROM list_entry WHERE list_id = $1", live)
        assert (entry["status"], entry["contact_ids"]) == ("listed", [good.contact_id])
    [item] = await scene.rows("SELECT kind, reason, contract_id FROM entry_change WHERE list_id = $1", list_id)
    assert tuple(item.values()) == ("numbers_changed", reason, contract.contract_id)
    assert await scene.withdrawn_events() == []
    assert (await scene.the_list(list_id))["withdrawn"] == 0

    await scene.receives(contract.number_changed(good, change))

    for live in (list_id, next_list):
        assert await scene.withdrawals(live) == [(contract.number, "no_phone")]
        assert (await scene.the_list(live))["withdrawn"] == 1
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == []


async def test_a_number_that_may_be_dialled_again_does_not_come_back_to_today_s_list(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    wrong, good = contract.phones
    await scene.receives(contract.number_changed(wrong, ContactChange.INVALID))
    await scene.receives(contract.number_changed(wrong, ContactChange.VERIFIED))
    [entry] = await scene.rows("SELECT contact_ids FROM list_entry WHERE list_id = $1", list_id)
    assert entry["contact_ids"] == [good.contact_id]


async def test_an_unusable_number_that_is_on_no_entry_withdraws_nothing(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    late = Phone("+525512345699")
    await scene.receives(contract.number_changed(late, ContactChange.ADDED))
    await scene.receives(contract.number_changed(late, ContactChange.INVALID))
    assert await scene.listed(list_id) == [contract.number]


@pytest.mark.parametrize(
    "harmless",
    [
        lambda c: c.paused(DAY + timedelta(days=1)),
        lambda c: c.paused(DAY - timedelta(days=9), DAY - timedelta(days=1)),
        lambda c: c.reported(DebtorStatus.INSOLVENT),
        lambda c: c.revised(overdue=c.overdue + 1),
        lambda c: c.staged(Stage.LATE),
    ],
    ids=["pause ahead", "pause over", "insolvent", "more overdue", "late"],
)
async def test_a_change_that_does_not_silence_withdraws_nothing(scene: Scene, harmless: Silence) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.receives(harmless(contract))
    assert await scene.listed(list_id) == [contract.number]


async def test_a_payment_withdraws_from_the_live_lists_of_every_campaign(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    lists = [await scene.built(), await scene.built(campaign_id=await scene.campaign())]
    await scene.receives(contract.paid())
    for list_id in lists:
        assert await scene.withdrawals(list_id) == [(contract.number, "payment")]
    assert {event.list_id for event in await scene.withdrawn_events()} == set(lists)


async def test_a_campaign_for_segments_lists_these_alone_and_lets_go_who_leaves_them(scene: Scene) -> None:
    chronic, slow, none = [scene.contract(segment=segment) for segment in ("chronic", "slow_payer", None)]
    await scene.receives(*(contract.registered() for contract in (chronic, slow, none)))
    list_id = await scene.built(campaign_id=await scene.campaign(segments=["chronic", "slow_payer"]))
    assert await scene.listed(list_id) == [chronic.number, slow.number]
    await scene.receives(slow.segmented("chronic"), none.segmented("chronic"))
    await scene.receives(chronic.segmented("insolvent"))
    assert await scene.listed(list_id) == [slow.number]


async def test_a_campaign_for_steps_lists_these_alone_and_lets_go_who_climbs(scene: Scene) -> None:
    gentle, grave, none = [
        scene.contract(step=step) for step in (ApproachStep.REMINDER, ApproachStep.JUDICIAL_NOTICE, None)
    ]
    await scene.receives(*(contract.registered() for contract in (gentle, grave, none)))
    list_id = await scene.built(campaign_id=await scene.campaign(steps=["reminder", "direct_contact"]))
    assert await scene.listed(list_id) == [gentle.number]
    await scene.receives(gentle.escalated(ApproachStep.DIRECT_CONTACT))
    assert await scene.listed(list_id) == [gentle.number]
    await scene.receives(gentle.escalated(None))
    assert await scene.listed(list_id) == []


async def test_several_reasons_in_one_batch_withdraw_a_contract_once(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.receives(contract.paid(), contract.disputed(), contract.closed())
    assert await scene.withdrawals(list_id) == [(contract.number, "payment")]


async def test_a_payment_silences_for_the_holdoff_days_and_no_longer(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid())
    for days, expected in ((1, []), (2, []), (3, [contract.number])):
        day = DAY + timedelta(days=days)
        await scene.portfolio(business_date=day)
        assert await scene.listed(await scene.built(day)) == expected, days


async def test_the_days_without_contact_count_from_the_day_that_the_portfolio_fixed(scene: Scene) -> None:
    """The business date is two days behind the day on which the payment arrived."""
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid(holdoff_from=DAY + timedelta(days=2)))
    for days, expected in ((1, []), (4, []), (5, [contract.number])):
        day = DAY + timedelta(days=days)
        await scene.portfolio(business_date=day)
        assert await scene.listed(await scene.built(day)) == expected, days


@pytest.mark.parametrize(("portfolio_days", "campaign_days", "silent_days"), [(5, 3, 5), (2, 4, 4), (1, 0, 1)])
async def test_a_campaign_lengthens_the_portfolios_days_without_contact_and_never_shortens_them(
    scene: Scene, portfolio_days: int, campaign_days: int, silent_days: int
) -> None:
    await scene.portfolio(payment_holdoff_days=portfolio_days)
    [contract] = await scene.contracts(1)
    campaign_id = await scene.campaign(payment_holdoff_days=campaign_days)
    await scene.receives(contract.paid())
    for days, expected in ((silent_days - 1, []), (silent_days, [contract.number])):
        day = DAY + timedelta(days=days)
        await scene.portfolio(business_date=day, payment_holdoff_days=portfolio_days)
        assert await scene.listed(await scene.built(day, campaign_id)) == expected, days


async def test_a_file_does_not_end_the_silence_of_a_payment(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid())
    await scene.receives(contract.revised(overdue="1500.00"))
    assert await scene.listed(await scene.built()) == []


async def test_a_reversal_ends_the_holdoff_but_adds_nothing_to_todays_list(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.listed(list_id) == []
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [contract.number]


async def test_a_revision_that_lists_a_reversed_payment_does_not_silence_again(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    payment = contract.paid()
    await scene.receives(payment, contract.payment_reversed(payment))
    last_payment = {"payment_id": payment.payment_id, "paid_on": DAY, "business_date": DAY}
    await scene.receives(contract.revised(last_payment=last_payment))
    assert await scene.listed(await scene.built()) == [contract.number]


async def test_contact_resumes_when_every_dispute_is_resolved(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    one, two = contract.disputed(), contract.disputed()
    await scene.receives(one, two)

    async def listed() -> list[str]:
        return await scene.listed(await scene.built(campaign_id=await scene.campaign()))

    await scene.receives(contract.resolved(one.clarification_id))
    assert await listed() == []
    await scene.receives(contract.resolved(two.clarification_id, contact_may_resume=False))
    assert await listed() == []
    await scene.receives(contract.resolved(two.clarification_id))
    assert await listed() == [contract.number]
    await scene.receives(contract.resolved(one.clarification_id, contact_may_resume=False))
    assert await listed() == [contract.number], "a dispute stays resolved once contact has resumed"


async def test_an_old_revision_does_not_open_a_resolved_dispute_again(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    old = contract.revised()
    await scene.receives(dispute, contract.resolved(dispute.clarification_id))
    await scene.receives(old)
    assert await scene.listed(await scene.built()) == [contract.number]


async def test_a_corrected_amount_below_the_minimum_withdraws(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute, contract.resolved(dispute.clarification_id))
    list_id = await scene.built()
    late = contract.resolved(uuid.uuid4(), overdue="50.00")
    await scene.receives(late)
    assert await scene.withdrawals(list_id) == [(contract.number, "no_longer_eligible")]


async def test_a_contract_whose_pause_was_ended_is_listed_again(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    pause = contract.paused(DAY - timedelta(days=5))
    await scene.receives(pause)
    assert await scene.listed(await scene.built()) == []
    await scene.receives(contract.resumed(pause, DAY - timedelta(days=1)))
    next_list = await scene.built(campaign_id=await scene.campaign())
    assert await scene.listed(next_list) == [contract.number]
    [entry] = await scene.rows("SELECT days_past_due FROM list_entry WHERE list_id = $1", next_list)
    assert entry["days_past_due"] == 20 - 5


async def test_the_event_of_a_withdrawal_has_an_id_derived_from_its_cause(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.built()
    await scene.receives(contract.paid())
    [event] = await scene.withdrawn_events()
    assert event.event_id.version == 8
    assert event.cause_event_id is not None
