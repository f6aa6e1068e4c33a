"""The files that pages load: scripts and styles, each under an address with the hash of its content.

Third-party files stand in ``static/vendor`` with their licences. ``vendor/hashes.json`` pins each; the console does not
start with another content.
"""

import gzip
import hashlib
import json
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

ROOT = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
}
router = APIRouter(include_in_schema=False)


class WrongVendorFile(Exception):
    """A third-party file is not the one that is pinned."""


@cache
def _content(name: str) -> bytes:
    return (ROOT / name).read_bytes()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_content(name), mtime=0)


@cache
def _names() -> frozenset[str]:
    return frozenset(str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.suffix in _TYPES)


@cache
def address_of(name: str) -> str:
    """The address of a file such as ``console.css``. It changes with the content, so browsers keep it for ever."""
    return f"/static/{hashlib.sha256(_content(name)).hexdigest()[:16]}/{name}"


def check_vendor() -> None:
    """Raises ``WrongVendorFile`` if a third-party file differs from its pinned hash."""
    pinned: dict[str, str] = json.loads((ROOT / "vendor" / "hashes.json").read_text())
    for name, wanted in pinned.items():
        if hashlib.sha256(_content(f"vendor/{name}")).hexdigest() != wanted:
            raise WrongVendorFile(name)


@router.get("/static/{digest}/{name:path}")
async def static(request: Request, digest: str, name: str) -> Response:
    """A file of an address that ``address_of`` has given."""
    if name not in _names() or address_of(name) != f"/static/{digest}/{name}":
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    body = _content(name)
    if "gzip" in request.headers.get("accept-encoding", "") and not name.endswith(".png"):
        body = _compressed(name)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=_TYPES[Path(name).suffix], headers=headers)
