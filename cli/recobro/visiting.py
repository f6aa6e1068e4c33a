"""``recobro visits``, ``recobro visit``, ``recobro visited`` and ``recobro cancel-visit``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from recobro.asking import Answer, asks_platform
from recobro.business_day import DAY_METAVAR
from recobro.client import Client
from recobro.errors import Trouble
from recobro.language import day, tr, word
from recobro.lookup import (
    InPortfolio,
    Number,
    Record,
    contract_numbered,
    day_of_contract,
    day_typed,
    file_name_of,
    with_numbers,
)
from recobro.terminal import clean, out, printable, show_table, text_table

Day = Annotated[str, typer.Argument(metavar=DAY_METAVAR, help="The day.")]
_PLANNED = ("ordered", "routed")


@asks_platform
def visits(
    client: Client,
    on: Day = "today",
    visitor: Annotated[str | None, typer.Option(metavar="NAME", help="Only the visits of this visitor.")] = None,
    papers: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Save the sheet and the letter of each planned visit here, as PDFs."),
    ] = None,
) -> Answer:
    """List the home visits of a day, and save their papers.

    Example: recobro visits 2026-11-30 --papers visits
    """
    wanted = {"visit_on": day_typed(client, on), "visitor": visitor}
    found = list(with_numbers(client, client.items("field-visits", "/v1/visits", **wanted)))
    saved = [file for one in found if papers for file in _save_papers(client, one, papers)]
    yield found
    if not found:
        out.print(tr("There are no visits on {day}.", day=day(wanted["visit_on"])))
        return
    headings = [tr("contract"), tr("visitor"), tr("name"), tr("address"), tr("state")]
    table = text_table(*headings)
    for one in found:
        cells = (one["contract_number"], one["visitor"], one["name"], _address(one))
        table.add_row(*map(clean, cells), _outcome(one))
    show_table(table)
    for file in saved:
        out.print(tr("Saved: {file}", file=file), markup=False)


def _address(visit: Record) -> str:
    address = visit["address"] or {}
    parts = (address.get("street"), address.get("exterior"), address.get("neighbourhood"), address.get("city"))
    return ", ".join(part for part in parts if part)


def _outcome(visit: Record) -> str:
    if visit["result"]:
        return word(visit["result"]["outcome"])
    if visit["cancellation"]:
        return f"{word(visit['state'])} ({word(visit['cancellation']['reason'])})"
    return word(visit["state"])


def _save_papers(client: Client, visit: Record, folder: Path) -> list[Path]:
    """Save the papers of a planned visit and return their files."""
    if visit["state"] not in _PLANNED:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name_of(visit["contract_number"])
    files = []
    for paper in ("sheet", "letter"):
        file = folder / f"{name}-{paper}.pdf"
        client.save("field-visits", f"/v1/visits/{visit['visit_id']}/{paper}.pdf", file)
        files.append(file)
    return files


@asks_platform
def visit(
    client: Client,
    number: Number,
    visitor: Annotated[str, typer.Option(metavar="NAME", help="Who goes there.")],
    on: Annotated[str, typer.Option(metavar=DAY_METAVAR, help="The day of the visit.")] = "today",
    portfolio: InPortfolio = None,
) -> Answer:
    """Order a home visit.

    Example: recobro visit CLR-070000008 --on 2026-11-30 --visitor "Luis"
    """
    contract = contract_numbered(client, number, portfolio)
    body = {"contract_id": contract["contract_id"], "visitor": visitor}
    ordered = client.post_when_known(
        "field-visits", "/v1/visits", body | {"visit_on": day_of_contract(client, contract, on)}
    )
    yield ordered
    whose = {"visitor": printable(ordered["visitor"]), "day": day(ordered["visit_on"])}
    out.print(tr("Ordered: {visitor} goes there on {day}.", **whose), markup=False)
    out.print(tr("To save the papers: recobro visits {day} --papers FOLDER", day=ordered["visit_on"]))


@asks_platform
def visited(
    client: Client,
    number: Number,
    outcome: Annotated[
        Literal["visited", "clarification", "deceased", "unlocatable", "refused", "promise", "nobody_home"],
        typer.Argument(metavar="OUTCOME", help="How the visit ended."),
    ],
    attended_by: Annotated[
        Literal["debtor", "third_party", "nobody"], typer.Option(help="Who opened the door.")
    ] = "nobody",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When, such as 2026-11-30T17:20-06:00; default: now.")
    ] = None,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="Why the debtor has not paid.")] = None,
    portfolio: InPortfolio = None,
) -> Answer:
    """Enter the result of the visit to a contract's debtor.

    Example: recobro visited CLR-070000008 nobody_home
    """
    moment = _moment(at)
    planned = _planned(client, number, portfolio)
    path = f"/v1/visits/{planned['visit_id']}"
    if attended_by != "nobody" and planned["attendance"] is None:
        client.post("field-visits", f"{path}/attendance", {"attended_by": attended_by, "at": moment})
    body: dict[str, Any] = {"outcome": outcome, "attended_by": attended_by, "at": moment}
    body |= {"reason_for_non_payment": why} if why else {}
    done = client.post("field-visits", f"{path}/result", body)
    yield done
    out.print(tr("Entered: {outcome}.", outcome=word(outcome)))


def _moment(text: str | None) -> str:
    try:
        moment = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Trouble(tr("{text} is not a time such as 2026-11-30T17:20-06:00.", text=printable(str(text))))
    return moment.astimezone(UTC).isoformat()


def _planned(client: Client, number: str, portfolio: str | None) -> Record:
    """Return the planned visit of the contract, the earliest if there are several. Raises ``Trouble`` without one."""
    contract = contract_numbered(client, number, portfolio)
    found = client.items("field-visits", "/v1/visits", contract_id=contract["contract_id"])
    planned = [one for one in found if one["state"] in _PLANNED]
    if not planned:
        raise Trouble(tr("{number} has no planned visit.", number=printable(number)))
    return min(planned, key=lambda one: str(one["visit_on"]))


@asks_platform
def cancel_visit(
    client: Client,
    number: Number,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why nobody goes there.")],
    portfolio: InPortfolio = None,
) -> Answer:
    """Cancel the planned visit of a contract.

    Example: recobro cancel-visit CLR-070000008 "the debtor comes to the branch"
    """
    planned = _planned(client, number, portfolio)
    done = client.post("field-visits", f"/v1/visits/{planned['visit_id']}/cancellation", {"reason": reason})
    yield done
    out.print(tr("Cancelled: the visit of {day}.", day=day(done["visit_on"])))
