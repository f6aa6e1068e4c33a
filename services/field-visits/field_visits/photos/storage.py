"""The storage of photos: a private folder or bucket."""

import asyncio
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from chassis import Unavailable
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

_FAILURES = (OSError, BaseError)


class PhotoStorage:
    """Stores photos by id, each whole or not at all. ``Unavailable`` (503) when the folder or bucket fails."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: ObjectStore | None = None

    async def store(self, photo_id: UUID, content: bytes) -> None:
        """Store a photo under its id."""
        try:
            opened = await asyncio.to_thread(self._opened)
            await obstore.put_async(opened, _name(photo_id), content, mode="create", use_multipart=False)
        except _FAILURES as error:
            raise Unavailable("The photo cannot be stored now. Nothing was changed. Try again.") from error

    async def fetch(self, photo_id: UUID) -> bytes:
        """Return the bytes of a photo."""
        try:
            opened = await asyncio.to_thread(self._opened)
            found = await obstore.get_async(opened, _name(photo_id))
            return bytes(await found.bytes_async())
        except _FAILURES as error:
            raise Unavailable("The photo cannot be read now.") from error

    async def delete(self, photo_id: UUID) -> None:
        """Delete a photo that has no row. A failed deletion does no harm: without a row nobody can read the photo."""
        with suppress(*_FAILURES):
            await obstore.delete_async(self._opened(), _name(photo_id))

    async def erase(self, photo_id: UUID) -> None:
        """Delete a photo of a person who was erased. One that is gone already is no fault."""
        try:
            opened = await asyncio.to_thread(self._opened)
            with suppress(FileNotFoundError, NotFoundError):
                await obstore.delete_async(opened, _name(photo_id))
        except _FAILURES as error:
            raise Unavailable("The photo cannot be deleted now.") from error

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


def _name(photo_id: UUID) -> str:
    return f"{photo_id}.jpg"
