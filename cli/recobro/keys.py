"""The platform's own signing key, made once per data folder, and the tokens signed with it.

The chassis is imported inside the functions: it imports the whole web framework, which takes a second that `recobro
status` can do without.
"""

import fcntl
import getpass
import json
import math
import os
import stat
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr

ISSUER = "recobro"
AUDIENCE = "recobro"
CLIENT = "recobro"
"""The name of this command in the tokens that it makes."""


def public_file(data: DataFolder) -> Path:
    """Return the file in which the services find the public key, as a JWK set."""
    return data.keys / "jwks.json"


def private_file(data: DataFolder) -> Path:
    """Return the file with the key that signs tokens."""
    return data.keys / "private.json"


def deny_file(data: DataFolder) -> Path:
    """Return the file in which the services find the ids of revoked tokens: RECOBRO_JWT_DENY_FILE, if it is set."""
    given = os.environ.get("RECOBRO_JWT_DENY_FILE")
    return Path(given) if given else data.keys / "denied"


def ensure(data: DataFolder) -> None:
    """Make the key pair and the deny list if there is none. Only the holder of the folder's lock may call this."""
    _ensure_keys(data)
    deny_file(data).touch(mode=0o600)


def _ensure_keys(data: DataFolder) -> None:
    private = private_file(data)
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


def rotate(data: DataFolder, *, revoke: bool = False) -> datetime:
    """Make a new signing key. Return until when the services accept tokens of the keys before it.

    That is until the last of their tokens has run out, or with ``revoke`` now. Whenever the command is killed,
    the services accept the key that signs, and it may be run again. Raises ``Trouble`` if the folder has no key yet.
    """
    from chassis.tokens import generate_key, load_private_key, public_member, save_private_key
    from chassis.trust import LEEWAY_SECONDS

    public, private = public_file(data), private_file(data)
    now = int(time.time())
    ends_at = now if revoke else now + longest_ttl_seconds() + LEEWAY_SECONDS
    try:
        (lock_file := data.keys / "lock").touch(mode=0o600)
        with lock_file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            load_private_key(private)
            before: list[dict[str, Any]] = json.loads(public.read_bytes())["keys"]
            fresh = generate_key()
            ended = [each | {"exp": min(each.get("exp", math.inf), ends_at)} for each in before]
            # Services that know only the old keys would refuse the first tokens of the new one.
            _replace_public(public, [public_member(fresh), *before])
            save_private_key(fresh, new := private.with_suffix(".new"))
            new.rename(private)
            _replace_public(public, [public_member(fresh), *(each for each in ended if each["exp"] > now)])
    except FileNotFoundError:
        raise _no_key(data) from None
    except OSError as error:
        raise Trouble(
            tr("The keys in {keys} cannot be replaced: {strerror}.", keys=data.keys, strerror=error.strerror)
        ) from error
    return datetime.fromtimestamp(ends_at, UTC)


def _replace_public(file: Path, members: list[dict[str, Any]]) -> None:
    """Replace the set in one step: a service may read the file at any moment."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"keys": members}, indent=2))
    new.chmod(stat.S_IMODE(file.stat().st_mode))
    new.rename(file)


def _no_key(data: DataFolder) -> Trouble:
    return Trouble(
        tr("{root} has no signing key yet: start the platform once with `recobro up --data {root}`.", root=data.root)
    )


def person() -> str:
    """Return the name of who runs the command, as the operating system has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user may have a number and no name.
        return f"uid-{os.getuid()}"


def longest_ttl_seconds() -> int:
    """Return how long the services accept a token: RECOBRO_JWT_MAX_LIFETIME_SECONDS, or its default."""
    from chassis.settings import DEFAULT_MAX_LIFETIME_SECONDS

    given = os.environ.get("RECOBRO_JWT_MAX_LIFETIME_SECONDS") or str(DEFAULT_MAX_LIFETIME_SECONDS)
    if not given.isdecimal():
        raise Trouble(tr("RECOBRO_JWT_MAX_LIFETIME_SECONDS: the value must be a number of seconds."))
    return int(given)


def token(
    data: DataFolder,
    *,
    subject: str,
    scopes: Iterable[str],
    agency_id: UUID | None,
    ttl_seconds: int,
    audience: str = AUDIENCE,
) -> str:
    """Return a token that this platform's services accept: the agency's, or an operator's.

    With another ``audience`` it is for that program alone.

    Raises ``Trouble`` if the folder has no key yet, or if no service would accept the token.
    """
    from chassis.principals import WrongClaim
    from chassis.tokens import load_private_key, mint

    if ttl_seconds > (longest := longest_ttl_seconds()):
        raise Trouble(
            tr(
                "The services accept a token for {longest} seconds at most. "
                "RECOBRO_JWT_MAX_LIFETIME_SECONDS sets this.",
                longest=longest,
            )
        )
    try:
        key = load_private_key(private_file(data))
    except FileNotFoundError:
        raise _no_key(data) from None
    role = "operator" if agency_id is None else None
    try:
        return mint(
            key, subject, scopes, agency_id, ttl_seconds, role=role, client=CLIENT, issuer=ISSUER, audience=audience
        )
    except WrongClaim as error:
        raise Trouble(str(error)) from error


def revoke(data: DataFolder, token_or_id: str) -> str:
    """Add the token to the deny list and return its id. Raises ``Trouble`` if it is no token, and no id of one."""
    from chassis.principals import WrongToken
    from chassis.trust import DenyList, SignedToken

    token_id = token_or_id
    if token_or_id.count(".") == 2:
        try:
            token_id = str(SignedToken.parse(token_or_id).claims().get("jti"))
        except WrongToken as error:
            raise Trouble(tr("{error} Give the token, or its jti.", error=error)) from error
    if not DenyList.takes(token_id):
        raise Trouble(tr("This is not the id of a token. Give the token, or its jti."))
    file = deny_file(data)
    try:
        with file.open("a+b") as listed:
            listed.seek(0)
            content = listed.read()
            # One write: a service may read the file at any moment.
            listed.write((b"" if content.endswith(b"\n") or not content else b"\n") + f"{token_id}\n".encode())
    except OSError as error:
        raise Trouble(tr("{file} cannot be written: {strerror}.", file=file, strerror=error.strerror)) from error
    return token_id
