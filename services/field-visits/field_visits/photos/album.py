"""Where photos lie: a private folder or bucket. And the darkroom, where each is drawn anew before it gets there."""

import asyncio
import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from chassis import Invalid, Unavailable
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

REDRAW_SECONDS = 30.0
REDRAWN_AT_ONCE = 2
_TROUBLE = (OSError, BaseError)


class NotAPhoto(Invalid):
    """422: the bytes are not a photo that we take."""

    code = "not-a-photo"


@dataclass(frozen=True)
class Drawn:
    """A photo as it is stored: a JPEG without metadata."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


class Album:
    """Photos by their id. ``Unavailable`` (503) when the folder or bucket is away or full; nothing is half written."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: ObjectStore | None = None
        self._darkroom = asyncio.Semaphore(REDRAWN_AT_ONCE)

    async def redraw(self, content: bytes) -> Drawn:
        """The photo drawn anew by a process of its own; ``NotAPhoto`` when that refuses, dies or takes too long."""
        async with self._darkroom:
            answer = await _redrawn(content)
        head, _, drawn = answer.partition(b"\n")
        try:
            told = json.loads(head)
        except ValueError:
            raise NotAPhoto("It cannot be read.") from None
        if "problem" in told:
            raise NotAPhoto(told["problem"])
        return Drawn(drawn, told["width"], told["height"])

    async def keep(self, photo_id: UUID, content: bytes) -> None:
        """Store it under its id."""
        try:
            store = await asyncio.to_thread(self._opened)
            await obstore.put_async(store, _name(photo_id), content, mode="create", use_multipart=False)
        except _TROUBLE as error:
            raise Unavailable("The photos cannot be stored now. Nothing was changed; try again.") from error

    async def fetch(self, photo_id: UUID) -> bytes:
        """Its bytes."""
        try:
            store = await asyncio.to_thread(self._opened)
            found = await obstore.get_async(store, _name(photo_id))
            return bytes(await found.bytes_async())
        except _TROUBLE as error:
            raise Unavailable("The photos cannot be read now.") from error

    async def drop(self, photo_id: UUID) -> None:
        """Delete one that was stored for nothing; what cannot be deleted is never shown."""
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


async def _redrawn(content: bytes) -> bytes:
    # -P: nothing that happens to lie in the current folder may pass for our program. It gets none of our secrets.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "field_visits.photos.redrawing"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("RECOBRO_")},
    )
    try:
        async with asyncio.timeout(REDRAW_SECONDS):
            answer, _ = await process.communicate(content)
    except TimeoutError:
        raise NotAPhoto("It takes too long to read.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return answer
