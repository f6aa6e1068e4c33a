"""Profiles: how a creditor lays its files out. Each change is a new version, and a file keeps the one of its upload."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self
from uuid import UUID

from chassis import (
    Conflict,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Reader,
    ShortText,
    page,
)
from chassis.paging import both_orders
from pydantic import Field
from recobro_events import Row, Transaction

from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import creditors
from portfolio.tabular.heads import MAX_COLUMNS
from portfolio.tabular.profiles import ADDRESS_COLUMNS, FIELDS, REQUIRED_COLUMNS, SECOND_ADDRESS, lacking, plain


class ProfileUnknown(NotFound):
    code = "profile-unknown"
    detail = "The creditor has no profile with this id."


FieldName = StrEnum("FieldName", {name.upper(): name for name in FIELDS})  # type: ignore[misc]
"""What a column may be."""
Header = Annotated[str, Field(min_length=1, max_length=500)]


class ColumnOfProfile(InputModel):
    """``source`` is the header in the file; case, accents and blanks do not matter. Without a field it is ignored."""

    source: Header
    field: FieldName | None = None


class TrailerOfProfile(InputModel):
    """The file's last row begins with ``marker``. ``rows_cell`` and ``amount_cell`` are numbers of cells, from 1."""

    marker: ShortText
    rows_cell: Annotated[int, Field(ge=1, le=MAX_COLUMNS)] | None = None
    amount_cell: Annotated[int, Field(ge=1, le=MAX_COLUMNS)] | None = None


class NewProfile(InputModel):
    """How files of a creditor are laid out. What is left out is found in each file.

    ``constants`` hold for every row, ``defaults`` for empty cells; both are by field. ``header_row`` counts lines, or
    rows of the sheet, from 1. ``dates`` is the order of dates; years may then have two digits.
    """

    name: ShortText
    format: Literal["csv", "xlsx", "parquet"] | None = None
    encoding: Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252", "cp850", "mac_roman"] | None = None
    separator: Literal[",", ";", "\t", "|"] | None = None
    sheet: Annotated[str, Field(min_length=1, max_length=31)] | None = None
    header_row: Annotated[int, Field(ge=1, le=50)] | None = None
    columns: Annotated[list[ColumnOfProfile], Field(min_length=1, max_length=MAX_COLUMNS)]
    constants: Annotated[dict[FieldName, ShortText], Field(max_length=len(FIELDS), default_factory=dict)]
    defaults: Annotated[dict[FieldName, ShortText], Field(max_length=len(FIELDS), default_factory=dict)]
    decimal: Literal[".", ","] | None = None
    dates: Literal["dmy", "mdy", "ymd"] | None = None
    trailer: TrailerOfProfile | None = None


class MappedColumnView(OutputModel):
    source: str
    field: str | None


class TrailerView(OutputModel):
    marker: str
    rows_cell: int | None
    amount_cell: int | None


class FileProfile(OutputModel):
    """The newest version of a profile, as ``NewProfile`` describes it."""

    profile_id: UUID
    creditor_id: UUID
    version: int
    name: str
    format: str | None
    encoding: str | None
    separator: str | None
    sheet: str | None
    header_row: int | None
    columns: list[MappedColumnView]
    constants: dict[str, str]
    defaults: dict[str, str]
    decimal: str | None
    dates: str | None
    trailer: TrailerView | None
    created_at: datetime
    changed_at: datetime
    changed_by: ActorOfChange


class ProfileVersion(NamedTuple):
    """A version of a profile; both are None for a file without one."""

    profile_id: UUID | None = None
    version: int | None = None
    layout: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, file: Row) -> Self:
        return cls(file["profile_id"], file["profile_version"])


NO_PROFILE = ProfileVersion()

_PROFILE = """
SELECT profile_id, creditor_id, name, version, created_at, made_at AS changed_at, actor AS changed_by, layout
FROM file_profile JOIN file_profile_version USING (profile_id, version)
"""
_FIND = f"{_PROFILE} WHERE creditor_id = $1 AND profile_id = $2"
_LIST = both_orders(f"""
{_PROFILE} WHERE creditor_id = $1 AND ($2::uuid IS NULL OR profile_id {{beyond}} $2)
ORDER BY profile_id {{order}} LIMIT $3
""")
_ADD = """
INSERT INTO file_profile (creditor_id, name) VALUES ($1, $2) ON CONFLICT (creditor_id, name) DO NOTHING
RETURNING profile_id
"""
_ADD_VERSION = "INSERT INTO file_profile_version (profile_id, version, layout) VALUES ($1, $2, $3)"
_LOCK = "SELECT version FROM file_profile WHERE creditor_id = $1 AND profile_id = $2 FOR UPDATE"
_NAMED = "SELECT FROM file_profile WHERE creditor_id = $1 AND name = $2 AND profile_id <> $3"
_CHANGE = "UPDATE file_profile SET name = $2, version = $3 WHERE profile_id = $1"
_COUNT = "SELECT count(*) FROM file_profile WHERE creditor_id = $1"
MOST_PROFILES = 500
"""Profiles of one creditor."""


async def add(tx: Transaction, creditor_id: UUID, new: NewProfile) -> FileProfile:
    """Keep the first version of a profile. Raises ``Conflict`` when the creditor has another one with the name."""
    await creditors.find(tx, creditor_id)
    _check(new)
    if await tx.fetchval(_COUNT, creditor_id) >= MOST_PROFILES:
        raise Conflict(f"The creditor has {MOST_PROFILES} profiles. Change one of them.", code="too-many-profiles")
    profile_id = await tx.fetchval(_ADD, creditor_id, new.name)
    if profile_id is None:
        raise _named_twice(new.name)
    await tx.execute(_ADD_VERSION, profile_id, 1, _layout(new))
    return await find(tx, creditor_id, profile_id)


async def change(tx: Transaction, creditor_id: UUID, profile_id: UUID, new: NewProfile) -> FileProfile:
    """Keep a new version. Files that were sent before keep theirs. The same profile again makes no version."""
    version = await tx.fetchval(_LOCK, creditor_id, profile_id)
    if version is None:
        raise ProfileUnknown()
    _check(new)
    known = await find(tx, creditor_id, profile_id)
    if known.model_dump(mode="json", include=set(NewProfile.model_fields)) == new.model_dump(mode="json"):
        return known
    if await tx.fetchrow(_NAMED, creditor_id, new.name, profile_id) is not None:
        raise _named_twice(new.name)
    await tx.execute(_ADD_VERSION, profile_id, version + 1, _layout(new))
    await tx.execute(_CHANGE, profile_id, new.name, version + 1)
    return await find(tx, creditor_id, profile_id)


def _named_twice(name: str) -> Conflict:
    return Conflict(f"The creditor has a profile with the name {name!r} already.", code="profile-exists")


def _layout(new: NewProfile) -> dict[str, Any]:
    return new.model_dump(mode="json", exclude={"name"})


async def find(reader: Reader, creditor_id: UUID, profile_id: UUID) -> FileProfile:
    """Return the newest version. Raises ``ProfileUnknown``."""
    row = await reader.fetchrow(_FIND, creditor_id, profile_id)
    if row is None:
        raise ProfileUnknown()
    return _view(dict(row))


async def newest(reader: Reader, creditor_id: UUID, profile_id: UUID | None) -> ProfileVersion:
    """The newest version of the profile with which a file is sent, or none. Raises ``Invalid``."""
    if profile_id is None:
        return NO_PROFILE
    row = await reader.fetchrow(_FIND, creditor_id, profile_id)
    if row is None:
        error = FieldError("/query/profile", "is no profile of the portfolio's creditor")
        raise Invalid("The creditor of this portfolio has no such profile.", code="profile-unknown", errors=[error])
    return ProfileVersion(profile_id, row["version"], row["layout"])


async def listed(reader: Reader, creditor_id: UUID, query: PageQuery) -> Page[Any]:
    await creditors.find(reader, creditor_id)
    rows = await reader.fetch(_LIST[query.order], creditor_id, query.after(UUID), query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["profile_id"],))
    return Page(items=[_view(item) for item in shown["items"]], next_cursor=shown["next_cursor"])


def _view(row: Mapping[str, Any]) -> FileProfile:
    known = {name: value for name, value in dict(row).items() if name != "layout"}
    return FileProfile.model_validate({**row["layout"], **known})


def _check(new: NewProfile) -> None:
    """Raise ``Invalid`` for a profile with which no file could be read."""
    errors = [*_doubled(new), *_constants(new)]
    stated = {column.field for column in new.columns} | set(new.constants)
    absent = lacking(REQUIRED_COLUMNS, stated)
    errors += [FieldError("/columns", f"no column has the field {field}") for field in absent]
    if "instalment_count" in stated and "frequency" not in stated:
        errors.append(FieldError("/columns", "instalment_count needs the field frequency"))
    if any(field in stated for field in SECOND_ADDRESS) and "address_kind_2" not in stated:
        errors.append(FieldError("/columns", f"a second address needs the field {ADDRESS_COLUMNS[0]}_2"))
    if errors:
        raise Invalid("With this profile no file could be read.", errors=errors)


def _doubled(new: NewProfile) -> list[FieldError]:
    errors = []
    sources: set[str] = set()
    fields: set[str] = set()
    for place, column in enumerate(new.columns):
        if plain(column.source) in sources:
            errors.append(FieldError(f"/columns/{place}/source", "is a header that another column has already"))
        if column.field is not None and column.field in fields:
            errors.append(FieldError(f"/columns/{place}/field", "is a field that another column has already"))
        sources.add(plain(column.source))
        fields |= {column.field} if column.field is not None else set()
    return errors


def _constants(new: NewProfile) -> list[FieldError]:
    mapped = {column.field for column in new.columns}
    return [
        FieldError(f"/constants/{field}", "is a field that a column has; make it a default")
        for field in new.constants
        if field in mapped
    ]
