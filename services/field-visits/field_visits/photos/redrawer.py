"""Redraws each photo, in a separate process, before the photo is stored."""

import asyncio
import hashlib
import json
import os
import sys
from dataclasses import dataclass

from chassis import Invalid, Unavailable

REDRAW_SECONDS = 30.0
REDRAWN_AT_ONCE = 2
MOST_WAITING = 10


class NotAPhoto(Invalid):
    """422: the bytes are not a photo that we accept."""

    code = "not-a-photo"


@dataclass(frozen=True)
class Redrawn:
    """A photo as it is stored: a JPEG without metadata."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


class Redrawer:
    """Redraws up to ``REDRAWN_AT_ONCE`` photos at once. ``MOST_WAITING`` further photos wait."""

    def __init__(self) -> None:
        self._here = 0
        self._places = asyncio.Semaphore(REDRAWN_AT_ONCE)

    async def redraw(self, content: bytes) -> Redrawn:
        """Have a separate process redraw the photo. ``NotAPhoto`` when that process refuses, dies or takes too long.

        ``Unavailable`` when too many photos wait already, because each of them is held in memory.
        """
        if self._here >= REDRAWN_AT_ONCE + MOST_WAITING:
            raise Unavailable("Too many photos are being stored. Nothing was changed. Try again.")
        self._here += 1
        try:
            async with self._places:
                answer = await _redrawn(content)
        finally:
            self._here -= 1
        head, _, jpeg = answer.partition(b"\n")
        try:
            header = json.loads(head)
        except ValueError:
            raise NotAPhoto("The photo cannot be read.") from None
        if "problem" in header:
            raise NotAPhoto(header["problem"])
        return Redrawn(jpeg, header["width"], header["height"])


async def _redrawn(content: bytes) -> bytes:
    # -P keeps modules of the current folder from shadowing ours. The process gets no RECOBRO_ variables, so no secrets.
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
        raise NotAPhoto("The photo takes too long to read.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return answer
