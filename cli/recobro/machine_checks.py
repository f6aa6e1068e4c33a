"""The checks of ``recobro doctor`` beside databases and log: settings, keys, photos, disk, the services' readiness."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from recobro_platform import SCOPES, Service

from recobro import keys
from recobro.client import given_token
from recobro.data import DataFolder
from recobro.embedded import readiness_of
from recobro.errors import Trouble
from recobro.finding import Finding, ok, unknown, wrong

if TYPE_CHECKING:
    from chassis import Settings

_LEAST_FREE_BYTES = 1 << 30
_GIB = 1 << 30


def settings(services: Iterable[Service]) -> list[Finding]:
    """Check whether these services could start with the variables that are set here."""
    from recobro.log_settings import WrongSettings, load, settings_of

    mistakes: dict[str, None] = {}
    for service in services:
        try:
            load(settings_of(service))
        except WrongSettings as wrongs:
            mistakes |= dict.fromkeys(wrongs.mistakes)
    return [wrong("settings", mistake) for mistake in mistakes] or [
        ok("settings", "the variables that are set are valid.")
    ]


async def public_keys(settings: "Settings", token: str | None) -> list[Finding]:
    """Check whether services can verify tokens with these settings. ``token`` is a token that they must accept."""
    from chassis.problems import Unauthorised, Unavailable
    from chassis.trust import TokenVerifier

    what, verifier = "public keys", TokenVerifier.of(settings)
    async with verifier.opened():
        found = [wrong(what, f"{sentence}.") for sentence in (*verifier.problems(), *verifier.warnings())]
        found = found or [ok(what, f"{settings.jwt_jwks_url or settings.jwt_public_key_file} can be used.")]
        if token is not None:
            try:
                principal = await verifier.principal([f"Bearer {token}"])
                found.append(ok("token", f"the services accept the token of {principal.subject}."))
            except Unauthorised as refused:
                found.append(wrong("token", f"{refused.detail} Make another: recobro token"))
            except Unavailable:
                found.append(unknown("token", "this check needs the public keys."))
    return found


async def keys_of_folder(data: DataFolder) -> list[Finding]:
    """Check the key set of the local platform, with a token signed by its own key."""
    from recobro.log_settings import LogSettings

    try:
        token = keys.token(data, subject="doctor", scopes=SCOPES, agency_id=None, ttl_seconds=60)
    except (Trouble, OSError, ValueError) as error:
        return [wrong("signing key", str(error))]
    settings = LogSettings.model_construct(
        jwt_public_key_file=keys.public_file(data),
        jwt_deny_file=keys.deny_file(data),
        jwt_issuer=keys.ISSUER,
        jwt_audience=keys.AUDIENCE,
    )
    return await public_keys(settings, token)


async def keys_of_environment() -> list[Finding]:
    """Check the public keys, the deny list and RECOBRO_TOKEN, if they are set."""
    from recobro.log_settings import LogSettings, load

    try:
        settings = load(LogSettings)
    except Trouble:
        return [unknown("public keys", "the settings are wrong.")]
    try:
        token = given_token()
    except Trouble as trouble:
        return [wrong("token", str(trouble))]
    if settings.jwt_public_key_file is None and settings.jwt_jwks_url is None:
        return [unknown("public keys", "neither RECOBRO_JWT_PUBLIC_KEY_FILE nor RECOBRO_JWT_JWKS_URL is set here.")]
    return await public_keys(settings, token)


async def photos(url: str) -> Finding:
    """Check whether photos can be stored at ``url``: store one and delete it."""
    from chassis import Unavailable
    from field_visits.photos.storage import PhotoStorage

    what, storage, photo_id = "photos", PhotoStorage(url), uuid4()
    if missing := _missing_folder(url):
        return wrong(what, f"there is no folder {missing}.")
    try:
        await storage.store(photo_id, b"recobro doctor")
    except Unavailable as error:
        reason = str(error.__cause__).strip().splitlines()
        return wrong(what, f"no photo can be stored at {url}: {reason[0] if reason else 'the storage refuses it'}")
    await storage.delete(photo_id)
    return ok(what, f"photos can be stored at {url}.")


def _missing_folder(url: str) -> str | None:
    """Return the folder of a file URL if it is missing. A check that created it would become its owner."""
    address = urlsplit(url)
    folder = unquote(address.path)
    return folder if address.scheme == "file" and not Path(folder).is_dir() else None


def disk(folder: Path) -> Finding:
    """Check whether the folder's disk has space left."""
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / _GIB:.1f} GiB of {usage.total / _GIB:.0f} GiB are free"
    if usage.free < _LEAST_FREE_BYTES:
        return wrong("disk", f"{free} for {folder}. A full disk stops every write: make room.")
    return ok("disk", f"{free} for {folder}.")


def services_ready(addresses: Mapping[str, str], *, here: bool) -> list[Finding]:
    """Report each service's readiness. ``here`` means that the services run on this machine and must answer."""
    found = []
    for name, address in addresses.items():
        what, readiness = f"{name}, service", readiness_of(address)
        reason = readiness.reason
        found += [wrong(what, f"{warning.rstrip('.')}.") for warning in readiness.warnings]
        if reason is None:
            found.append(ok(what, "the service is ready."))
        elif reason.startswith("the service ") and not here:
            found.append(unknown(what, f"{reason} at {address}/readyz."))
        else:
            found.append(wrong(what, f"{reason.rstrip('.')}."))
    return found
