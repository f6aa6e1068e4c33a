"""Portfolio files over HTTP."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from chassis import (
    Day,
    IdempotencyKey,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    ShortText,
    WholeParameter,
    WriteTransaction,
    reads,
    streamed_body,
    writes,
)
from chassis.audit import reads_in_bulk
from chassis.future import DAYS_AHEAD
from chassis.languages import Language, ReaderLocale
from chassis.problem_types import also_answers
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from recobro_events import MoneyTotal

from portfolio.files import (
    deciding,
    findings,
    inspecting,
    previews,
    profiles,
    rejected_rows,
    rejects,
    returning,
    uploads,
    views,
)
from portfolio.files.answers import ANY_FILE, all_worded, language_of, of_rejects, worded
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.finding_kinds import FindingKind
from portfolio.files.findings import Finding
from portfolio.files.previews import FilePreview
from portfolio.files.profiles import FileProfile, NewProfile
from portfolio.files.rejected_rows import RejectedRows
from portfolio.files.returning import NewReturn, PortfolioReturn
from portfolio.files.template import TemplateFormat, template, workbook
from portfolio.files.uploads import Controls, Identity
from portfolio.files.views import Confirmation, FileStatus, FileView, Mode
from portfolio.portfolios import portfolios
from portfolio.portfolios.portfolios import DeltaRows


@dataclass(frozen=True)
class Upload:
    """How a file is sent."""

    mode: Mode = Mode.DELTA
    filename: Annotated[ShortText | None, Query()] = None
    as_of: Annotated[
        Day | None,
        Query(description="Default: today in the time zone of the portfolio, or that of the amended file"),
    ] = None
    amends: Annotated[
        UUID | None, Query(description="The file to amend. Default: the one that the column file_id names")
    ] = None
    rows: Annotated[
        DeltaRows | None, Query(description="whole: a contract owes no instalments but these. Default: the portfolio's")
    ] = None
    confirm_future: Annotated[
        bool, Query(description="The file is meant to be of a day that is more than one day ahead of today")
    ] = False
    profile: Annotated[UUID | None, Query(description="The profile of the creditor with which the file is read")] = None
    dry_run: Annotated[bool, Query(description="Say what the file would do, and change nothing")] = False
    control_rows: Annotated[
        WholeParameter | None,
        Query(ge=0, le=100_000_000, description="The rows that the file must have, without the header"),
    ] = None
    control_amount: Annotated[MoneyTotal | None, Query(description="What the amounts of all rows must add up to")] = (
        None
    )


router = Router(prefix="/v1", tags=["files"])
_TEMPLATE_NAMES = {Language.ES: "cartera", Language.PT: "carteira", Language.EN: "portfolio"}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_UNREADABLE = (
    *("empty", "unsupported-type", "encrypted", "macro", "external-links", "bomb", "bad-header", "no-header"),
    *("too-wide", "missing-columns", "repeated-columns", "line-too-long", "out-of-memory", "too-slow"),
)


@router.post(
    "/portfolios/{portfolio_id}/files",
    status_code=202,
    responses={
        200: {"model": FileView, "description": "The portfolio already has this file: the same bytes, mode and date"}
    },
    dependencies=[writes("portfolio"), streamed_body(uploads.MAX_FILE_BYTES)],
    openapi_extra=ANY_FILE,
)
@also_answers(422, *_UNREADABLE, "profile-unknown")
@also_answers(409, "portfolio-returned")
async def upload_file(
    portfolio_id: UUID,
    request: Request,
    response: Response,
    database: ServiceDatabase,
    key: IdempotencyKey,
    locale: ReaderLocale,
    options: Annotated[Upload, Depends()],
) -> FileView:
    """Upload a portfolio file as the raw body: CSV, XLSX or Parquet, also as gzip or alone in a ZIP archive.

    Files are read and loaded after this answer, in the order of upload. The rejected rows of a file are sent back as
    they were downloaded, once corrected: they amend that file. ``dry_run`` says what the file would do.
    """
    async with database.connection() as connection:
        portfolio = await portfolios.find(connection, portfolio_id)
        today = await portfolios.today(connection, portfolio_id)
        profile = await profiles.newest(connection, portfolio.creditor_id, options.profile)
    with uploads.spooled() as spool:
        received = await uploads.receive(request.stream(), spool)
        look = await inspecting.look(received.content, portfolio, profile.layout)
        identity = Identity(
            *(portfolio_id, received.sha256, options.mode, options.as_of or today),
            dry_run=options.dry_run,
            profile=profile,
        )
        async with database.connection() as connection:
            identity = await uploads.identify(connection, identity, look, options.as_of, options.amends)
        # The columns of corrected rows are those of the file that they amend.
        if identity.mode is not Mode.AMEND or not look.is_rejects:
            look.refuse(language_of(locale))
        is_meant = options.confirm_future or identity.mode is Mode.AMEND or options.dry_run
        async with database.transaction() as tx:
            file, queued = await uploads.queue(
                *(tx, identity, options.filename or "portfolio.csv", received, key, options.rows),
                Controls(options.control_rows, options.control_amount),
                day_is_meant=is_meant or (identity.as_of - today).days <= DAYS_AHEAD,
            )
    if queued:
        request.app.state.loader.wake()
    else:
        response.status_code = 200
    return worded(file, SENTENCES.said, locale, response)


@router.post(
    "/portfolios/{portfolio_id}/file-previews",
    dependencies=[writes("portfolio"), streamed_body(uploads.MAX_FILE_BYTES)],
    openapi_extra=ANY_FILE,
)
@also_answers(422, *_UNREADABLE, "profile-unknown")
async def preview_file(
    portfolio_id: UUID,
    request: Request,
    response: Response,
    database: ServiceDatabase,
    locale: ReaderLocale,
    filename: Annotated[ShortText | None, Query(description="The name of the proposed profile")] = None,
    profile: Annotated[UUID | None, Query(description="The profile with which the file is read")] = None,
) -> FilePreview:
    """Show how a file would be read, with a proposed profile. Nothing is stored."""
    async with database.connection() as connection:
        portfolio = await portfolios.find(connection, portfolio_id)
        version = await profiles.newest(connection, portfolio.creditor_id, profile)
    response.headers["Content-Language"] = language_of(locale)
    with uploads.spooled() as spool:
        received = await uploads.receive(request.stream(), spool)
        named = filename or "portfolio"
        return await previews.make(received.content, portfolio, version, named, language_of(locale))


@router.post("/portfolios/{portfolio_id}/return", dependencies=[writes("portfolio")], tags=["portfolios"])
@also_answers(409, "files-waiting")
async def return_portfolio(portfolio_id: UUID, new: NewReturn, database: ServiceDatabase) -> PortfolioReturn:
    """Give a portfolio back to its creditor: close its open contracts as returned, and take no more files.

    A request closes at most 10,000 contracts. Send it again while contracts are left.
    """
    return await returning.give_back(database, portfolio_id, new)


@router.get("/creditors/{creditor_id}/file-profiles", dependencies=[reads("portfolio")])
async def list_file_profiles(creditor_id: UUID, connection: ReadConnection, query: PageQuery) -> Page[FileProfile]:
    """List the newest version of each profile of a creditor, the oldest profile first."""
    return await profiles.listed(connection, creditor_id, query)


@router.get("/creditors/{creditor_id}/file-profiles/{profile_id}", dependencies=[reads("portfolio")])
async def read_file_profile(creditor_id: UUID, profile_id: UUID, connection: ReadConnection) -> FileProfile:
    """Read the newest version of a profile."""
    return await profiles.find(connection, creditor_id, profile_id)


@router.post("/creditors/{creditor_id}/file-profiles", status_code=201, dependencies=[writes("portfolio")])
async def add_file_profile(creditor_id: UUID, new: NewProfile, tx: WriteTransaction) -> FileProfile:
    """Keep how a creditor lays its files out, for ``profile=`` at the upload."""
    return await profiles.add(tx, creditor_id, new)


@router.put("/creditors/{creditor_id}/file-profiles/{profile_id}", dependencies=[writes("portfolio")])
async def change_file_profile(
    creditor_id: UUID, profile_id: UUID, new: NewProfile, tx: WriteTransaction
) -> FileProfile:
    """Keep a new version of a profile. Files that were sent before are read with theirs."""
    return await profiles.change(tx, creditor_id, profile_id, new)


@router.get(
    "/portfolio-file-template",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, _XLSX: {}}}},
    dependencies=[reads("portfolio")],
)
async def read_file_template(
    locale: ReaderLocale,
    lang: Annotated[
        Language | None, Query(description="The language of the headers. Default: the reader's, else Spanish")
    ] = None,
    format: TemplateFormat = TemplateFormat.CSV,
) -> Response:
    """Download an empty portfolio file with all columns. Files in each of the languages can be loaded.

    The workbook explains each column in a second sheet. Its first sheet is what is loaded.
    """
    language = lang or (locale.language if locale else Language.ES)
    headers = {
        "Content-Disposition": f'attachment; filename="{_TEMPLATE_NAMES[language]}.{format}"',
        "Content-Language": language,
    }
    if format is TemplateFormat.XLSX:
        return Response(workbook(language), media_type=_XLSX, headers=headers)
    return Response(template(language, locale), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/portfolios/{portfolio_id}/files", dependencies=[reads("portfolio")])
async def list_files(
    portfolio_id: UUID,
    connection: ReadConnection,
    query: PageQuery,
    locale: ReaderLocale,
    response: Response,
    status: FileStatus | None = None,
) -> Page[FileView]:
    """List a portfolio's files in the order of upload."""
    return all_worded(await views.listed(connection, query, portfolio_id, status), SENTENCES.said, locale, response)


@router.get("/files", dependencies=[reads("portfolio")])
async def list_all_files(
    connection: ReadConnection,
    query: PageQuery,
    locale: ReaderLocale,
    response: Response,
    status: FileStatus | None = None,
    portfolio_id: UUID | None = None,
    undecided: Annotated[
        bool | None, Query(description="Whether contracts that the file has set aside wait for a decision")
    ] = None,
    finished_on: Annotated[
        Day | None, Query(description="Only files that were loaded or failed on this day of the portfolio's zone")
    ] = None,
) -> Page[FileView]:
    """List the files of all portfolios, such as those that wait for a confirmation, in the order of upload."""
    found = await views.listed(connection, query, portfolio_id, status, undecided, finished_on)
    return all_worded(found, SENTENCES.said, locale, response)


@router.get("/files/{file_id}", dependencies=[reads("portfolio")])
async def read_file(file_id: UUID, connection: ReadConnection, locale: ReaderLocale, response: Response) -> FileView:
    """Read the state of a file: how far it is, what it would do or has done, and why it failed."""
    return worded(await views.find(connection, file_id), SENTENCES.said, locale, response)


@router.post("/files/{file_id}/confirmation", dependencies=[writes("portfolio")])
async def confirm_file(
    file_id: UUID,
    confirmation: Confirmation,
    request: Request,
    response: Response,
    tx: WriteTransaction,
    locale: ReaderLocale,
) -> FileView:
    """Accept or refuse a file that waits for confirmation, or the contracts that a loaded file has set aside.

    ``confirmation_reason`` says why the file waits. An accepted snapshot closes the contracts that it does not name. An
    accepted file of a day far ahead is read now, and may then wait for another reason. A refused file fails. Accepted
    contracts owe what the file states, refused ones keep their figures; a request decides about 5,000 of them. A file
    that waits for its code page is accepted with it, and then read.
    """
    file = await deciding.confirm(tx, file_id, confirmation)
    tx.after_commit(request.app.state.loader.wake)
    return worded(file, SENTENCES.said, locale, response)


@router.get("/files/{file_id}/findings", dependencies=[reads("portfolio"), reads_in_bulk()])
async def list_findings(
    file_id: UUID,
    connection: ReadConnection,
    query: PageQuery,
    locale: ReaderLocale,
    response: Response,
    kind: FindingKind | None = None,
    undecided: Annotated[
        bool | None, Query(description="Whether a person still has to decide about the contract")
    ] = None,
) -> Page[Finding]:
    """List what the file says otherwise than it was known, such as payments that the creditor does not know yet.

    ``undecided=true`` lists the contracts that wait for a decision; the others that were set aside show theirs.
    """
    response.headers["Content-Language"] = language_of(locale)
    return await findings.listed(connection, file_id, query, kind, undecided, locale)


@router.get(
    "/files/{file_id}/rejects",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, _XLSX: {}}}},
    dependencies=[reads("portfolio"), reads_in_bulk()],
)
async def read_rejects(
    file_id: UUID, database: ServiceDatabase, locale: ReaderLocale, format: TemplateFormat = TemplateFormat.CSV
) -> Response:
    """Download the rejected rows as CSV or XLSX: row number, every problem, the file's columns, and the file's id.

    The header is row 1. Corrected rows can be uploaded as they are. The reader's ``Accept-Language`` chooses the
    language of our headers and of the problems, and the separator.
    """
    headers = of_rejects(file_id, format, locale)
    if format is TemplateFormat.XLSX:
        content = await rejects.rejects_workbook(database, file_id, locale)
        return Response(content, media_type=_XLSX, headers=headers)
    pages = await rejects.rejects(database, file_id, locale)
    return StreamingResponse(pages, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/files/{file_id}/rejected-rows", dependencies=[reads("portfolio"), reads_in_bulk()])
async def list_rejected_rows(
    file_id: UUID,
    connection: ReadConnection,
    query: PageQuery,
    locale: ReaderLocale,
    amended: Annotated[
        bool | None, Query(description="Whether a later file has brought the row corrected. Default: all rows")
    ] = None,
) -> RejectedRows:
    """List the rejected rows in the order of the file, cell by cell. Reasons are in the reader's ``Accept-Language``.

    Corrected rows with their ``row_number`` are uploaded with ``mode=amend`` and ``amends``.
    """
    return await rejected_rows.listed(connection, file_id, query, amended, locale)
