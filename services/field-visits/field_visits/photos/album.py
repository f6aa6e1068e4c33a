"""The album: the private folder or bucket that holds the photos."""

import asyncio
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from chassis import Unavailable
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

_TROUBLE = (OSError, BaseError)


class Album:
    """Photos by id. ``Unavailable`` (503) when the folder or bucket is away or full; no photo is ever half written."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: ObjectStore | None = None

    async def keep(self, photo_id: UUID, content: bytes) -> None:
        """Store a photo under its id."""
        try:
            store = await asyncio.to_thread(self._opened)
            await obstore.put_async(store, _name(photo_id), content, mode="create", use_multipart=False)
        except _TROUBLE as error:
            raise Unavailable("The photos cannot be stored now. Nothing was changed; try again.") from error

    async def fetch(self, photo_id: UUID) -> bytes:
        """Return the bytes of a photo."""
        try:
            store = await asyncio.to_thread(self._opened)
            found = await obstore.get_async(store, _name(photo_id))
            return bytes(await found.bytes_async())
        except _TROUBLE as error:
            raise Unavailable("The photos cannot be read now.") from error

    async def drop(self, photo_id: UUID) -> None:
        """Delete a photo that has no row. A failed deletion does no harm: without a row nobody can read the photo."""
        with suppress(*_TROUBLE):
            await obstore.delete_async(self._opened(), _name(photo_id))

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
