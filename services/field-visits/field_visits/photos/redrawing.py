"""Redraw a photo in a process of its own, with limits. The process drops any data that is hidden in the file.

    python -m field_visits.photos.redrawing < PHOTO

prints one line of JSON, {width, height} or {"problem": detail}, and after it the photo as a JPEG without metadata.
Only the first picture of a file is drawn.
"""

import io
import json
import resource
import sys
import warnings
from contextlib import suppress

from PIL import Image, ImageOps, UnidentifiedImageError

from field_visits.photos.rules import FORMATS, MOST_PIXELS, MOST_STORED_BYTES

MEMORY_BYTES = 1024**3
CPU_SECONDS = 20
# Pillow calls a phone's JPEG with several pictures an MPO.
_ACCEPTED = frozenset({*FORMATS, "MPO"})
_QUALITY = 85


class Refused(Exception):
    """The bytes are not a photo that we accept."""


def redraw(content: bytes) -> tuple[Image.Image, bytes]:
    """Return the picture and its JPEG. ``Refused`` when the bytes are no photo, are damaged or have too many pixels."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as photo:
            if photo.format not in _ACCEPTED:
                raise Refused("The file is neither a JPEG nor a PNG.")
            photo.load()
            picture = _upright(photo)
    except UnidentifiedImageError:
        raise Refused("The file is neither a JPEG nor a PNG.") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refused(f"The photo has more than {MOST_PIXELS} pixels.") from None
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError):
        raise Refused("The photo is damaged.") from None
    drawn = io.BytesIO()
    picture.save(drawn, "JPEG", quality=_QUALITY)
    if drawn.tell() > MOST_STORED_BYTES:
        raise Refused(f"The photo has more than {MOST_STORED_BYTES} bytes as it would be stored.")
    return picture, drawn.getvalue()


def _upright(photo: Image.Image) -> Image.Image:
    """Return a new picture with only the pixels of ``photo``, turned upright by its EXIF orientation."""
    with suppress(OSError, SyntaxError, ValueError, TypeError, KeyError, ZeroDivisionError):
        photo = ImageOps.exif_transpose(photo)
    canvas = Image.new("RGB", photo.size, "white")
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        canvas.paste(photo, mask=photo)
    else:
        canvas.paste(photo.convert("RGB"))
    return canvas


def _limit_resources() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        # Not every system supports all of these limits.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


def main() -> int:
    """Run the command above."""
    _limit_resources()
    try:
        picture, drawn = redraw(sys.stdin.buffer.read())
    except Refused as refused:
        sys.stdout.write(json.dumps({"problem": str(refused)}) + "\n")
        return 1
    sys.stdout.buffer.write(json.dumps({"width": picture.width, "height": picture.height}).encode() + b"\n")
    sys.stdout.buffer.write(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
