"""The receipt's file of a notice: it has the hash that the notice states, is kept whole, and goes with the person."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from chassis import Unavailable
from chassis.storage import FileStorage
from fastapi import FastAPI
from people_service import ana
from portfolio.ladder import receipts, receipts_queries
from recobro_events import Database, Transaction
from service_client import ServiceClient

PDF = b"%PDF-1.7 a receipt"
PNG = b"\x89PNG\r\n\x1a\n a receipt"


class Receipts:
    """A notice of a contract that is behind, and the folder of the receipts of this test."""

    def __init__(self, service: ServiceClient, folder: Path, storage: FileStorage) -> None:
        self.service, self.folder, self.storage = service, folder, storage
        self.contract_id = UUID(int=0)

    async def notice(self, **proof: str) -> str:
        body = {"kind": "reminder", "channel": "letter", "sent_on": "2026-08-02"}
        path = f"/v1/contracts/{self.contract_id}/notices"
        answer = await self.service.client.post(path, json=body | {"proof": proof or {"registered_number": "RR1"}})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["notice_id"])

    async def put(self, notice_id: str, content: bytes) -> httpx.Response:
        return await self.service.client.put(f"/v1/notices/{notice_id}/receipt", content=content)

    async def get(self, notice_id: str) -> httpx.Response:
        return await self.service.client.get(f"/v1/notices/{notice_id}/receipt")

    def stored(self) -> list[bytes]:
        return [path.read_bytes() for path in self.folder.iterdir()] if self.folder.exists() else []


@pytest.fixture
async def kept(service: ServiceClient, tmp_path: Path) -> Receipts:
    folder = tmp_path / "receipts"
    storage = FileStorage(folder.as_uri())
    transport: Any = service.client._transport
    app: FastAPI = transport.app
    app.state.receipts = storage
    found = Receipts(service, folder, storage)
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1", due_date="2026-08-01", amount_due="100.00"))
    found.contract_id = uuid5(portfolio_id, "A-1")
    return found


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize(("content", "media_type"), [(PDF, "application/pdf"), (PNG, "image/png")])
async def test_a_receipt_is_stored_and_read_back_as_it_was_sent(
    kept: Receipts, content: bytes, media_type: str
) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    notice = await kept.notice(receipt_sha256=sha256)
    assert code(await kept.get(notice)) == (404, "receipt-unknown")
    shown = (await kept.put(notice, content)).json()
    assert (shown["receipt_sha256"], shown["receipt_type"], shown["receipt_bytes"]) == (
        sha256,
        media_type,
        len(content),
    )
    read = await kept.get(notice)
    assert (read.content, read.headers["content-type"]) == (content, media_type)
    assert kept.stored() == [content]
    history = await kept.service.rows("SELECT kind FROM contract_history WHERE kind = 'receipt_stored'")
    assert len(history) == 1


async def test_a_file_with_another_hash_is_refused_and_leaves_nothing(kept: Receipts) -> None:
    notice = await kept.notice(receipt_sha256=hashlib.sha256(PNG).hexdigest())
    assert code(await kept.put(notice, PDF)) == (409, "receipt-differs")
    assert code(await kept.put(notice, b"MZ a program")) == (422, "not-a-receipt")
    assert (await kept.put(notice, PDF + bytes(receipts.MOST_BYTES))).status_code == 413
    assert code(await kept.put(str(UUID(int=1)), PDF)) == (404, "notice-unknown")
    assert code(await kept.get(str(UUID(int=1)))) == (404, "notice-unknown")
    assert kept.stored() == []


async def test_of_two_files_at_once_one_becomes_the_receipt_of_a_notice_without_a_hash(kept: Receipts) -> None:
    notice = await kept.notice()
    answers = await asyncio.gather(*(kept.put(notice, content) for content in (PDF, PNG, PDF, PNG)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    assert kept.stored() == [(await kept.get(notice)).content]


async def test_bytes_that_have_changed_are_not_served(kept: Receipts) -> None:
    notice = await kept.notice()
    await kept.put(notice, PDF)
    [path] = kept.folder.iterdir()
    path.write_bytes(PNG)
    assert (await kept.get(notice)).status_code == 503


async def test_without_storage_nothing_is_recorded(kept: Receipts) -> None:
    notice = await kept.notice()
    kept.folder.write_text("not a folder")
    assert (await kept.put(notice, PDF)).status_code == 503
    assert await kept.service.rows("SELECT FROM notice WHERE receipt_id IS NOT NULL") == []


async def test_the_files_of_an_erased_person_are_deleted_when_the_storage_is_there_again(kept: Receipts) -> None:
    database = kept.service.database
    notice = await kept.notice()
    await kept.put(notice, PDF)
    async with database.transaction() as tx:
        for statement in receipts_queries.ERASE:
            await tx.execute(statement, [kept.contract_id])
    assert code(await kept.get(notice)) == (404, "receipt-unknown")
    away = kept.folder.rename(kept.folder.with_name("away"))
    kept.folder.write_text("not a folder")
    with pytest.raises(Unavailable):
        await receipts.delete_erased(database, FileStorage((kept.folder / "inside").as_uri()))
    kept.folder.unlink()
    away.rename(kept.folder)
    assert await receipts.delete_erased(database, kept.storage)
    assert kept.stored() == []
    assert not await receipts.delete_erased(database, kept.storage)


async def test_a_receipt_whose_commit_is_not_answered_keeps_its_file(
    kept: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    committing = Database.transaction

    @asynccontextmanager
    async def unanswered(database: Database, *arguments: Any, **more: Any) -> AsyncIterator[Transaction]:
        async with committing(database, *arguments, **more) as tx:
            yield tx
        raise ConnectionResetError("after the commit")

    notice_id = await kept.notice()
    with monkeypatch.context() as lost:
        lost.setattr(Database, "transaction", unanswered)
        with pytest.raises(ConnectionResetError):
            await receipts.store(kept.service.database, kept.storage, UUID(notice_id), PDF)
    assert (await kept.get(notice_id)).content == PDF
