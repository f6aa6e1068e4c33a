"""The settings of portfolio, read from the environment."""

from pathlib import Path

from chassis import Settings
from pydantic import Field


def _folder_here() -> str:
    return Path("receipts").absolute().as_uri()


class PortfolioSettings(Settings):
    """The chassis's settings, and the storage of receipts."""

    receipts_url: str = Field(
        default_factory=_folder_here,
        pattern=r"^(file:///|s3://|gs://|az://)[^\x00]+$",
        description=(
            "Storage of the receipts of notices: a folder (`file:///…`) or a bucket (`s3://…`, `gs://…`, `az://…`) that"
            " nobody else can read. Default: the folder `receipts` in the working directory."
        ),
    )
