"""The platform's own signing key, made once per data folder, and the tokens signed with it.

The chassis is imported inside the functions: it imports the whole web framework, which takes a second that `recobro
status` can do without.
"""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from recobro.data import DataFolder
from recobro.errors import Trouble

ISSUER = "recobro"
AUDIENCE = "recobro"


def public_file(data: DataFolder) -> Path:
    """Return the file in which the services find the public key, as a JWK set."""
    return data.keys / "jwks.json"


def _private_file(data: DataFolder) -> Path:
    return data.keys / "private.json"


def ensure(data: DataFolder) -> None:
    """Make the key pair if there is none. Only the holder of the data folder's lock may call this."""
    private = _private_file(data)
    if private.exists() and public_file(data).exists():
        return
    from chassis.tokens import generate_key, jwks, load_private_key, save_private_key

    if not private.exists():
        data.keys.mkdir(parents=True, exist_ok=True)
        fresh = private.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        save_private_key(generate_key(), fresh)
        fresh.rename(private)
    public_file(data).write_text(jwks(load_private_key(private)))


def token(data: DataFolder, *, subject: str, scopes: Iterable[str], agency_id: UUID | None, ttl_seconds: int) -> str:
    """Return a token that this platform's services accept. Raises ``Trouble`` if the folder has no key yet."""
    from chassis.tokens import load_private_key, mint

    try:
        key = load_private_key(_private_file(data))
    except FileNotFoundError:
        raise Trouble(
            f"{data.root} has no signing key yet: start the platform once with `recobro up --data {data.root}`."
        ) from None
    role = "operator" if agency_id is None else None
    return mint(key, subject, scopes, agency_id, ttl_seconds, role=role, issuer=ISSUER, audience=AUDIENCE)
