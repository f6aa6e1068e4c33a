"""The files of receipts: the proof of a notice, stored as it was sent, with the hash that the notice states."""

import hashlib
import uuid
from uuid import UUID

from chassis import Conflict, Invalid, NotFound, Unavailable
from chassis.storage import FileStorage
from recobro_events import Database, Row, Transaction

from portfolio.ladder import receipts_queries as queries
from portfolio.ladder.notices import Notice
from portfolio.ledger.erased import refuse_erased
from portfolio.ledger.history import Line
from portfolio.ledger.history import record as record_lines
from portfolio.ledger.locking import lock_contract

MOST_BYTES = 10 * 1024 * 1024
_TYPES = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
"""What may be a receipt, by the bytes with which it begins. Its name or declared type decides nothing."""
_MOST_ERASED = 100


class NoticeUnknown(NotFound):
    code = "notice-unknown"
    detail = "There is no such notice."


class ReceiptUnknown(NotFound):
    code = "receipt-unknown"
    detail = "The notice has no receipt's file."


class NotAReceipt(Invalid):
    code = "not-a-receipt"
    detail = "The file is neither a PDF, a JPEG nor a PNG."


class ReceiptDiffers(Conflict):
    code = "receipt-differs"
    detail = "The file is not the one whose SHA-256 the notice states."


async def store(database: Database, storage: FileStorage, notice_id: UUID, content: bytes) -> Notice:
    """Store the receipt's file of a notice. A notice without a hash gets that of the file. Repeating changes nothing.

    No database connection is held while the file is stored. A stored file that is refused is deleted again.
    Raises ``NoticeUnknown``, ``NotAReceipt``, ``ReceiptDiffers`` and ``PersonErased``.
    """
    media_type = next((found for head, found in _TYPES.items() if content.startswith(head)), None)
    if media_type is None:
        raise NotAReceipt()
    sha256 = hashlib.sha256(content).hexdigest()
    async with database.connection() as connection:
        notice = await connection.fetchrow(queries.NOTICE, notice_id)
    _check(notice, sha256)
    receipt_id = uuid.uuid4()

    async def record() -> tuple[Row, bool]:
        async with database.transaction() as tx:
            return await _record(tx, notice_id, (receipt_id, sha256, media_type, len(content)))

    return Notice.model_validate(dict(await storage.store_with_row(receipt_id, content, record)))


def _check(notice: Row | None, sha256: str) -> None:
    if notice is None:
        raise NoticeUnknown()
    refuse_erased(notice)
    if notice["receipt_sha256"] not in (None, sha256):
        raise ReceiptDiffers()


async def _record(tx: Transaction, notice_id: UUID, receipt: tuple[UUID, str, str, int]) -> tuple[Row, bool]:
    """Return the notice, and whether the file is new: the same one may have arrived twice at once."""
    contract_id = await tx.fetchval(queries.CONTRACT, notice_id)
    await lock_contract(tx, contract_id)
    notice = await tx.fetchrow(queries.NOTICE, notice_id)
    _check(notice, receipt[1])
    assert notice is not None
    is_new = notice["receipt_id"] is None
    if is_new:
        await tx.execute(queries.RECORD, notice_id, *receipt)
        data = {"notice_id": notice_id, "kind": notice["kind"], "sha256": receipt[1]}
        await record_lines(tx, [Line(contract_id, "receipt_stored", f"receipt of the {notice['kind']} stored", data)])
    row = await tx.fetchrow(queries.SHOWN, notice_id)
    assert row is not None
    return row, is_new


async def fetch(database: Database, storage: FileStorage, notice_id: UUID) -> tuple[bytes, str]:
    """Return the file and its media type. Raises ``NoticeUnknown``, ``ReceiptUnknown``, and ``Unavailable`` when its
    bytes have changed."""
    async with database.connection() as connection:
        notice = await connection.fetchrow(queries.NOTICE, notice_id)
    if notice is None:
        raise NoticeUnknown()
    if notice["receipt_id"] is None:
        raise ReceiptUnknown()
    content = await storage.fetch(notice["receipt_id"])
    if hashlib.sha256(content).hexdigest() != notice["receipt_sha256"]:
        raise Unavailable("The stored bytes of the receipt have changed.")
    return content, notice["receipt_type"]


async def delete_erased(database: Database, storage: FileStorage) -> bool:
    """Delete some files of persons who were erased. Returns False when none is left.

    Raises ``Unavailable`` when the storage fails; nothing is forgotten then.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(queries.ERASED, _MOST_ERASED)
    for row in rows:
        await storage.erase(row["receipt_id"])
        async with database.connection() as connection:
            await connection.execute(queries.DELETED, row["receipt_id"])
    return bool(rows)
