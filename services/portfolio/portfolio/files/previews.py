"""How a file would be read, for a person who prepares a profile."""

from typing import IO, Any
from uuid import UUID

from chassis import Invalid, OutputModel
from chassis.languages import Language

from portfolio.files import inspecting
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.profiles import ProfileVersion
from portfolio.files.reading import FileRefused
from portfolio.portfolios.portfolios import Portfolio


class PreviewColumn(OutputModel):
    """``field`` is null for a foreign column. ``confidence`` is 1 where the header is one of ours or the profile's."""

    source: str
    field: str | None
    confidence: float
    examples: list[str]


class RejectReason(OutputModel):
    column: str | None
    code: str
    reason: str


class PreviewReject(OutputModel):
    row_number: int
    errors: list[RejectReason]
    cells: list[str]


class FilePreview(OutputModel):
    """How the first rows would be read.

    ``rows`` are up to 20 good rows as they would be loaded, by field, ``rejects`` up to 20 others. ``warnings`` say
    what is not understood. If the file could not be loaded so, ``problem`` is the code and the first warning why.
    ``profile`` can be kept with ``POST /v1/creditors/{id}/file-profiles``.
    """

    format: str
    encoding: str | None
    separator: str | None
    sheet: str | None
    header_row: int
    columns: list[PreviewColumn]
    rows: list[dict[str, Any]]
    rejects: list[PreviewReject]
    warnings: list[str]
    problem: str | None
    profile: dict[str, Any]
    profile_id: UUID | None


async def make(
    content: IO[bytes], portfolio: Portfolio, profile: ProfileVersion, filename: str, language: Language
) -> FilePreview:
    """Raises ``Invalid`` for a file that cannot be opened."""
    try:
        shown = await inspecting.preview(content, portfolio, profile.layout)
    except FileRefused as refused:
        detail = SENTENCES.said(refused.detail, language)
        raise Invalid(detail, code=refused.code.replace("_", "-")) from refused
    for row in shown["rejects"]:
        for error in row["errors"]:
            error["reason"] = SENTENCES.said(error["reason"], language)
    shown["warnings"] = [SENTENCES.said(warning, language) for warning in shown["warnings"]]
    proposed = {"name": filename.rpartition(".")[0][:200] or filename, **shown["profile"]}
    fields = {name: shown[name] for name in FilePreview.model_fields if name in shown}
    return FilePreview.model_validate({**fields, "profile": proposed, "profile_id": profile.profile_id})
