"""Photos need permission, are redrawn without hidden data, hashed and private. Hostile files are refused."""

import asyncio
import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from chassis import Unavailable
from chassis.storage import FileStorage
from fastapi import FastAPI
from field_visits.photos import redrawer, redrawing, rules
from PIL import Image
from PIL.ExifTags import GPS, Base
from visits_scene import Scene, moment

pytestmark = pytest.mark.process

_CANARY = b"CANARY-19.4326,-99.1332"


def jpeg(size: tuple[int, int] = (40, 20), colour: str = "red", **saved: Any) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, colour).save(drawn, "JPEG", **saved)
    return drawn.getvalue()


def png(size: tuple[int, int] = (40, 20), mode: str = "RGB", colour: Any = "blue") -> bytes:
    drawn = io.BytesIO()
    Image.new(mode, size, colour).save(drawn, "PNG")
    return drawn.getvalue()


def from_a_phone() -> bytes:
    """A photo of a phone held upright: turned by 90°, with position, maker and a comment."""
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Make] = _CANARY.decode()
    exif.get_ifd(0x8825)[GPS.GPSLatitudeRef] = "N"
    return jpeg(exif=exif.tobytes(), comment=_CANARY)


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few hundred bytes that claims 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
async def visit(scene: Scene) -> str:
    return await scene.ordered(await scene.known_contract())


async def send(scene: Scene, visit: str, content: bytes, **query: Any) -> httpx.Response:
    headers = query.pop("headers", {})
    return await scene.client.post(
        f"/v1/visits/{visit}/photos", params={"permission": "true"} | query, content=content, headers=headers
    )


def stored(photo_folder: Path) -> list[Path]:
    """The stored files. Checks that only the owner can read the folder."""
    if not photo_folder.exists():
        return []
    assert photo_folder.stat().st_mode & 0o077 == 0
    return list(photo_folder.iterdir())


async def test_a_photo_is_stored_without_hidden_data(scene: Scene, visit: str, photo_folder: Path) -> None:
    sent = from_a_phone()
    assert _CANARY in sent
    answer = await send(scene, visit, sent, at=moment(), latitude="19.4326", longitude="-99.1332")
    assert answer.status_code == 201
    photo = answer.json()
    assert (photo["width"], photo["height"]) == (20, 40), "upright"
    assert photo["taken_at"] == moment()
    assert photo["position"] == {"latitude": 19.4326, "longitude": -99.1332, "accuracy_metres": None}
    served = await scene.get(f"/v1/photos/{photo['photo_id']}")
    assert served.headers["content-type"] == "image/jpeg"
    assert served.headers["ratelimit-policy"].startswith('"transfer";')
    assert served.headers["cache-control"] == "no-store"
    assert served.headers["content-disposition"] == f'inline; filename="foto-{photo["photo_id"]}.jpg"'
    assert hashlib.sha256(served.content).hexdigest() == photo["sha256"]
    assert len(served.content) == photo["size_bytes"]
    assert _CANARY not in served.content
    with Image.open(io.BytesIO(served.content)) as drawn:
        assert dict(drawn.getexif()) == {}
        assert "comment" not in drawn.info
    assert (await scene.get(f"/v1/visits/{visit}/photos")).json() == {"items": [photo], "next_cursor": None}
    assert (await scene.visit(visit))["photos"] == 1
    [file] = stored(photo_folder)
    assert file.name == f"{photo['photo_id']}.jpg"


@pytest.mark.parametrize("permission", [None, "false", "1", "TRUE"])
async def test_no_photo_without_permission(
    scene: Scene, visit: str, permission: str | None, photo_folder: Path
) -> None:
    query = {} if permission is None else {"permission": permission}
    answer = await scene.client.post(f"/v1/visits/{visit}/photos", params=query, content=jpeg())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/permission")
    assert stored(photo_folder) == []


@pytest.mark.parametrize(
    "content",
    [
        png(mode="RGBA", colour=(255, 0, 0, 0)),
        png(mode="L", colour=7),
        png(mode="1", colour=1),
        png(mode="P", colour=3),
        png(mode="I;16", colour=3000),
        jpeg(quality=95, progressive=True),
    ],
)
async def test_every_kind_of_jpeg_and_png_is_accepted(scene: Scene, visit: str, content: bytes) -> None:
    answer = await send(scene, visit, content, headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 201, answer.text


async def test_a_cmyk_photo_of_40_megapixels_is_accepted_and_a_larger_one_is_refused(scene: Scene, visit: str) -> None:
    drawn = io.BytesIO()
    Image.new("CMYK", (8000, 5000)).save(drawn, "JPEG")
    assert (await send(scene, visit, drawn.getvalue())).status_code == 201
    answer = await send(scene, visit, jpeg((8000, 5001)))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recobro:problem:not-a-photo")


def _gif() -> bytes:
    drawn = io.BytesIO()
    Image.new("P", (4, 4)).save(drawn, "GIF")
    return drawn.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a photo",
        b"\xff\xd8\xff",
        jpeg((400, 400))[:-400],
        png((400, 400))[:-30],
        _gif(),
        b"BM" + bytes(100),
        b"%PDF-1.7\n" + jpeg(),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        png_bomb(),
        png_bomb(7000, 6000),
        bytes(range(256)) * 100,
    ],
)
async def test_a_file_that_is_no_photo_is_refused(scene: Scene, visit: str, content: bytes, photo_folder: Path) -> None:
    answer = await send(scene, visit, content, headers={"Content-Type": "image/jpeg"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recobro:problem:not-a-photo")
    assert await scene.rows("SELECT FROM photo") == []
    assert stored(photo_folder) == []


async def test_data_appended_to_a_photo_is_removed(scene: Scene, visit: str) -> None:
    answer = await send(scene, visit, jpeg() + b"<script>alert(1)</script>PK\x03\x04" + _CANARY)
    assert answer.status_code == 201
    served = await scene.get(f"/v1/photos/{answer.json()['photo_id']}")
    assert _CANARY not in served.content
    assert b"<script>" not in served.content


async def test_a_photo_of_more_than_ten_megabytes_is_refused(scene: Scene, visit: str) -> None:
    answer = await send(scene, visit, jpeg() + bytes(rules.MOST_BYTES))
    assert answer.status_code == 413
    assert (await send(scene, visit, jpeg() + bytes(rules.MOST_BYTES - 10_000))).status_code == 201


async def test_the_same_photo_sent_again_is_stored_once(scene: Scene, visit: str, photo_folder: Path) -> None:
    one = await send(scene, visit, jpeg(), headers={"Idempotency-Key": "p"})
    again = await send(scene, visit, jpeg(), headers={"Idempotency-Key": "p"})
    at_once = await asyncio.gather(*(send(scene, visit, jpeg(colour="green")) for _ in range(3)))
    assert one.json() == again.json()
    assert len({answer.json()["photo_id"] for answer in at_once}) == 1
    assert len(stored(photo_folder)) == 2, "no file of a repeated photo is left"
    other = await send(scene, visit, jpeg(colour="white"), headers={"Idempotency-Key": "p"})
    assert other.json()["type"] == "urn:recobro:problem:idempotency-key-reused"


async def test_a_visit_may_have_20_photos(scene: Scene, visit: str, photo_folder: Path) -> None:
    one = (await send(scene, visit, jpeg())).json()
    async with scene.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO photo (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, recorded_by)"
            " SELECT gen_random_uuid(), $1, n::text::bytea, '', 1, 1, 1, now(), '' FROM generate_series(1, 18) AS n",
            one["visit_id"],
        )
    answers = await asyncio.gather(*(send(scene, visit, jpeg(colour=colour)) for colour in ("blue", "green")))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    full = await send(scene, visit, jpeg(colour="white"))
    assert (full.status_code, full.json()["type"]) == (409, "urn:recobro:problem:too-many-photos")
    assert len(stored(photo_folder)) == 2


async def test_the_visits_of_a_contract_get_60_photos_a_day(scene: Scene) -> None:
    first, second = await scene.ordered_days(await scene.known_contract(), 2)
    async with scene.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO photo (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, recorded_by)"
            " SELECT gen_random_uuid(), $1::text::uuid, n::text::bytea, '', 1, 1, 1, now(), ''"
            " FROM generate_series(1, $2::integer) AS n",
            first,
            rules.MOST_PHOTOS_IN_A_DAY,
        )
    full = await send(scene, second, jpeg())
    assert (full.status_code, full.json()["type"]) == (409, "urn:recobro:problem:too-many-photos")
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE photo SET recorded_at = recorded_at - interval '1 day'")
    assert (await send(scene, second, jpeg())).status_code == 201


async def test_a_photo_that_would_be_stored_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = redrawing.redraw(jpeg())[1]
    monkeypatch.setattr(redrawing, "MOST_STORED_BYTES", len(drawn))
    redrawing.redraw(jpeg())
    monkeypatch.setattr(redrawing, "MOST_STORED_BYTES", len(drawn) - 1)
    with pytest.raises(redrawing.Refused):
        redrawing.redraw(jpeg())


async def test_only_a_few_photos_wait_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    done = asyncio.Event()

    async def redrawn(_content: bytes) -> bytes:
        await done.wait()
        return b'{"width": 1, "height": 1}\n'

    monkeypatch.setattr(redrawer, "_redrawn", redrawn)
    drawer, most = redrawer.Redrawer(), redrawer.REDRAWN_AT_ONCE + redrawer.MOST_WAITING
    waiting = [asyncio.create_task(drawer.redraw(b"photo")) for _ in range(most)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await drawer.redraw(b"one too many")
    waiting[-1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[-1]
    waiting[-1] = asyncio.create_task(drawer.redraw(b"photo"))
    await asyncio.sleep(0)
    done.set()
    assert len(await asyncio.gather(*waiting)) == most


async def test_photos_are_accepted_only_from_a_visit_that_began(scene: Scene) -> None:
    contract = await scene.known_contract()
    done, cancelled = await scene.ordered_days(contract, 2)
    await scene.result(done)
    await scene.receives(contract.paid())
    assert (await send(scene, done, jpeg())).status_code == 201, "the phone may have been offline"
    assert (await send(scene, cancelled, jpeg(), at=moment())).status_code == 201, "taken before the cancellation"
    answer = await send(scene, cancelled, jpeg(colour="green"))
    assert (answer.status_code, answer.json()["reason"]) == (409, "payment")


@pytest.mark.parametrize(
    "query",
    [
        {"latitude": "19"},
        {"latitude": "nan", "longitude": "0"},
        {"latitude": "91", "longitude": "0"},
        {"latitude": "1_9", "longitude": "0"},
        {"accuracy_metres": "5"},
        {"at": "2999-01-01T00:00:00Z"},
        {"at": "now"},
    ],
)
async def test_bad_positions_and_times_are_refused(scene: Scene, visit: str, query: dict[str, str]) -> None:
    answer = await send(scene, visit, jpeg(), **query)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) in ((422, "invalid"), (422, "in-the-future"))


async def test_without_storage_no_photo_is_recorded(scene: Scene, visit: str, app: FastAPI, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    app.state.photo_storage = FileStorage((file / "photos").as_uri())
    answer = await send(scene, visit, jpeg())
    assert answer.status_code == 503
    assert await scene.rows("SELECT FROM photo") == []


async def test_a_stored_photo_that_was_changed_or_deleted_is_not_served(
    scene: Scene, visit: str, photo_folder: Path
) -> None:
    photo = (await send(scene, visit, jpeg())).json()
    [file] = stored(photo_folder)
    file.write_bytes(jpeg(colour="black"))
    assert (await scene.get(f"/v1/photos/{photo['photo_id']}")).status_code == 503
    file.unlink()
    assert (await scene.get(f"/v1/photos/{photo['photo_id']}")).status_code == 503


async def test_a_decoder_that_takes_too_long_is_stopped(
    scene: Scene, visit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrawer, "REDRAW_SECONDS", 0.001)
    answer = await send(scene, visit, jpeg())
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recobro:problem:not-a-photo")
