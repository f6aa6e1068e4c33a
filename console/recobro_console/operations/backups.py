"""The backups that ``recobro backup`` has made of this platform, as it has noted them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.responses import Response

from recobro_console.operations.api import OPERATORS
from recobro_console.pages import CurrentPage, Router

OLD_AFTER = timedelta(hours=26)
"""A day and two hours, as in the alert on the backups of a cluster."""
_SHOWN = 20
router = Router(OPERATORS)


@dataclass(frozen=True)
class Backup:
    """One backup. ``is_there``: its folder still holds it. ``verified_at``: when every dump was read to its end."""

    folder: str
    created_at: datetime
    verified_at: datetime | None
    databases: int
    bytes: int
    keys: bool
    is_there: bool


@router.get("/operations/backups")
async def backups(page: CurrentPage) -> Response:
    """The backups, the newest first. Without a file of notes the console does not know them."""
    file = page.request.app.state.settings.console_backups_file
    found = None if file is None else await asyncio.to_thread(noted_in, file)
    newest = next((each for each in found or () if each.is_there), None)
    return page.show(
        "operations/backups.html",
        found=found,
        newest=newest,
        age_hours=newest and int((datetime.now(UTC) - newest.created_at) / timedelta(hours=1)),
        is_old=newest is None or datetime.now(UTC) - newest.created_at > OLD_AFTER,
    )


def noted_in(file: Path) -> Sequence[Backup]:
    """The last backups of the notes, the newest first. A line that cannot be read is left out."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    return [each for line in reversed(lines[-_SHOWN:]) if (each := _read(line))]


def _read(line: str) -> Backup | None:
    try:
        noted = json.loads(line)
        verified = noted["verified_at"]
        return Backup(
            folder=str(noted["folder"]),
            created_at=datetime.fromisoformat(noted["created_at"]),
            verified_at=None if verified is None else datetime.fromisoformat(verified),
            databases=len(noted["databases"]),
            bytes=int(noted["bytes"]),
            keys=bool(noted["keys"]),
            is_there=Path(noted["folder"], "backup.json").is_file(),
        )
    except (ValueError, TypeError, KeyError):
        return None
