"""Full disks: a small file system in memory takes a folder's place."""

import asyncio
import contextlib
import io
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from faults.findings import Finding
from faults.world import AS_OF, World
from PIL import Image

_BLOCK = 4096


class CannotMount(Exception):
    """This machine cannot mount a file system. The message has the reason."""


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a file system of ``size`` at ``folder`` until the block ends. Raises ``CannotMount``."""
    if os.geteuid() != 0:
        raise CannotMount("mounting a small file system needs root")
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "recobro-faults", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        raise CannotMount(mounted.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk of ``folder`` until the block ends."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * _BLOCK)
    try:
        yield
    finally:
        filler.unlink()


async def fill_postgres(world: World) -> None:
    """Fill PostgreSQL's disk. PostgreSQL refuses writes, or ends and is restarted until there is space."""
    world.fault("disk of PostgreSQL full")
    with filled(world.data.postgres):
        await asyncio.sleep(6)
    await asyncio.sleep(1)


async def fill_photos(world: World) -> None:
    """Fill the disk of photos. An upload gets 503, and leaves no row and no partial file. A later upload succeeds."""
    folder = world.data.root / "photos"
    with small_disk(folder, "1m"):
        path, content = await _visit(world), await asyncio.to_thread(_photo)
        async with _uploads(world) as upload:
            with filled(folder):
                world.fault("disk of photos full")
                refused = await upload(path, content)
                left = [file.name for file in folder.rglob("*") if file.is_file() and file.name != "filler"]
            rows = await world.books.rows("field-visits", "SELECT FROM photo")
            if refused.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                world.findings.append(Finding("answer", f"{refused.status_code}, not 503", "disk of photos full"))
            if left or rows:
                world.findings.append(Finding("phantom", f"{left}, {len(rows)} rows", "disk of photos full"))
            kept = await upload(path, content)
        if kept.status_code != httpx.codes.CREATED or len([*folder.rglob("*")]) != 1:
            world.findings.append(Finding("lost", f"{kept.status_code} {kept.text[:100]}", "photo sent again"))


@contextlib.asynccontextmanager
async def _uploads(world: World) -> AsyncIterator[Any]:
    """Yield a function that sends a photo, with the same key each time."""
    address, key = world.client.address("field-visits"), str(uuid4())
    async with httpx.AsyncClient(headers=world.client.headers, timeout=60, trust_env=False) as http:

        async def upload(path: str, content: bytes) -> httpx.Response:
            headers = {"Content-Type": "image/jpeg", "Idempotency-Key": key}
            return await http.post(address + path, params={"permission": "true"}, content=content, headers=headers)

        yield upload


async def _visit(world: World) -> str:
    """Order a visit, and return the path for its photos."""
    new = {"contract_id": str(world.plan.take_untouched()), "visitor": "Ana", "visit_on": AS_OF.isoformat()}
    visit = await asyncio.to_thread(world.client.post, "field-visits", "/v1/visits", new)
    return f"/v1/visits/{visit['visit_id']}/photos"


def _photo() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((400, 300), 80).convert("RGB").save(file, "JPEG")
    return file.getvalue()
