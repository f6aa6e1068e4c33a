"""Headers of every answer. A browser may not frame or cache the answer, guess its type, or run a script in it."""

from starlette.types import Message

_DEFAULTS = {
    b"content-security-policy": b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
_SHOWN = (
    b"application/json",
    b"application/problem+json",
    b"text/css",
    b"text/html",
    b"text/javascript",
    b"text/plain",
)


def add_security_headers(start: Message) -> None:
    """Add to an ``http.response.start`` the headers that it does not have.

    An answer of another type than text, JSON or a page is a download, which a browser must not open.
    """
    headers: list[tuple[bytes, bytes]] = start["headers"]
    present = dict(headers)
    headers += [header for header in _DEFAULTS.items() if header[0] not in present]
    media_type = present.get(b"content-type")
    if media_type and not media_type.startswith(_SHOWN) and b"content-disposition" not in present:
        headers.append((b"content-disposition", b"attachment"))
