"""Topics have no common order: a silence works before its contract arrives, and old events change nothing."""

import uuid
from datetime import timedelta
from decimal import Decimal

from dialing_scene import DAY, Phone, Scene
from recobro_events.contracts.portfolio import ContactChange, ContractState, DebtorStatus, Stage


async def test_a_payment_that_arrives_before_the_registration_silences(scene: Scene) -> None:
    contract = scene.contract()
    registration = contract.registered()
    await scene.receives(contract.paid("100.00"))
    await scene.receives(registration)

    assert await scene.listed(await scene.built()) == []
    [row] = await scene.rows("SELECT overdue_balance, name FROM contract")
    assert row["overdue_balance"] == Decimal("1400.00"), "the registration's older balance must not come back"
    day = DAY + timedelta(days=3)
    await scene.portfolio(business_date=day)
    [number] = await scene.listed(await scene.built(day))
    assert number == contract.number, "the payment must not have erased phone or name"


async def test_an_opt_out_that_arrives_before_the_registration_holds(scene: Scene) -> None:
    contract = scene.contract(phones=[Phone("+525512345601")])
    registration = contract.registered()
    opted_out = contract.number_changed(contract.phones[0], ContactChange.OPTED_OUT)
    await scene.receives(opted_out)
    await scene.receives(registration)
    assert await scene.listed(await scene.built()) == []
    [row] = await scene.rows("SELECT usable FROM contact_point")
    assert not row["usable"]


async def test_facts_of_an_unregistered_contract_put_nothing_on_a_list(scene: Scene) -> None:
    contract = scene.contract()
    contract.version = 7
    await scene.receives(contract.staged(Stage.LATE))
    assert await scene.listed(await scene.built()) == []


async def test_an_old_revision_overwrites_no_group(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised(overdue=Decimal("9000.00"))
    number = contract.number_changed(contract.phones[0], ContactChange.INVALID)
    status = contract.reported(DebtorStatus.DECEASED)
    stage = contract.staged(Stage.LATE, overdue=Decimal("800.00"))
    await scene.receives(number, status, stage)
    kept = "SELECT version, stage, overdue_balance, status, status_seen_version FROM contract"
    before = await scene.rows(kept)

    await scene.receives(old)

    assert (
        await scene.rows("SELECT version, stage, overdue_balance, status, status_seen_version FROM contract") == before
    )
    points = await scene.rows("SELECT value, usable FROM contact_point ORDER BY value")
    assert [(row["value"], row["usable"]) for row in points] == [("+525512345601", False), ("+525512345602", True)]


async def test_older_details_do_not_replace_newer_ones(scene: Scene) -> None:
    contract = scene.contract()
    old, new = contract.registered(), contract.revised(number="renumbered", phones=contract.phones[:1])
    await scene.receives(new)
    await scene.receives(old)
    assert await scene.listed(await scene.built()) == ["renumbered"]
    assert len(await scene.rows("SELECT FROM contact_point WHERE present")) == 1


async def test_an_old_revision_does_not_reopen_a_pause_that_has_ended(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    pause = contract.paused(DAY - timedelta(days=5))
    old = contract.revised()
    await scene.receives(pause, contract.resumed(pause, DAY - timedelta(days=1)))
    await scene.receives(old)
    assert await scene.listed(await scene.built()) == [contract.number]


async def test_an_event_updates_each_group_of_columns_for_which_it_is_newer(scene: Scene) -> None:
    contract = scene.contract()
    registration = contract.registered()
    closed = contract.closed(ContractState.SETTLED)
    await scene.receives(closed)
    await scene.receives(registration)
    [row] = await scene.rows("SELECT state, name, contract_number FROM contract")
    assert (row["state"], row["contract_number"]) == ("settled", contract.number)
    assert row["name"] is not None


async def test_a_death_that_a_newer_status_has_overtaken_still_withdraws(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    death = contract.reported(DebtorStatus.DECEASED)
    await scene.receives(contract.revised(status=DebtorStatus.ACTIVE, status_version=2))
    list_id = await scene.built()
    await scene.receives(death)
    assert await scene.withdrawals(list_id) == [(contract.number, "deceased")]
    [row] = await scene.rows("SELECT status FROM contract")
    assert row["status"] == "active"


async def test_a_contract_is_silent_with_the_person_to_whom_a_file_gave_it(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.reported(DebtorStatus.UNLOCATABLE), contract.reported(DebtorStatus.INSOLVENT))
    list_id = await scene.built()
    dead = contract.revised(debtor_id=uuid.uuid4(), status=DebtorStatus.DECEASED, status_version=1)
    await scene.receives(dead)
    assert await scene.withdrawals(list_id) == [(contract.number, "deceased")]
    assert (await scene.rows("SELECT status FROM contract"))[0]["status"] == "deceased"

    await scene.receives(contract.revised(debtor_id=uuid.uuid4(), status=DebtorStatus.ACTIVE, status_version=0))
    await scene.receives(dead)
    assert (await scene.rows("SELECT status FROM contract"))[0]["status"] == "active"


async def test_a_phone_that_is_missing_in_a_newer_file_is_not_dialled(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    new = Phone("+525512345603", version=3)
    await scene.receives(contract.revised(phones=[contract.phones[1], new]))
    [listed] = await scene.rows("SELECT contact_ids FROM list_entry WHERE list_id = $1", await scene.built())
    assert listed["contact_ids"] == [contract.phones[0].contact_id, new.contact_id]


async def test_a_phone_added_after_a_file_was_read_survives_that_file(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    added = Phone("+525512345603")
    await scene.receives(contract.number_changed(added, ContactChange.ADDED))
    await scene.receives(old)
    [listed] = await scene.rows("SELECT contact_ids FROM list_entry WHERE list_id = $1", await scene.built())
    assert added.contact_id in listed["contact_ids"]


async def test_a_phone_that_comes_back_is_dialled_again(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    both = contract.phones
    await scene.receives(contract.revised(phones=both[:1]))
    await scene.receives(contract.revised(phones=both))
    [listed] = await scene.rows("SELECT contact_ids FROM list_entry WHERE list_id = $1", await scene.built())
    assert listed["contact_ids"] == [phone.contact_id for phone in both]


async def test_an_older_state_of_a_portfolio_does_not_replace_a_newer_one(scene: Scene) -> None:
    await scene.portfolio(business_date=DAY + timedelta(days=1))
    scene._versions[scene.portfolio_id] = 0
    await scene.portfolio(business_date=DAY)
    [row] = await scene.rows("SELECT business_date FROM portfolio")
    assert row["business_date"] == DAY + timedelta(days=1)


async def test_a_payment_received_twice_withdraws_once(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(payment)
    assert await scene.withdrawals(list_id) == [(contract.number, "payment")]
