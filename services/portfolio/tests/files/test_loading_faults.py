"""Loading that is interrupted continues to the same result. Loading that fails changes nothing."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from fresh_databases import KeptDatabase
from portfolio.files import applying, landing
from portfolio.files.reading import Landed, ReportRows
from portfolio.files.work import Work
from recobro_events import Transaction, step
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised, PortfolioStateChanged
from recobro_events.testing import published
from service_client import ManualLoader, ServiceClient, csv_of, read_in_thread, row


class Killed(Exception):
    """Stands for the death of the process, which rolls back its open transaction."""


async def uploaded(service: ServiceClient, portfolio_id: UUID, *rows: dict[str, str], as_of: str = "2026-09-10") -> str:
    answer = await service.upload(portfolio_id, csv_of(*rows), as_of)
    file_id: str = answer.json()["file_id"]
    return file_id


async def begun(service: ServiceClient, file_id: str) -> Work:
    """Read the file and set its portfolio to loading. None of its contracts are applied yet."""
    await landing.read(service.database, await service.work(file_id), read_in_thread)
    work = await service.work(file_id)
    assert await step(service.database, lambda tx: applying.begin(tx, work))
    return work


async def test_a_file_whose_reading_was_interrupted_is_read_again(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file_id = await uploaded(service, portfolio_id, row("C-1"), row("C-2", amount_due="x"))

    async def dies(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:  # noqa: ARG001
        raise Killed

    with pytest.raises(Killed):
        await landing.read(service.database, await service.work(file_id), dies)
    assert (await service.file(file_id))["status"] == "reading"

    assert await service.loader.load_one()
    file = await service.file(file_id)
    assert (file["status"], file["rows_accepted"], file["rows_rejected"]) == ("loaded", 1, 1)


async def test_a_file_interrupted_between_two_chunks_continues_where_it_stopped(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file_id = await uploaded(service, portfolio_id, *(row(f"C-{n}") for n in range(5)))
    work = await begun(service, file_id)
    for _ in range(2):
        assert await step(service.database, lambda tx: applying.apply_chunk(tx, work, 1))

    async def dies(tx: Transaction) -> None:
        await applying.apply_chunk(tx, work, 1)
        raise Killed

    with pytest.raises(Killed):
        await step(service.database, dies)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "loading"
    assert len(await published(service.database, ContractRegistered)) == 2

    assert await service.loader.load_one()
    assert (await service.file(file_id))["status"] == "loaded"
    registered = await published(service.database, ContractRegistered)
    assert sorted(event.contract_number for event in registered) == [f"C-{n}" for n in range(5)]
    states = await published(service.database, PortfolioStateChanged)
    assert [event.state for event in states] == ["ready", "loading", "ready"]


async def test_two_loaders_on_one_file_apply_every_contract_once(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file_id = await uploaded(service, portfolio_id, *(row(f"C-{n}") for n in range(20)))
    work = await begun(service, file_id)
    await asyncio.gather(*(applying.apply(service.database, work, chunk_contracts=1) for _ in range(3)))

    registered = [event.contract_number for event in await published(service.database, ContractRegistered)]
    assert sorted(registered) == sorted(f"C-{n}" for n in range(20))
    assert [state.state for state in await published(service.database, PortfolioStateChanged)][-1] == "ready"


async def test_a_portfolio_that_another_process_is_loading_is_left_to_it(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await uploaded(service, portfolio_id, row("C-1"))
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slow(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:
        reading.set()
        await go_on.wait()
        return await read_in_thread(work, source, folder, report_rows)

    other = asyncio.create_task(ManualLoader(service.database, intake=slow).load_one())
    await reading.wait()
    assert not await service.loader.load_one()
    go_on.set()
    assert await other
    assert len(await published(service.database, ContractRegistered)) == 1


async def test_a_payment_for_a_contract_of_an_open_chunk_is_applied_right_after_the_chunk(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", amount_due="100.00"), row("C-2"))
    work = await begun(
        service, await uploaded(service, portfolio_id, row("C-1", amount_due="80.00"), as_of="2026-09-11")
    )
    async with service.database.transaction() as tx:
        assert await applying.apply_chunk(tx, work, 1)
        paying = asyncio.create_task(service.pay(portfolio_id, "C-1", "30.00", paid_on="2026-09-12"))
        elsewhere = await service.pay(portfolio_id, "C-2", "30.00", paid_on="2026-09-10")
        await service.until_waiting(1)
        assert not paying.done()
    assert elsewhere["total_balance"] == "70.00"
    assert (await paying)["total_balance"] == "50.00"

    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "50.00"


async def test_a_payment_right_before_its_chunk_is_absorbed_when_the_file_includes_it(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", amount_due="100.00"))
    file_id = await uploaded(service, portfolio_id, row("C-1", amount_due="80.00"), as_of="2026-09-11")
    await begun(service, file_id)
    await service.pay(portfolio_id, "C-1", "30.00", paid_on="2026-09-11")

    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "80.00"


async def test_a_defect_fails_the_file_and_lets_the_next_one_load(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    broken = await uploaded(service, portfolio_id, row("C-1"))
    behind = await uploaded(service, portfolio_id, row("C-2"), as_of="2026-09-11")

    async def defective(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:
        if str(work.file_id) == broken:
            raise ZeroDivisionError
        return await read_in_thread(work, source, folder, report_rows)

    loader = ManualLoader(service.database, intake=defective)
    assert await loader.load_one()
    file = await service.file(broken)
    assert (file["status"], file["error_code"]) == ("failed", "internal")
    assert await loader.load_one()
    assert (await service.file(behind))["status"] == "loaded"
    assert len(await published(service.database, ContractRegistered)) == 1


async def test_a_defect_while_applying_lets_the_portfolio_be_ready_again(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file_id = await uploaded(service, portfolio_id, row("C-1"), row("C-2"))
    await begun(service, file_id)
    database = service.database
    assert isinstance(database, KeptDatabase)
    await database.execute_as_owner("ALTER TABLE contract ADD CONSTRAINT defect CHECK (contract_number <> 'C-2')")
    try:
        assert await service.loader.load_one()
    finally:
        await database.execute_as_owner("ALTER TABLE contract DROP CONSTRAINT defect")

    assert (await service.file(file_id))["status"] == "failed"
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["state"] == "ready"
    again = await service.upload(portfolio_id, csv_of(row("C-1"), row("C-2")), "2026-09-10")
    assert (again.status_code, again.json()["file_id"]) == (202, file_id)
    assert await service.loader.load_one()
    assert (await service.file(file_id))["status"] == "loaded"
    revised = [event.contract_number for event in await published(service.database, ContractRevised)]
    assert revised == ["C-1"]


async def test_a_snapshot_interrupted_while_it_closes_contracts_continues(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}") for n in range(10)))
    answer = await service.upload(portfolio_id, csv_of(*(row(f"C-{n}") for n in range(8))), "2026-09-10", "snapshot")
    work = await begun(service, answer.json()["file_id"])
    while await step(service.database, lambda tx: applying.apply_chunk(tx, work, 4)):
        pass
    assert await step(service.database, lambda tx: applying.withdraw_chunk(tx, work, 1))

    assert await service.loader.load_one()
    withdrawn = [e for e in await published(service.database, ContractRevised) if e.state == "withdrawn"]
    assert {event.contract_id for event in withdrawn} == {uuid5(portfolio_id, f"C-{n}") for n in (8, 9)}
    assert len(withdrawn) == 2


async def test_leftovers_of_a_dead_process_are_deleted(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    await service.rows("INSERT INTO file_part SELECT file_id, 0, 'left' FROM file")
    await service.rows(
        "INSERT INTO file_contract (file_id, contract_number, contract_id, incomplete)"
        " SELECT file_id, 'C-1', file_id, false FROM file"
    )
    await service.loader.clear_leftovers()

    assert await service.rows("SELECT FROM file_part") == await service.rows("SELECT FROM file_contract") == []
