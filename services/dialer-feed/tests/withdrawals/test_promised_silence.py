"""A debtor who has promised to pay is not called until the promise's time is over."""

from datetime import timedelta

import pytest
from dialing_agencies import Promise
from dialing_scene import DAY, Scene


async def test_a_promise_withdraws_from_every_list_and_keeps_off_the_next(scene: Scene) -> None:
    promised, other = await scene.contracts(2)
    lists = [await scene.built(), await scene.built(campaign_id=await scene.campaign())]
    await scene.receives(Promise(promised.contract_id, silent_until=DAY + timedelta(days=3)).made())
    for list_id in lists:
        assert await scene.withdrawals(list_id) == [(promised.number, "promise")]
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [other.number]


async def test_a_promises_silence_ends_with_its_last_day_without_an_event(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    last = DAY + timedelta(days=2)
    await scene.receives(Promise(contract.contract_id, silent_until=last).made())
    for day, listed in ((last, []), (last + timedelta(days=1), [contract.number])):
        await scene.portfolio(business_date=day)
        assert await scene.listed(await scene.built(day)) == listed


async def test_a_promise_whose_time_is_over_withdraws_nothing(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.receives(Promise(contract.contract_id, silent_until=DAY - timedelta(days=1)).made())
    assert await scene.listed(list_id) == [contract.number]


@pytest.mark.parametrize("ending", ["kept", "partly_kept", "broken", "cancelled"])
async def test_the_end_of_a_promise_lifts_its_silence_from_the_next_list_on(scene: Scene, ending: str) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    promise = Promise(contract.contract_id, silent_until=DAY + timedelta(days=9))
    await scene.receives(promise.made())
    await scene.receives(getattr(promise, ending)())
    assert await scene.listed(list_id) == []
    again = await scene.built(campaign_id=await scene.campaign())
    assert await scene.listed(again) == [contract.number]

    await scene.receives(promise.reopened())
    assert await scene.withdrawals(again) == [(contract.number, "promise")]


async def test_an_overtaken_promise_still_withdraws_but_does_not_open_again(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    promise = Promise(contract.contract_id, silent_until=DAY)
    late, broken = promise.made(), promise.broken()
    await scene.receives(broken)
    list_id = await scene.built()
    await scene.receives(late)
    assert await scene.withdrawals(list_id) == [(contract.number, "promise")]
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [contract.number]


async def test_a_promise_silences_a_contract_that_is_registered_later(scene: Scene) -> None:
    contract = scene.contract()
    await scene.receives(Promise(contract.contract_id).made())
    await scene.receives(contract.registered())
    assert await scene.listed(await scene.built()) == []


async def test_while_one_of_two_promises_is_open_the_debtor_is_not_called(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    near, far = (
        Promise(contract.contract_id, silent_until=DAY),
        Promise(contract.contract_id, silent_until=DAY + timedelta(days=30)),
    )
    await scene.receives(near.made(), far.made(), near.kept())
    assert await scene.listed(await scene.built()) == []
