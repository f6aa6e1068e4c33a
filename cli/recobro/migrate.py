"""``recobro migrate``: brings the databases to the schema of this release, before its services start."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from recobro_platform import Service

from recobro import targets
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.terminal import DEFAULT_DATA, AsJson, Data, count, err, print_json, show_table, table_of

if TYPE_CHECKING:
    from chassis.migrations import Standing

_EMPTY = "empty"


@dataclass(frozen=True)
class Schema:
    """A database's revision before and after. ``trouble`` is set if it could not be read or changed."""

    service: str
    before: str | None
    after: str | None
    outcome: Literal["up to date", "behind", "newer", "migrated", "failed"]
    trouble: str | None = None


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if a database is behind.")
    ] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Migrate the databases to the schema of this release.

    The command is safe to run twice, and safe for two processes at once. It leaves a database of a newer release as it
    is. Exit code 1 if a database could not be migrated.

    Example: recobro migrate --check
    """
    chosen = targets.find(DataFolder(data))
    work = look if check else _bring_up_to_date
    found = [_one(service, dsn, work) for service, dsn in chosen.databases.items()]
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        table = table_of(tr("service"), tr("from"), tr("to"), "")
        for one in found:
            table.add_row(one.service, one.before or "–", one.after or "–", tr(one.outcome))
        show_table(table)
    for one in found:
        if one.trouble is not None:
            err.print(one.trouble, style="red", markup=False)
    behind = sum(one.outcome == "behind" for one in found)
    if behind and not as_json:
        err.print(
            tr("Databases behind this release: {databases}. Run recobro migrate.", databases=count(behind)),
            style="red",
        )
    raise typer.Exit(1 if behind or any(one.outcome == "failed" for one in found) else 0)


def _one(service: Service, dsn: str, work: Callable[[Service, str], Schema]) -> Schema:
    try:
        return work(service, dsn)
    except Trouble as trouble:
        return Schema(service.name, None, None, "failed", str(trouble))
    except targets.DATABASE_TROUBLE as error:
        away = targets.DatabaseTrouble(service, targets.why(error, dsn))
        return Schema(service.name, None, None, "failed", str(away))


def look(service: Service, dsn: str) -> Schema:
    """Return the database's revision, and the revision of this release."""
    standing = _standing(service, dsn)
    before = _named(standing.found)
    if standing.is_ahead:
        return Schema(service.name, before, before, "newer")
    return Schema(service.name, before, _named(standing.newest), "behind" if standing.is_behind else "up to date")


def _bring_up_to_date(service: Service, dsn: str) -> Schema:
    from chassis.migrations import upgrade
    from sqlalchemy.exc import SQLAlchemyError

    from recobro.log_settings import program_of

    found = look(service, dsn)
    if found.outcome != "behind":
        return found
    try:
        upgrade(dsn, program_of(service).migrations, service.role)
    except (SQLAlchemyError, *targets.DATABASE_TROUBLE) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Trouble(
            tr(
                "The migration of {service} failed and its last revision was rolled back: {reason}",
                service=service.name,
                reason=reason,
            )
        ) from error
    return Schema(service.name, found.before, look(service, dsn).before, "migrated")


def _standing(service: Service, dsn: str) -> "Standing":
    from chassis.migrations import standing_of

    from recobro.log_settings import program_of

    return standing_of(dsn, program_of(service).migrations)


def _named(revisions: frozenset[str]) -> str:
    return ", ".join(sorted(revisions)) or _EMPTY
