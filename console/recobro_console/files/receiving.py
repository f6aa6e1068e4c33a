"""A form with a file: its fields, and the file as it arrived, on disk and never whole in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import UploadFile

MOST_FILE_BYTES = 256 * 1024 * 1024
_MOST_OTHER_BYTES = 64 * 1024
_MOST_FIELDS = 20
_CHUNK_BYTES = 256 * 1024


class FileTooLong(Exception):
    """The form has more than ``MOST_FILE_BYTES``, or does not say how long it is."""


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[tuple[dict[str, str], UploadFile | None]]:
    """The fields of the form, and its file if one was chosen. Raises ``FileTooLong`` before anything is read."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MOST_FILE_BYTES + _MOST_OTHER_BYTES:
        raise FileTooLong
    async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
        file = form.get("file")
        fields = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
        yield fields, file if isinstance(file, UploadFile) and file.filename else None


async def chunks(file: UploadFile) -> AsyncIterator[bytes]:
    """The bytes of the file, from its beginning."""
    await file.seek(0)
    while chunk := await file.read(_CHUNK_BYTES):
        yield chunk
