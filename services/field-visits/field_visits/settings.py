"""The settings of field-visits, read from the environment."""

from pathlib import Path

from chassis import Settings
from pydantic import Field


def _folder_here() -> str:
    return Path("photos").absolute().as_uri()


class FieldVisitsSettings(Settings):
    """The chassis's settings, the storage of photos, and the grace of agencies' reports."""

    photos_url: str = Field(
        default_factory=_folder_here,
        pattern=r"^(file:///|s3://|gs://|az://)[^\x00]+$",
        description=(
            "Storage of photos: a folder (`file:///…`) or a bucket (`s3://…`, `gs://…`, `az://…`) that nobody else"
            " can read. Default: the folder `photos` in the working directory."
        ),
    )
    report_grace_days: int = Field(
        default=3,
        ge=0,
        le=30,
        description=(
            "Days after an agency has lost a contract in which the results that it reports still take effect."
            " A later result is kept as a report without effect."
        ),
    )
