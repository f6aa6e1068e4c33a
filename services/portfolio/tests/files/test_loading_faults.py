"""Loading that is cut off, disturbed or fails: it ends as if nothing had happened, or changes nothing."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from portfolio.files import applying, landing
from portfolio.files.landing import Work
from recobro_events import Transaction, step
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised, PortfolioStateChanged
from recobro_events.testing import published
from service_client import Desk, LoaderOnCall, csv_of, in_thread, row


class Killed(Exception):
    """The process died here: nothing of its open transaction stays."""


async def uploaded(desk: Desk, portfolio_id: UUID, *rows: dict[str, str], as_of: str = "2026-09-10") -> str:
    answer = await desk.upload(portfolio_id, csv_of(*rows), as_of)
    file_id: str = answer.json()["file_id"]
    return file_id


async def begun(desk: Desk, file_id: str) -> Work:
    """The file has been read and its portfolio is loading; nothing of it is applied."""
    await landing.read(desk.database, await desk.work(file_id), in_thread)
    work = await desk.work(file_id)
    assert await step(desk.database, lambda tx: applying.begin(tx, work))
    return work


async def test_a_file_cut_off_while_it_was_read_is_read_again(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    file_id = await uploaded(desk, portfolio_id, row("C-1"), row("C-2", amount_due="x"))

    async def dies(work: Work, source: Path, folder: Path) -> Sequence[str]:  # noqa: ARG001
        raise Killed

    with pytest.raises(Killed):
        await landing.read(desk.database, await desk.work(file_id), dies)
    assert (await desk.file(file_id))["status"] == "reading"

    assert await desk.loader.load_one()
    file = await desk.file(file_id)
    assert (file["status"], file["rows_accepted"], file["rows_rejected"]) == ("loaded", 1, 1)


async def test_a_file_cut_off_between_two_chunks_goes_on_where_it_was(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    file_id = await uploaded(desk, portfolio_id, *(row(f"C-{n}") for n in range(5)))
    work = await begun(desk, file_id)
    for _ in range(2):
        assert await step(desk.database, lambda tx: applying.apply_chunk(tx, work, 1))

    async def dies(tx: Transaction) -> None:
        await applying.apply_chunk(tx, work, 1)
        raise Killed

    with pytest.raises(Killed):
        await step(desk.database, dies)
    assert (await desk.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "loading"
    assert len(await published(desk.database, ContractRegistered)) == 2

    assert await desk.loader.load_one()
    assert (await desk.file(file_id))["status"] == "loaded"
    registered = await published(desk.database, ContractRegistered)
    assert sorted(event.contract_number for event in registered) == [f"C-{n}" for n in range(5)]
    states = await published(desk.database, PortfolioStateChanged)
    assert [event.state for event in states] == ["ready", "loading", "ready"]


async def test_two_loaders_on_one_file_apply_every_contract_once(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    file_id = await uploaded(desk, portfolio_id, *(row(f"C-{n}") for n in range(20)))
    work = await begun(desk, file_id)
    await asyncio.gather(*(applying.apply(desk.database, work, chunk_contracts=1) for _ in range(3)))

    registered = [event.contract_number for event in await published(desk.database, ContractRegistered)]
    assert sorted(registered) == sorted(f"C-{n}" for n in range(20))
    assert [state.state for state in await published(desk.database, PortfolioStateChanged)][-1] == "ready"


async def test_a_portfolio_that_another_process_is_loading_is_left_to_it(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await uploaded(desk, portfolio_id, row("C-1"))
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slow(work: Work, source: Path, folder: Path) -> Sequence[str]:
        reading.set()
        await go_on.wait()
        return await in_thread(work, source, folder)

    other = asyncio.create_task(LoaderOnCall(desk.database, take_in=slow).load_one())
    await reading.wait()
    assert not await desk.loader.load_one()
    go_on.set()
    assert await other
    assert len(await published(desk.database, ContractRegistered)) == 1


async def test_a_payment_for_a_contract_in_a_held_chunk_comes_right_after_it(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, row("C-1", amount_due="100.00"), row("C-2"))
    work = await begun(desk, await uploaded(desk, portfolio_id, row("C-1", amount_due="80.00"), as_of="2026-09-11"))
    async with desk.database.transaction() as tx:
        assert await applying.apply_chunk(tx, work, 1)
        paying = asyncio.create_task(desk.pay(portfolio_id, "C-1", "30.00", paid_on="2026-09-10"))
        elsewhere = await desk.pay(portfolio_id, "C-2", "30.00", paid_on="2026-09-10")
        await desk.until_waiting(1)
        assert not paying.done()
    assert elsewhere["total_balance"] == "70.00"
    assert (await paying)["total_balance"] == "50.00"

    assert await desk.loader.load_one()
    assert (await desk.contract(portfolio_id, "C-1"))["total_balance"] == "50.00"


async def test_a_payment_right_before_its_chunk_is_absorbed_when_the_file_knows_it(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, row("C-1", amount_due="100.00"))
    file_id = await uploaded(desk, portfolio_id, row("C-1", amount_due="80.00"), as_of="2026-09-11")
    await begun(desk, file_id)
    await desk.pay(portfolio_id, "C-1", "30.00", paid_on="2026-09-11")

    assert await desk.loader.load_one()
    assert (await desk.contract(portfolio_id, "C-1"))["total_balance"] == "80.00"


async def test_a_defect_fails_the_file_and_lets_the_next_one_load(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    broken = await uploaded(desk, portfolio_id, row("C-1"))
    behind = await uploaded(desk, portfolio_id, row("C-2"), as_of="2026-09-11")

    async def defective(work: Work, source: Path, folder: Path) -> Sequence[str]:
        if str(work.file_id) == broken:
            raise ZeroDivisionError
        return await in_thread(work, source, folder)

    loader = LoaderOnCall(desk.database, take_in=defective)
    assert await loader.load_one()
    file = await desk.file(broken)
    assert (file["status"], file["error_code"]) == ("failed", "internal")
    assert await loader.load_one()
    assert (await desk.file(behind))["status"] == "loaded"
    assert len(await published(desk.database, ContractRegistered)) == 1


async def test_a_defect_while_applying_lets_the_portfolio_be_ready_again(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    file_id = await uploaded(desk, portfolio_id, row("C-1"), row("C-2"))
    await begun(desk, file_id)
    await desk.rows("ALTER TABLE contract ADD CONSTRAINT defect CHECK (contract_number <> 'C-2')")
    try:
        assert await desk.loader.load_one()
    finally:
        await desk.rows("ALTER TABLE contract DROP CONSTRAINT defect")

    assert (await desk.file(file_id))["status"] == "failed"
    assert (await desk.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "ready"
    again = await desk.upload(portfolio_id, csv_of(row("C-1"), row("C-2")), "2026-09-10")
    assert (again.status_code, again.json()["file_id"]) == (202, file_id)
    assert await desk.loader.load_one()
    assert (await desk.file(file_id))["status"] == "loaded"
    revised = [event.contract_number for event in await published(desk.database, ContractRevised)]
    assert revised == ["C-1"]


async def test_a_snapshot_cut_off_while_it_closes_goes_on(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, *(row(f"C-{n}") for n in range(10)))
    answer = await desk.upload(portfolio_id, csv_of(*(row(f"C-{n}") for n in range(8))), "2026-09-10", "snapshot")
    work = await begun(desk, answer.json()["file_id"])
    while await step(desk.database, lambda tx: applying.apply_chunk(tx, work, 4)):
        pass
    assert await step(desk.database, lambda tx: applying.withdraw_chunk(tx, work, 1))

    assert await desk.loader.load_one()
    withdrawn = [e for e in await published(desk.database, ContractRevised) if e.state == "withdrawn"]
    assert {event.contract_id for event in withdrawn} == {uuid5(portfolio_id, f"C-{n}") for n in (8, 9)}
    assert len(withdrawn) == 2


async def test_what_a_dead_process_left_of_a_finished_file_is_cleared(desk: Desk) -> None:
    portfolio_id = await desk.portfolio()
    await desk.load(portfolio_id, row("C-1"))
    await desk.rows("INSERT INTO file_part SELECT file_id, 0, 'left' FROM file")
    await desk.rows(
        "INSERT INTO file_contract (file_id, contract_number, contract_id, incomplete)"
        " SELECT file_id, 'C-1', file_id, false FROM file"
    )
    await desk.loader.clear_leftovers()

    assert await desk.rows("SELECT FROM file_part") == await desk.rows("SELECT FROM file_contract") == []
