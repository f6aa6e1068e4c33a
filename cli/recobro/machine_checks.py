"""The checks of ``recobro doctor`` beside databases and log: settings, keys, files, disk, the services' readiness."""

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
from recobro.language import tr

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
    return [wrong(tr("settings"), mistake) for mistake in mistakes] or [
        ok(tr("settings"), tr("the variables that are set are valid."))
    ]


async def public_keys(settings: "Settings", token: str | None) -> list[Finding]:
    """Check whether services can verify tokens with these settings. ``token`` is a token that they must accept."""
    from chassis.problems import Unauthorised, Unavailable
    from chassis.trust import TokenVerifier

    what, verifier = tr("public keys"), TokenVerifier.of(settings)
    async with verifier.opened():
        found = [wrong(what, f"{sentence}.") for sentence in (*verifier.problems(), *verifier.warnings())]
        found = found or [
            ok(
                what,
                tr("{jwt_jwks_url} can be used.", jwt_jwks_url=settings.jwt_jwks_url or settings.jwt_public_key_file),
            )
        ]
        if token is not None:
            try:
                principal = await verifier.principal([f"Bearer {token}"])
                found.append(
                    ok(tr("token"), tr("the services accept the token of {subject}.", subject=principal.subject))
                )
            except Unauthorised as refused:
                found.append(wrong(tr("token"), tr("{detail} Make another: recobro token", detail=refused.detail)))
            except Unavailable:
                found.append(unknown(tr("token"), tr("this check needs the public keys.")))
    return found


async def keys_of_folder(data: DataFolder) -> list[Finding]:
    """Check the key set of the local platform, with a token signed by its own key."""
    from recobro.log_settings import LogSettings

    try:
        token = keys.token(data, subject="doctor", scopes=SCOPES, agency_id=None, ttl_seconds=60)
    except (Trouble, OSError, ValueError) as error:
        return [wrong(tr("signing key"), str(error))]
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
        return [unknown(tr("public keys"), tr("the settings are wrong."))]
    try:
        token = given_token()
    except Trouble as trouble:
        return [wrong(tr("token"), str(trouble))]
    if settings.jwt_public_key_file is None and settings.jwt_jwks_url is None:
        return [
            unknown(tr("public keys"), tr("neither RECOBRO_JWT_PUBLIC_KEY_FILE nor RECOBRO_JWT_JWKS_URL is set here."))
        ]
    return await public_keys(settings, token)


async def files(what: str, url: str) -> Finding:
    """Check whether files can be stored at ``url``: store one and delete it."""
    from chassis import Unavailable
    from chassis.storage import FileStorage

    storage, file_id = FileStorage(url), uuid4()
    if missing := _missing_folder(url):
        return wrong(what, tr("there is no folder {missing}.", missing=missing))
    try:
        await storage.store(file_id, b"recobro doctor")
    except Unavailable as error:
        reason = str(error.__cause__).strip().splitlines()
        return wrong(
            what,
            tr(
                "no file can be stored at {url}: {why}",
                url=url,
                why=reason[0] if reason else tr("the storage refuses it"),
            ),
        )
    await storage.delete(file_id)
    return ok(what, tr("files can be stored at {url}.", url=url))


def _missing_folder(url: str) -> str | None:
    """Return the folder of a file URL if it is missing. A check that created it would become its owner."""
    address = urlsplit(url)
    folder = unquote(address.path)
    return folder if address.scheme == "file" and not Path(folder).is_dir() else None


def disk(folder: Path) -> Finding:
    """Check whether the folder's disk has space left."""
    usage = shutil.disk_usage(folder)
    free = tr("{free} GiB of {total} GiB are free", free=f"{usage.free / _GIB:.1f}", total=f"{usage.total / _GIB:.0f}")
    if usage.free < _LEAST_FREE_BYTES:
        return wrong(
            tr("disk"), tr("{free} for {folder}. A full disk stops every write: make room.", free=free, folder=folder)
        )
    return ok(tr("disk"), tr("{free} for {folder}.", free=free, folder=folder))


def services_ready(addresses: Mapping[str, str], *, here: bool) -> list[Finding]:
    """Report each service's readiness. ``here`` means that the services run on this machine and must answer."""
    found = []
    for name, address in addresses.items():
        what, readiness = tr("{service}, service", service=name), readiness_of(address)
        reason = readiness.reason
        found += [wrong(what, f"{warning.rstrip('.')}.") for warning in readiness.warnings]
        if reason is None:
            found.append(ok(what, tr("the service is ready.")))
        elif reason.startswith("the service ") and not here:
            found.append(unknown(what, tr("{reason} at {address}/readyz.", reason=tr(reason), address=address)))
        else:
            found.append(wrong(what, f"{tr(reason).rstrip('.')}."))
    return found
