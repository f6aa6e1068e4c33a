"""How each kind of lost event is entered again at its service."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from recobro import loading
from recobro.client import Client, Refused
from recobro.entering_work import Work
from recobro.errors import Trouble
from recobro.language import tr
from recobro.lost_lines import Entered, Line, Outcome
from recobro.ways import REASON, ByHand, Requests

_KNOWN = frozenset(
    {
        "agreement-known",
        "agreement-not-open",
        "attempt-known",
        "notice-known",
        "payment-known",
        "payment-entered",
        "payment-reversed",
        "clarification-known",
        "clarification-resolved",
        "charge-known",
        "charge-reversed",
        "pause-known",
        "pause-ended",
        "contact-point-known",
        "promise-known",
        "promise-not-open",
        "visit-known",
        "visit-closed",
    }
)
"""The codes of refusals that say: this is there already."""
_FOLLOWS = frozenset(
    {
        "portfolio.payment-reapplied.v1",
        "portfolio.contract-nears-stage.v1",
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
        "dialer-feed.withdrawal-acknowledged.v1",
        "field-visits.contact-data-collected.v1",
        "field-visits.address-collected.v1",
        "field-visits.address-checked.v1",
        "field-visits.debtor-reported.v1",
    }
)
"""What the services conclude by themselves from the other lines."""
CALLS = "Let the dialer send its calls and reports of that time again. Those that are there do not count twice."
LISTS = "Publish the list of that day again: recobro list. Its dialer then reads the new list."
BY_HAND = {
    "dialer-feed.list-published.v1": LISTS,
    "dialer-feed.list-entry-withdrawn.v1": CALLS,
    "dialer-feed.call-completed.v1": CALLS,
    "dialer-feed.clarification-requested.v1": CALLS,
    "dialer-feed.debtor-reported.v1": CALLS,
    "dialer-feed.payment-claimed.v1": CALLS,
    "field-visits.clarification-requested.v1": "Enter the dispute, unless it is there: recobro dispute.",
}
"""What a person does about the kinds of events that are not entered by command."""
_FUTURE = {"confirm_future": True}
_PART = re.compile(r"/\d+$")
"""What an allocation after the first has behind the bank's reference."""


class FileNeeded(Trouble):
    """A file was lost that none of the given folders holds. The lines after it rest on it."""


class Entering(Requests):
    """Enters lines, one after the other. ``lines`` are all lines of all lists."""

    def __init__(self, client: Client, files: Path | None, lines: Sequence[Line]) -> None:
        super().__init__(client)
        self._files = files
        self._ways: Mapping[str, Callable[[Line], Outcome]] = {
            "portfolio.portfolio-state-changed.v1": self._stage,
            "portfolio.portfolio-file-loaded.v1": self._load,
            "portfolio.payment-received.v1": self._pay,
            "portfolio.payment-reversed.v1": self._reverse,
            "portfolio.charge-taken.v1": self._charge,
            "portfolio.charge-reversed.v1": self._reverse_charge,
            "portfolio.attempt-made.v1": self._attempt,
            "portfolio.notice-recorded.v1": self._notice,
            "portfolio.clarification-opened.v1": self._dispute,
            "portfolio.clarification-resolved.v1": self._resolve,
            "portfolio.contract-paused.v1": self._pause,
            "portfolio.contract-resumed.v1": self._resume,
            "portfolio.debtor-status-changed.v1": self._status,
            "portfolio.debtor-erased.v1": self._erase,
            "portfolio.contact-point-changed.v1": self._contact,
            "portfolio.party-changed.v1": self._party,
            "dialer-feed.opt-out-requested.v1": self._opt_out,
            "dialer-feed.contact-invalid.v1": self._wrong_number,
            **Work(client, lines).ways,
        }

    def enter(self, line: Line) -> Entered:
        """Enter a line. Raises ``FileNeeded`` if a file has to be loaded first, ``Unreachable`` without its service."""
        if line.event in _FOLLOWS:
            return Entered(line, Outcome.FOLLOWS)
        way = self._ways.get(line.event)
        if way is None:
            sentence = BY_HAND.get(line.event)
            other = tr("This kind of event cannot be entered again by command.")
            return Entered(line, Outcome.BY_HAND, tr(sentence) if sentence else other)
        try:
            return Entered(line, way(line))
        except ByHand as reason:
            return Entered(line, reason.outcome, str(reason))
        except KeyError as missing:
            sentence = tr("The event is of an older release and does not state {name}. Enter it again.", name=missing)
            return Entered(line, Outcome.BY_HAND, sentence)
        except Refused as refused:
            if refused.code in _KNOWN:
                return Entered(line, Outcome.KNOWN)
            return Entered(line, Outcome.REFUSED, str(refused))

    def _stage(self, line: Line) -> Outcome:
        """The day to which the portfolio was staged comes before what was entered on that day."""
        day, name = line.content["business_date"], line.content["name"]
        try:
            portfolio = self.client.get("portfolio", f"/v1/portfolios/{line.key}")
        except Refused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            raise ByHand("Create the portfolio {name} again; its contracts get new ids.", name=name) from None
        known = portfolio["business_date"]
        if day is None or known is None:
            return Outcome.FOLLOWS
        if known >= day:
            return Outcome.KNOWN
        self.post(line, "portfolio", "/v1/staging-runs", {"as_of": day, "portfolio_id": line.key} | _FUTURE)
        return Outcome.ENTERED

    def _load(self, line: Line) -> Outcome:
        lost = line.content
        if not lost.get("sha256"):
            raise ByHand("Load the file again; the event is older than the release that names it.")
        if lost["mode"] == "amend":
            raise ByHand("Load the corrected rows in {file} again: recobro load --mode amend.", file=lost["filename"])
        named = f"{lost['filename']} (SHA-256 {lost['sha256']}), {lost['mode']} as of {lost['file_as_of']}"
        if self._is_loaded(line):
            return Outcome.KNOWN
        file = _hashes(self._files).get(lost["sha256"]) if self._files else None
        if file is None:
            raise FileNeeded(tr("The file {file} was lost. Put it into a folder and name it with --files.", file=named))
        parameters = {"mode": lost["mode"], "as_of": lost["file_as_of"], "confirm_future": "true"}
        sent = loading.upload(self.client, file, line.key, parameters, lambda _: None)
        view = loading.wait_until_at_rest(self.client, sent["file_id"])
        if view["status"] != "loaded":
            why = view["error"] or view["status"]
            raise FileNeeded(tr("{file} is not loaded: {why}. See recobro files.", file=named, why=why))
        return Outcome.ENTERED

    def _is_loaded(self, line: Line) -> bool:
        names = {"filename": "filename", "mode": "mode", "as_of": "file_as_of", "rows_accepted": "rows_accepted"}
        wanted = {name: line.content[field] for name, field in names.items()} | {"status": "loaded"}
        files = self.client.items("portfolio", "/v1/files", portfolio_id=line.key)
        return any(all(file[name] == value for name, value in wanted.items()) for file in files)

    def _pay(self, line: Line) -> Outcome:
        lost = line.content
        if lost["channel"] == "file":
            return Outcome.FOLLOWS
        if self.is_there("portfolio", f"/v1/payments/{lost['payment_id']}"):
            return Outcome.KNOWN
        body = {name: lost[name] for name in ("amount", "paid_on", "channel", "reference")}
        body["holdoff_from"] = lost.get("holdoff_from") or lost["as_of"]
        if lost["reference"] is None:
            body["payment_id"] = lost["payment_id"]
        elif waiting := self._waiting(line):
            part = {"contract_id": line.key, "amount": lost["amount"]}
            self.post(line, "portfolio", f"/v1/unidentified-payments/{waiting}/allocation", part)
            return Outcome.ENTERED
        self.post(line, "portfolio", f"/v1/contracts/{line.key}/payments", body | {"again": True})
        return Outcome.ENTERED

    def _waiting(self, line: Line) -> str | None:
        """The unidentified payment of which this money was allocated, if its bank's file has been sent again."""
        reference = _PART.sub("", line.content["reference"])
        found = self.client.items("portfolio", "/v1/unidentified-payments", state="open", q=reference)
        fitting = [one for one in found if (one["reference"], one["channel"]) == (reference, line.content["channel"])]
        if not fitting:
            return None
        portfolio_id = self.client.get("portfolio", f"/v1/contracts/{line.key}")["portfolio_id"]
        return next((one["unidentified_id"] for one in fitting if one["portfolio_id"] == portfolio_id), None)

    def _reverse(self, line: Line) -> Outcome:
        lost = line.content
        if lost["reason"] == "identified":
            return Outcome.FOLLOWS
        body = {"reason": lost["reason"], "reversed_on": lost.get("reversed_on")}
        self.post(line, "portfolio", f"/v1/payments/{lost['payment_id']}/reversal", body)
        return Outcome.ENTERED

    def _charge(self, line: Line) -> Outcome:
        body = {
            name: line.content[name] for name in ("charge_id", "kind", "amount", "charged_on", "reason", "reference")
        }
        self.post(line, "portfolio", f"/v1/contracts/{line.key}/charges", body)
        return Outcome.ENTERED

    def _reverse_charge(self, line: Line) -> Outcome:
        body = {name: line.content[name] for name in ("reason", "reversed_on")}
        self.post(line, "portfolio", f"/v1/charges/{line.content['charge_id']}/reversal", body)
        return Outcome.ENTERED

    def _attempt(self, line: Line) -> Outcome:
        """Under its id, so that services which still know the attempt count it once. No event holds its note."""
        names = ("attempt_id", "channel", "outcome", "made_at", "permit_id", "same_as")
        body = {name: line.content.get(name) for name in names}
        self.post(line, "portfolio", f"/v1/contracts/{line.key}/attempts", body)
        return Outcome.ENTERED

    def _notice(self, line: Line) -> Outcome:
        lost = line.content
        body = {name: lost[name] for name in ("notice_id", "kind", "channel", "sent_on", "document")}
        body["proof"] = {name: lost[name] for name in ("registered_number", "receipt_sha256")}
        self.post(line, "portfolio", f"/v1/contracts/{line.key}/notices", body)
        return Outcome.ENTERED

    def _dispute(self, line: Line) -> Outcome:
        names = ("clarification_id", "reason", "opened_by", "instalments")
        body = {name: line.content[name] for name in names} | {"again": True}
        self.post(line, "portfolio", f"/v1/contracts/{line.key}/clarifications", body)
        return Outcome.ENTERED

    def _resolve(self, line: Line) -> Outcome:
        lost = line.content
        body: dict[str, Any] = {"outcome": lost["outcome"]}
        if lost["outcome"] in ("upheld", "partly_upheld"):
            if not lost.get("corrections"):
                raise ByHand("Resolve the clarification again: the event does not hold the corrected amounts.")
            body["corrections"] = lost["corrections"]
        body |= {name: lost[name] for name in ("document", "proof_of_sending") if lost.get(name) is not None}
        self.post(line, "portfolio", f"/v1/clarifications/{lost['clarification_id']}/resolution", body)
        return Outcome.ENTERED

    def _pause(self, line: Line) -> Outcome:
        body = {name: line.content[name] for name in ("pause_id", "starts_on", "ends_on")} | {"reason": REASON}
        self.post(line, "portfolio", f"/v1/contracts/{line.key}/pauses", body)
        return Outcome.ENTERED

    def _resume(self, line: Line) -> Outcome:
        path = f"/v1/pauses/{line.content['pause_id']}/end"
        self.post(line, "portfolio", path, {"ends_on": line.content["ends_on"]})
        return Outcome.ENTERED

    def _status(self, line: Line) -> Outcome:
        """Each contract of the debtor has its own event, and the first sets the status for all of them."""
        body = {name: line.content[name] for name in ("status", "reported_by")}
        changed = self.post(line, "portfolio", f"/v1/contracts/{line.key}/debtor-status", body)["changed"]
        return Outcome.ENTERED if changed else Outcome.KNOWN

    def _erase(self, line: Line) -> Outcome:
        """Each contract of the person has its own event, and the first erases the person."""
        path = f"/v1/people/{line.content['debtor_id']}/erasure"
        state = self.client.get("portfolio", path)
        if state["erased_at"] is not None:
            return Outcome.KNOWN
        self.post(line, "portfolio", path, {"reason": REASON})
        return Outcome.ENTERED

    def _contact(self, line: Line) -> Outcome:
        change = line.content["change"]
        if change == "added":
            # An opt-out that was withdrawn is published as added too. It is known then, and the number stays refused.
            body = {name: line.content[name] for name in ("kind", "value", "provenance")}
            self.post(line, "portfolio", f"/v1/contracts/{line.key}/contact-points", body)
            return Outcome.ENTERED
        return self._patch(line, {"change": change, "medium": line.content.get("medium")})

    def _party(self, line: Line) -> Outcome:
        """Enter the party as it was after the change. The marks of its numbers come with it."""
        party, change = line.content["party"], line.content["change"]
        path = f"/v1/parties/{party['party_id']}"
        is_known = self.is_there("portfolio", path)
        if change == "removed":
            if is_known:
                self.post(line, "portfolio", f"{path}/removal", {"reason": REASON})
            return Outcome.ENTERED if is_known else Outcome.KNOWN
        body = {name: party[name] for name in ("role", "name", "tax_id", "language")}
        names = ("kind", "value", "provenance")
        body["contact_points"] = [{name: point[name] for name in names} for point in party["contact_points"]]
        if body["name"] is None:
            raise ByHand("A file has stated the party without a name. Load the file again.")
        if not is_known:
            self.post(line, "portfolio", f"/v1/contracts/{line.key}/parties", body)
        elif change != "contact_changed":
            self.client.patch("portfolio", path, body)
        for point in party["contact_points"]:
            self._refused(point)
        return Outcome.ENTERED

    def _refused(self, point: Mapping[str, Any]) -> None:
        """Mark a party's number that was refused or wrong. No mark is taken back."""
        media = point["refused_media"] or ()
        patches: list[dict[str, Any]] = [
            {"change": "opted_out", "medium": None if medium == "all" else medium} for medium in media
        ]
        if not point["usable"] and not {"all", "call" if point["kind"] == "phone" else "email"} & {*media}:
            patches.append({"change": "invalid"})
        for patch in patches:
            self.client.patch("portfolio", f"/v1/contact-points/{point['contact_id']}", patch)

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
        before = self.client.get("portfolio", path)
        if patch["change"] == "verified" and (before["invalid"] or before["opted_out"]):
            raise ByHand("The contact point is refused or wrong now, so it is not verified again.")
        return Outcome.KNOWN if self.client.patch("portfolio", path, patch) == before else Outcome.ENTERED


@cache
def _hashes(folder: Path) -> Mapping[str, Path]:
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in sorted(folder.iterdir()) if file.is_file()}
