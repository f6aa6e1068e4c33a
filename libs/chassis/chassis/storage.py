"""The storage of files that people upload, such as photos: a private folder or bucket.

It is the extra ``storage``, because few services keep files.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from chassis.problems import Problem, Unavailable

_Row = TypeVar("_Row")
_FAILURES = (OSError, BaseError)


class FileStorage:
    """Stores files by id, each whole or not at all, in names that end in ``suffix``.

    ``Unavailable`` (503) when the folder or bucket fails.
    """

    def __init__(self, url: str, suffix: str = "") -> None:
        self._url, self._suffix = url, suffix
        self._store: ObjectStore | None = None

    async def store(self, file_id: UUID, content: bytes) -> None:
        """Store a file under its id."""
        try:
            opened = await asyncio.to_thread(self._opened)
            await obstore.put_async(opened, self._name(file_id), content, mode="create", use_multipart=False)
        except _FAILURES as error:
            raise Unavailable("The file cannot be stored now. Nothing was changed. Try again.") from error

    async def store_with_row(
        self, file_id: UUID, content: bytes, record: Callable[[], Awaitable[tuple[_Row, bool]]]
    ) -> _Row:
        """Store a file, and call ``record``, which commits its row and returns the row and whether it is new.

        The file is deleted again if ``record`` raises a ``Problem`` or its row is not new. After any other error the
        file stays, because the row may be committed. Nobody can read a file without a row.
        """
        await self.store(file_id, content)
        try:
            row, is_new = await record()
        except Problem:
            await self.delete(file_id)
            raise
        if not is_new:
            await self.delete(file_id)
        return row

    async def fetch(self, file_id: UUID) -> bytes:
        """Return the bytes of a file."""
        try:
            opened = await asyncio.to_thread(self._opened)
            found = await obstore.get_async(opened, self._name(file_id))
            return bytes(await found.bytes_async())
        except _FAILURES as error:
            raise Unavailable("The file cannot be read now.") from error

    async def delete(self, file_id: UUID) -> None:
        """Delete a file that has no row. A failed deletion does no harm: without a row nobody can read the file."""
        with suppress(*_FAILURES):
            await obstore.delete_async(self._opened(), self._name(file_id))

    async def erase(self, file_id: UUID) -> None:
        """Delete a file of a person who was erased. One that is gone already is no fault."""
        try:
            opened = await asyncio.to_thread(self._opened)
            with suppress(FileNotFoundError, NotFoundError):
                await obstore.delete_async(opened, self._name(file_id))
        except _FAILURES as error:
            raise Unavailable("The file cannot be deleted now.") from error

    def _opened(self) -> ObjectStore:
        if self._store is None:
            address = urlsplit(self._url)
            if address.scheme == "file":
                folder = Path(unquote(address.path))
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._store = LocalStore(folder)
            else:
                self._store = from_url(self._url)
        return self._store

    def _name(self, file_id: UUID) -> str:
        return f"{file_id}{self._suffix}"
