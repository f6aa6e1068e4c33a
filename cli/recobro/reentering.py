"""What a restore has lost is entered again, from the list that ``recobro restore`` wrote.

Each line of the list is an event that the restored service had published. What the event states is sent to the service
once more, with the ids that it had. The key of each request is made from the event's id, and what is there already is
left alone, so a list may be entered any number of times.
"""

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from recobro import loading
from recobro.client import Client, Refused, connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.lost_writes import COLUMNS
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    Url,
    count,
    err,
    out,
    print_json,
    printable,
    show_table,
    table_of,
)

_REASON = "entered again after a restore"
_KNOWN = frozenset(
    {
        "payment-known",
        "payment-entered",
        "payment-reversed",
        "clarification-known",
        "clarification-resolved",
        "pause-known",
        "pause-ended",
        "contact-point-known",
        "promise-known",
        "promise-not-open",
    }
)
"""The codes of refusals that say: this is there already."""
_FOLLOWS = frozenset(
    {
        "portfolio.payment-reapplied.v1",
        "portfolio.clarification-deadline-near.v1",
        "portfolio.clarification-deadline-passed.v1",
        "promises.promise-kept.v1",
        "promises.promise-partly-kept.v1",
        "promises.promise-broken.v1",
        "promises.promise-reopened.v1",
        "promises.agreement-fulfilled.v1",
        "promises.agreement-broken.v1",
        "promises.agreement-reopened.v1",
        "assignment.commission-earned.v1",
        "assignment.commission-reversed.v1",
        "dialer-feed.wrongful-call-detected.v1",
    }
)
"""What the services conclude by themselves from the other lines."""


class Outcome(StrEnum):
    """``by_hand``: the event does not say enough to enter it. ``refused``: the service does not take it now."""

    ENTERED = "entered"
    KNOWN = "known"
    FOLLOWS = "follows"
    BY_HAND = "by_hand"
    REFUSED = "refused"


_LEFT = (Outcome.BY_HAND, Outcome.REFUSED)


class FileNeeded(Trouble):
    """A file was lost that none of the given folders holds. The lines after it rest on it."""


@dataclass(frozen=True)
class Line:
    """A lost event, as the list states it."""

    time: str
    event_id: str
    event: str
    key: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Entered:
    """What became of a line."""

    line: Line
    outcome: Outcome
    detail: str = ""


class ByHand(Exception):
    """A person has to enter the line; the message says what."""


def reenter(
    lists: Annotated[list[Path], typer.Argument(metavar="LIST…", help="The lists that recobro restore wrote.")],
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder with the lost portfolio files.")
    ] = None,
    data: Data = DEFAULT_DATA,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Enter the data again that a restore has lost, from its lists. Data that is there already does not change.

    Give the lists of all services in one command: their lines are entered in the order of their time. Payments,
    disputes, pauses and promises get the ids that they had. A lost file is found in FOLDER by its SHA-256; without it
    the command stops there. The outcome of each line is written beside its list. Exit code 1 while a line is left.

    Example: recobro reenter .recobro/lost-portfolio-20261123T060000Z.csv --files /mnt/incoming
    """
    lines = {path: list(read(path)) for path in lists}
    ordered = sorted((line for each in lines.values() for line in each), key=lambda line: line.time)
    entered: dict[str, Entered] = {}
    needed: FileNeeded | None = None
    with connect(DataFolder(data), url) as client:
        entering = Entering(client, files)
        try:
            for line in ordered:
                if line.event_id not in entered:
                    entered[line.event_id] = entering.enter(line)
        except FileNeeded as missing:
            needed = missing
    left = [path for path, each in lines.items() if _write_outcomes(path, each, entered)]
    if as_json:
        print_json([_as_json(one) for one in entered.values()])
    else:
        _print(entered.values(), lists, left)
    if needed is not None:
        raise needed
    raise typer.Exit(1 if left else 0)


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a list. Raises ``Trouble`` if it is none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if rows.fieldnames is None or not set(COLUMNS) <= set(rows.fieldnames):
                raise Trouble(f"{path} is not a list of lost entries: it needs the columns {', '.join(COLUMNS)}.")
            for row in rows:
                yield Line(row["time"], row["event_id"], row["event"], row["key"], json.loads(row["content"]))
    except (OSError, ValueError, TypeError) as error:
        raise Trouble(f"{path} cannot be read as a list of lost entries: {error}.") from error


class Entering:
    """Enters lines, one after the other."""

    def __init__(self, client: Client, files: Path | None) -> None:
        self._client = client
        self._files = files
        self._ways: Mapping[str, Callable[[Line], Outcome]] = {
            "portfolio.portfolio-state-changed.v1": self._stage,
            "portfolio.portfolio-file-loaded.v1": self._load,
            "portfolio.payment-received.v1": self._pay,
            "portfolio.payment-reversed.v1": self._reverse,
            "portfolio.clarification-opened.v1": self._dispute,
            "portfolio.clarification-resolved.v1": self._resolve,
            "portfolio.contract-paused.v1": self._pause,
            "portfolio.contract-resumed.v1": self._resume,
            "portfolio.debtor-status-changed.v1": self._status,
            "portfolio.contact-point-changed.v1": self._contact,
            "dialer-feed.opt-out-requested.v1": self._opt_out,
            "dialer-feed.contact-invalid.v1": self._wrong_number,
            "promises.promise-made.v1": self._promise,
            "promises.promise-cancelled.v1": self._cancel_promise,
        }

    def enter(self, line: Line) -> Entered:
        """Enter a line. Raises ``FileNeeded`` if a file has to be loaded first."""
        if line.event in _FOLLOWS:
            return Entered(line, Outcome.FOLLOWS)
        way = self._ways.get(line.event)
        if way is None:
            return Entered(line, Outcome.BY_HAND, "This kind of event cannot be entered again by command.")
        try:
            return Entered(line, way(line))
        except ByHand as reason:
            return Entered(line, Outcome.BY_HAND, str(reason))
        except Refused as refused:
            if refused.code in _KNOWN:
                return Entered(line, Outcome.KNOWN)
            return Entered(line, Outcome.REFUSED, str(refused))

    def _post(self, line: Line, service: str, path: str, body: Mapping[str, Any]) -> Any:
        return self._client.post(service, path, body, key=f"reenter-{line.event_id}")

    def _stage(self, line: Line) -> Outcome:
        """The day to which the portfolio was staged comes before what was entered on that day."""
        day, name = line.content["business_date"], line.content["name"]
        try:
            portfolio = self._client.get("portfolio", f"/v1/portfolios/{line.key}")
        except Refused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            raise ByHand(f"Create the portfolio {name} again; its contracts get new ids.") from None
        known = portfolio["business_date"]
        if day is None or known is None:
            return Outcome.FOLLOWS
        if known >= day:
            return Outcome.KNOWN
        self._post(line, "portfolio", "/v1/staging-runs", {"as_of": day, "portfolio_id": line.key} | _FUTURE)
        return Outcome.ENTERED

    def _load(self, line: Line) -> Outcome:
        lost = line.content
        if not lost.get("sha256"):
            raise ByHand("Load the file again; the event is older than the release that names it.")
        if lost["mode"] == "amend":
            raise ByHand(f"Load the corrected rows in {lost['filename']} again: recobro load --mode amend.")
        named = f"{lost['filename']} (SHA-256 {lost['sha256']}), {lost['mode']} as of {lost['file_as_of']}"
        if self._is_loaded(line):
            return Outcome.KNOWN
        file = _hashes(self._files).get(lost["sha256"]) if self._files else None
        if file is None:
            raise FileNeeded(f"The file {named} was lost. Put it into a folder and name it with --files.")
        parameters = {"mode": lost["mode"], "as_of": lost["file_as_of"], "confirm_future": "true"}
        sent = loading.upload(self._client, file, line.key, parameters, lambda _: None)
        view = loading.wait_until_at_rest(self._client, sent["file_id"])
        if view["status"] != "loaded":
            raise FileNeeded(f"{named} is not loaded: {view['error'] or view['status']}. See recobro files.")
        return Outcome.ENTERED

    def _is_loaded(self, line: Line) -> bool:
        names = {"filename": "filename", "mode": "mode", "as_of": "file_as_of", "rows_accepted": "rows_accepted"}
        wanted = {name: line.content[field] for name, field in names.items()} | {"status": "loaded"}
        files = self._client.items("portfolio", "/v1/files", portfolio_id=line.key)
        return any(all(file[name] == value for name, value in wanted.items()) for file in files)

    def _pay(self, line: Line) -> Outcome:
        lost = line.content
        if lost["channel"] == "file":
            return Outcome.FOLLOWS
        if self._is_there("portfolio", f"/v1/payments/{lost['payment_id']}"):
            return Outcome.KNOWN
        body = {name: lost[name] for name in ("amount", "paid_on", "channel", "reference")}
        body["holdoff_from"] = lost.get("holdoff_from") or lost["as_of"]
        if lost["reference"] is None:
            body["payment_id"] = lost["payment_id"]
        self._post(line, "portfolio", f"/v1/contracts/{line.key}/payments", body | {"again": True})
        return Outcome.ENTERED

    def _is_there(self, service: str, path: str) -> bool:
        try:
            self._client.get(service, path)
        except Refused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return False
            raise
        return True

    def _reverse(self, line: Line) -> Outcome:
        lost = line.content
        if lost["reason"] == "identified":
            return Outcome.FOLLOWS
        body = {"reason": lost["reason"], "reversed_on": lost.get("reversed_on")}
        self._post(line, "portfolio", f"/v1/payments/{lost['payment_id']}/reversal", body)
        return Outcome.ENTERED

    def _dispute(self, line: Line) -> Outcome:
        names = ("clarification_id", "reason", "opened_by", "instalments")
        body = {name: line.content[name] for name in names} | {"again": True}
        self._post(line, "portfolio", f"/v1/contracts/{line.key}/clarifications", body)
        return Outcome.ENTERED

    def _resolve(self, line: Line) -> Outcome:
        outcome = line.content["outcome"]
        if outcome in ("upheld", "partly_upheld"):
            raise ByHand("Resolve the clarification again: the event does not hold the corrected amounts.")
        path = f"/v1/clarifications/{line.content['clarification_id']}/resolution"
        self._post(line, "portfolio", path, {"outcome": outcome})
        return Outcome.ENTERED

    def _pause(self, line: Line) -> Outcome:
        body = {name: line.content[name] for name in ("pause_id", "starts_on", "ends_on")} | {"reason": _REASON}
        self._post(line, "portfolio", f"/v1/contracts/{line.key}/pauses", body)
        return Outcome.ENTERED

    def _resume(self, line: Line) -> Outcome:
        path = f"/v1/pauses/{line.content['pause_id']}/end"
        self._post(line, "portfolio", path, {"ends_on": line.content["ends_on"]})
        return Outcome.ENTERED

    def _status(self, line: Line) -> Outcome:
        """Each contract of the debtor has its own event, and the first sets the status for all of them."""
        body = {name: line.content[name] for name in ("status", "reported_by")}
        changed = self._post(line, "portfolio", f"/v1/contracts/{line.key}/debtor-status", body)["changed"]
        return Outcome.ENTERED if changed else Outcome.KNOWN

    def _contact(self, line: Line) -> Outcome:
        change = line.content["change"]
        if change == "added":
            # An opt-out that was withdrawn is published as added too. It is known then, and the number stays refused.
            body = {name: line.content[name] for name in ("kind", "value", "provenance")}
            self._post(line, "portfolio", f"/v1/contracts/{line.key}/contact-points", body)
            return Outcome.ENTERED
        return self._patch(line, {"change": change, "medium": line.content.get("medium")})

    def _opt_out(self, line: Line) -> Outcome:
        return self._reported(line, {"change": "opted_out", "medium": line.content.get("medium")})

    def _wrong_number(self, line: Line) -> Outcome:
        return self._reported(line, {"change": "invalid"})

    def _reported(self, line: Line, patch: Mapping[str, Any]) -> Outcome:
        if not line.content.get("effective", True):
            raise ByHand("The report had no effect and waited for a person.")
        return self._patch(line, patch)

    def _patch(self, line: Line, patch: Mapping[str, Any]) -> Outcome:
        """Enter the change. Nothing makes a number usable that somebody has refused or found wrong since."""
        path = f"/v1/contact-points/{line.content['contact_id']}"
        before = self._client.get("portfolio", path)
        if patch["change"] == "verified" and (before["invalid"] or before["opted_out"]):
            raise ByHand("The contact point is refused or wrong now, so it is not verified again.")
        return Outcome.KNOWN if self._client.patch("portfolio", path, patch) == before else Outcome.ENTERED

    def _promise(self, line: Line) -> Outcome:
        lost = line.content
        if lost.get("agreement_id"):
            raise ByHand("Agree on the plan again; its instalments come with it.")
        body = {name: lost[name] for name in ("promise_id", "due_on", "made_in", "agency_id")}
        self._post(line, "promises", "/v1/promises", body | {"contract_id": line.key, "amount": lost["promised"]})
        return Outcome.ENTERED

    def _cancel_promise(self, line: Line) -> Outcome:
        path = f"/v1/promises/{line.content['promise_id']}/cancellation"
        self._post(line, "promises", path, {"reason": line.content["reason"]})
        return Outcome.ENTERED


_FUTURE = {"confirm_future": True}


@cache
def _hashes(folder: Path) -> Mapping[str, Path]:
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in sorted(folder.iterdir()) if file.is_file()}


def _write_outcomes(path: Path, lines: Sequence[Line], entered: Mapping[str, Entered]) -> bool:
    """Write what became of each line, and return whether one is left. Without one the list gets another name."""
    outcomes = path.with_name(f"{path.stem}.outcomes.csv".removeprefix("lost-"))
    descriptor = os.open(outcomes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "event_id", "event", "key", "outcome", "detail"])
        for line in lines:
            one = entered.get(line.event_id)
            became = (one.outcome, one.detail) if one else ("waiting", "")
            rows.writerow([line.time, line.event_id, line.event, line.key, *became])
    left = any(one is None or one.outcome in _LEFT for one in (entered.get(line.event_id) for line in lines))
    if not left and path.name.startswith("lost-"):
        path.rename(path.with_name(path.name.replace("lost-", "entered-", 1)))
    return left


def _as_json(one: Entered) -> dict[str, str]:
    return {"event_id": one.line.event_id, "event": one.line.event, "outcome": one.outcome, "detail": one.detail}


def _print(entered: Any, lists: Sequence[Path], left: Sequence[Path]) -> None:
    table = table_of("event", *(outcome.replace("_", " ") for outcome in Outcome))
    counts = Counter((one.line.event, one.outcome) for one in entered)
    for event in sorted({event for event, _ in counts}):
        table.add_row(event, *(count(counts[event, outcome]) for outcome in Outcome))
    show_table(table)
    for one in entered:
        if one.outcome in _LEFT:
            err.print(printable(f"{one.line.time} {one.line.event} {one.line.key}: {one.detail}"), markup=False)
    if left:
        err.print("These lines are left. What became of each line is in the files *.outcomes.csv beside the lists.")
    else:
        out.print(f"Nothing is left of {', '.join(map(str, lists))}.", markup=False)
