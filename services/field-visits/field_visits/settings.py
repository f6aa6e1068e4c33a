"""The environment of field-visits: the chassis's, and its own."""

from pathlib import Path

from chassis import Settings
from pydantic import Field


def _folder_here() -> str:
    return Path("photos").absolute().as_uri()


class FieldVisitsSettings(Settings):
    """``RECOBRO_PHOTOS_URL``: where photos are kept, a folder (``file:///…``) or a bucket (``s3://…``, ``gs://…``,
    ``az://…``) that nobody else can read. Without it, the folder ``photos`` where the process was started."""

    photos_url: str = Field(default_factory=_folder_here, pattern=r"^(file:///|s3://|gs://|az://)[^\x00]+$")
