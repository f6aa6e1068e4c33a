"""The whole service as its users see it. Files are loaded when a test calls the loader."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx
from chassis.background import Kept
from portfolio.bank_files.landing import Landed as LandedPayments
from portfolio.bank_files.loader import BankLoader
from portfolio.bank_files.reader.checks import PaymentReading
from portfolio.bank_files.reader.rows import read_payment_file
from portfolio.bank_files.work import Work as PaymentWork
from portfolio.files import queries
from portfolio.files.loader import Loader
from portfolio.files.reader.__main__ import read_file
from portfolio.files.reader.checks import Reading
from portfolio.files.reader.trailers import Controls
from portfolio.files.reading import FileRefused, Landed, ReportRows, layout_options
from portfolio.files.work import Work
from portfolio.stages.stager import Stager
from portfolio.tabular.code_pages import CodePage, CodePages
from portfolio.tabular.layouts import UNKNOWN_LAYOUT, Layout
from portfolio.tabular.profiles import FILE_COLUMNS
from portfolio.tabular.records import FileProblem
from portfolio_builders import until_waiting
from recobro_events import Database, Row

_GOOD = {"debtor_name": "Íñigo Peña", "phone_1": "9995194875", "due_date": "2026-08-01", "amount_due": "100.00"}


async def read_in_thread(work: Work, source: Path, folder: Path, _: ReportRows) -> Landed:
    """Reads a file as the child process does, without the seconds that starting a process takes."""
    try:
        code_pages = CodePages(*(None if p is None else CodePage(p) for p in (work.code_page, work.usual_code_page)))
        summary = await asyncio.to_thread(
            read_file,
            *(
                source,
                folder,
                Reading(work.jurisdiction, work.currency, _layout(work, folder)),
                work.portfolio_id,
                work.creditor_id,
            ),
            *(code_pages, work.amends, Controls(work.control_rows, work.control_amount)),
        )
    except FileProblem as problem:
        raise FileRefused(problem.code, problem.detail) from problem
    return Landed(summary.header, summary.columns, summary.layout, summary.warnings)


def _layout(work: Work, folder: Path) -> Layout:
    options = layout_options(work, folder)
    return Layout.of(json.loads(Path(options[1]).read_text())) if options else UNKNOWN_LAYOUT


class ManualLoader(Loader):
    """Loads only when a test calls ``load_one``."""

    def kept(self) -> list[Kept]:
        return []


async def read_payments_in_thread(work: PaymentWork, source: Path, folder: Path, _: ReportRows) -> LandedPayments:
    """Reads a bank's file as the child process does, without the time that starting a process takes."""
    reading = PaymentReading(work.jurisdiction, work.currency, work.payment_channels, work.channel, work.latest)
    controls = Controls(work.control_rows, work.control_amount)
    try:
        summary = await asyncio.to_thread(read_payment_file, source, folder, reading, work.format, controls)
    except FileProblem as problem:
        raise FileRefused(problem.code, problem.detail) from problem
    return LandedPayments(**asdict(summary))


class ManualBankLoader(BankLoader):
    """Books only when a test calls ``load_one``."""

    def kept(self) -> list[Kept]:
        return []


def row(contract: str = "C-1", instalment: int = 1, **cells: str) -> dict[str, str]:
    """One good row of a file with canonical headers. ``cells`` replaces single cells."""
    return _GOOD | {"contract_number": contract, "instalment_number": str(instalment)} | cells


def csv_of(*rows: dict[str, str], columns: Sequence[str] = FILE_COLUMNS) -> bytes:
    """A file with these columns. Cells of other columns are left out."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def at_rest(stager: Stager) -> None:
    """Wait until each task of the stager has found nothing to do, and waits to be woken."""
    async with asyncio.timeout(240):
        while True:
            waiting = [one for one in stager._wakeup._waiters if not one.done()]
            if len(waiting) == len(stager.kept()):
                return
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class ServiceClient:
    """A client with every scope, with the database and the loader of its service."""

    client: httpx.AsyncClient
    database: Database
    loader: Loader
    bank: BankLoader
    stager: Stager

    async def portfolio(self, **changes: Any) -> UUID:
        creditor = await self.client.post("/v1/creditors", json={"name": "B", "kind": "financial", "country": "MX"})
        new = {"creditor_id": creditor.json()["creditor_id"], "name": "Cards"} | changes
        answer = await self.client.post("/v1/portfolios", json=new)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["portfolio_id"])

    async def upload(
        self,
        portfolio_id: UUID,
        content: bytes,
        as_of: str,
        mode: str = "delta",
        *,
        confirm_future: bool = True,
        **headers: Any,
    ) -> httpx.Response:
        return await self.client.post(
            f"/v1/portfolios/{portfolio_id}/files",
            params={"mode": mode, "as_of": as_of, "filename": "cartera.csv", "confirm_future": confirm_future},
            content=content,
            headers=headers,
        )

    async def load(
        self,
        portfolio_id: UUID,
        *rows: dict[str, str],
        as_of: str = "2026-09-10",
        mode: str = "delta",
        columns: Sequence[str] = FILE_COLUMNS,
    ) -> dict[str, Any]:
        """Upload these rows, load them, and return the file afterwards."""
        answer = await self.upload(portfolio_id, csv_of(*rows, columns=columns), as_of, mode)
        assert answer.status_code == 202, answer.text
        assert await self.loader.load_one()
        return await self.file(answer.json()["file_id"])

    async def send_bank_file(self, portfolio_id: UUID, content: bytes | str, **parameters: Any) -> httpx.Response:
        body = content.encode() if isinstance(content, str) else content
        return await self.client.post(
            f"/v1/portfolios/{portfolio_id}/payment-files", params={"filename": "pagos.csv"} | parameters, content=body
        )

    async def bank_file(self, portfolio_id: UUID, content: bytes | str, **parameters: Any) -> dict[str, Any]:
        """Send a bank's file, book it, and return it afterwards."""
        answer = await self.send_bank_file(portfolio_id, content, **parameters)
        assert answer.status_code == 202, answer.text
        assert await self.bank.load_one()
        found: dict[str, Any] = await self.get(f"/v1/payment-files/{answer.json()['file_id']}")
        return found

    async def bank_rejects(self, file_id: str) -> list[dict[str, Any]]:
        """The rejected rows of a bank's file, cell by cell."""
        found: list[dict[str, Any]] = (await self.get(f"/v1/payment-files/{file_id}/rejected-rows"))["items"]
        return found

    async def file(self, file_id: str) -> dict[str, Any]:
        file: dict[str, Any] = await self.get(f"/v1/files/{file_id}")
        return file

    async def finished(self, file_id: str) -> dict[str, Any]:
        """Wait until a running loader has loaded the file or the file has failed, and return the file."""
        async with asyncio.timeout(240):
            while True:
                file = await self.file(file_id)
                if file["status"] in ("loaded", "failed"):
                    return file
                await asyncio.sleep(0.1)

    async def restaged(self) -> None:
        """Wait until the stager has staged all contracts by the bands of their portfolios."""
        async with asyncio.timeout(240):
            while True:
                if not await self.rows("SELECT FROM restaging"):
                    return
                await asyncio.sleep(0.05)

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def contract(self, portfolio_id: UUID, number: str) -> dict[str, Any]:
        contract: dict[str, Any] = await self.get(f"/v1/contracts/{uuid5(portfolio_id, number)}")
        return contract

    async def pay(self, portfolio_id: UUID, number: str, amount: str, paid_on: str) -> dict[str, Any]:
        answer = await self.client.post(
            f"/v1/contracts/{uuid5(portfolio_id, number)}/payments",
            json={"amount": amount, "paid_on": paid_on, "channel": "spei", "again": True},
        )
        assert answer.status_code == 201, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    async def history(self, portfolio_id: UUID, number: str) -> list[dict[str, Any]]:
        found = await self.get(f"/v1/contracts/{uuid5(portfolio_id, number)}/history")
        items: list[dict[str, Any]] = found["items"]
        return items

    async def rejects(self, file_id: str) -> list[list[str]]:
        """The reject file's lines, header first."""
        answer = await self.client.get(f"/v1/files/{file_id}/rejects")
        assert answer.status_code == 200, answer.text
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))

    async def stage(self, as_of: str, portfolio_id: UUID | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {"as_of": as_of, "confirm_future": True}
        body |= {"portfolio_id": str(portfolio_id)} if portfolio_id else {}
        answer = await self.client.post("/v1/staging-runs", json=body)
        assert answer.status_code == 200, answer.text
        outcome: dict[str, Any] = json.loads(answer.text)
        return outcome

    async def work(self, file_id: str) -> Work:
        """The ``Work`` that the loader passes on for this file."""
        [found] = await self.rows(queries.WORK, UUID(file_id))
        return Work(**dict(found))

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        async with self.database.connection() as connection:
            return await connection.fetch(sql, *arguments)  # type: ignore[no-any-return]

    async def until_waiting(self, backends: int) -> None:
        """Wait until this number of transactions wait for a lock that another transaction holds."""
        await until_waiting(self.database, backends)
