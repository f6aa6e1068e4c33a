"""How many promises a contract can have."""

from promise_scene import Contract, Scene, code_of, day

_MAKE = """
INSERT INTO promise (contract_id, portfolio_id, currency, made_on, made_in, due_on, silent_until, amount, state)
SELECT $1, $2, 'MXN', $3, 'call', $3, $3, 0.01, $4 FROM generate_series(1, $5) RETURNING promise_id
"""


async def made(scene: Scene, contract: Contract, count: int, *, on: int, state: str) -> None:
    await scene.rows(_MAKE, contract.contract_id, scene.portfolio_id, day(on), state, count)


async def test_on_one_day_a_contract_takes_120_promises_cancelled_ones_included(scene: Scene) -> None:
    contract = await scene.registered()
    await made(scene, contract, 118, on=0, state="cancelled")
    await scene.promise(contract, due=3)
    for answer in (
        await scene.request_plan(contract, (5, "10.00"), (6, "10.00")),
        await scene.request_plan(contract, *((n, "1.00") for n in range(5, 65))),
    ):
        assert (answer.status_code, code_of(answer)) == (409, "too-many-promises")
    await scene.promise(contract, due=4)
    refused = await scene.request_promise(contract, due=5)
    assert (refused.status_code, code_of(refused)) == (409, "too-many-promises")
    assert "120" in refused.json()["detail"]
    await scene.move_business_date(1)
    await scene.plan(contract, (5, "10.00"), (6, "10.00"))


async def test_a_contract_has_at_most_1000_promises_that_are_not_cancelled(scene: Scene) -> None:
    contract = await scene.registered()
    await made(scene, contract, 999, on=-30, state="broken")
    await made(scene, contract, 20, on=-30, state="cancelled")
    await scene.promise(contract, due=3)
    refused = await scene.request_promise(contract, due=4)
    assert (refused.status_code, code_of(refused)) == (409, "too-many-promises")
    assert "1,000" in refused.json()["detail"]


async def test_a_plan_has_at_most_60_instalments(scene: Scene) -> None:
    contract = await scene.registered()
    refused = await scene.request_plan(contract, *((n, "1.00") for n in range(5, 66)))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/instalments")
