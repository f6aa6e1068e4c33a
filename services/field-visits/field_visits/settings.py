"""The settings of field-visits, read from the environment."""

from pathlib import Path

from chassis import Settings
from pydantic import Field


def _folder_here() -> str:
    return Path("photos").absolute().as_uri()


class FieldVisitsSettings(Settings):
    """The chassis's settings, and where photos are kept."""

    photos_url: str = Field(
        default_factory=_folder_here,
        pattern=r"^(file:///|s3://|gs://|az://)[^\x00]+$",
        description=(
            "Where photos are kept: a folder (`file:///…`) or a bucket (`s3://…`, `gs://…`, `az://…`) that nobody else"
            " can read. Default: the folder `photos` where the process was started."
        ),
    )
