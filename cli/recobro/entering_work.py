"""How the lost work with debtors is entered again: promises, plans, visits, recalls and agencies' letterheads."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recobro.client import Client, Refused
from recobro.lost_lines import Line, Outcome
from recobro.ways import REASON, ByHand, Requests

_PROMISE = "promises.promise-made.v1"
_PLAN = "promises.agreement-reached.v1"
_COMPLETED = "field-visits.visit-completed.v1"


class Work(Requests):
    """Ways that need other lines of the lists too: a plan has its promises, a visit what was learned at the door."""

    def __init__(self, client: Client, lines: Sequence[Line]) -> None:
        super().__init__(client)
        self._promises = {line.content["promise_id"]: line for line in lines if line.event == _PROMISE}
        self._plans = {line.content["agreement_id"] for line in lines if line.event == _PLAN}
        self._of_visit: defaultdict[str, list[Line]] = defaultdict(list)
        for line in lines:
            if visit_id := line.content.get("visit_id"):
                self._of_visit[visit_id].append(line)
        self.ways: Mapping[str, Callable[[Line], Outcome]] = {
            _PROMISE: self._promise,
            "promises.promise-cancelled.v1": self._cancel_promise,
            _PLAN: self._plan,
            "assignment.agency-changed.v1": self._agency,
            "assignment.placement-recall-requested.v1": self._recall,
            "assignment.placement-recalled.v1": self._recalled,
            "assignment.placement-reinstated.v1": self._reinstated,
            "field-visits.visit-ordered.v1": self._order,
            "field-visits.visit-cancelled.v1": self._cancel_visit,
            _COMPLETED: self._complete,
        }

    def _promise(self, line: Line) -> Outcome:
        lost = line.content
        if plan := lost.get("agreement_id"):
            if plan in self._plans or self.is_there("promises", f"/v1/agreements/{plan}"):
                return Outcome.FOLLOWS
            raise ByHand("Agree on the plan again; its instalments come with it.")
        body = {name: lost[name] for name in ("promise_id", "due_on", "made_in", "agency_id")} | _party(lost)
        self.post(line, "promises", "/v1/promises", body | {"contract_id": line.key, "amount": lost["promised"]})
        return Outcome.ENTERED

    def _plan(self, line: Line) -> Outcome:
        lost = line.content
        if lost["kind"] != "plan":
            raise ByHand("Propose the agreement again: a second person and the debtor have to agree to it again.")
        first = self._promises.get(lost["schedule"][0]["promise_id"])
        if first is None:
            raise ByHand("Agree on the plan again: the list does not say who had made it.")
        made = {name: first.content[name] for name in ("made_in", "agency_id")} | _party(first.content)
        body = {"contract_id": line.key, "kind": lost["kind"], "agreement_id": lost["agreement_id"]}
        self.post(line, "promises", "/v1/agreements", body | made | {"instalments": lost["schedule"]})
        return Outcome.ENTERED

    def _cancel_promise(self, line: Line) -> Outcome:
        lost = line.content
        plan = lost.get("agreement_id")
        path = f"/v1/agreements/{plan}/cancellation" if plan else f"/v1/promises/{lost['promise_id']}/cancellation"
        self.post(line, "promises", path, {"reason": lost["reason"]})
        return Outcome.ENTERED

    def _agency(self, line: Line) -> Outcome:
        """The letterhead of an agency that is there. One that was lost itself would get another id."""
        path = f"/v1/agencies/{line.key}"
        before = self.found("assignment", path)
        if before is None:
            raise ByHand(
                "Create the agency {name} again, with its service contracts and rules. It gets another id.",
                name=line.content["name"],
            )
        stated = {name: value for name, value in line.content["letterhead"].items() if value not in (None, [], ())}
        if not stated:
            return Outcome.KNOWN
        return Outcome.KNOWN if self.client.patch("assignment", path, stated) == before else Outcome.ENTERED

    def _placement(self, line: Line) -> Any:
        placement = self.found("assignment", f"/v1/placements/{line.content['placement_id']}")
        if placement is None:
            raise ByHand(
                "The contract was placed after the backup. Recall the placement that it has now, if it must end."
            )
        return placement

    def _recall(self, line: Line) -> Outcome:
        return self._step(line, "active", "recall", {"reason": line.content["reason"]})

    def _recalled(self, line: Line) -> Outcome:
        """The agency had acknowledged the recall, or its objection was refused."""
        if self._placement(line)["state"] == "objected":
            return self._step(line, "objected", "objection-decision", {"accepted": False, "reason": REASON})
        return self._step(line, "recall_pending", "acknowledgement", {"reason": REASON})

    def _reinstated(self, line: Line) -> Outcome:
        """The agency's objection was accepted. The objection itself is no event, so it is entered with it."""
        self._step(line, "recall_pending", "objection", {"reason": REASON})
        return self._step(line, "objected", "objection-decision", {"accepted": True, "reason": line.content["reason"]})

    def _step(self, line: Line, state: str, step: str, body: Mapping[str, Any]) -> Outcome:
        """Take the placement a step further, if it is in the state before that step."""
        placement = self._placement(line)
        if placement["state"] != state:
            return Outcome.KNOWN
        self.post(line, "assignment", f"/v1/placements/{placement['placement_id']}/{step}", body)
        return Outcome.ENTERED

    def _order(self, line: Line) -> Outcome:
        """An address that was found wrong since is no reason to forget a visit that took place there."""
        lost = line.content
        body: dict[str, Any] = {name: lost[name] for name in ("visit_id", "visitor", "visit_on", "address_id")}
        if any(one.event == _COMPLETED for one in self._of_visit[lost["visit_id"]]):
            body["override"] = {"reason": REASON}
        self.post(line, "field-visits", "/v1/visits", body | {"contract_id": line.key})
        return Outcome.ENTERED

    def _cancel_visit(self, line: Line) -> Outcome:
        body = {"reason": line.content.get("detail") or REASON}
        try:
            self.post(line, "field-visits", f"/v1/visits/{line.content['visit_id']}/cancellation", body)
        except Refused as refused:
            if refused.code == "visit-cancelled":
                return Outcome.KNOWN
            raise
        return Outcome.ENTERED

    def _complete(self, line: Line) -> Outcome:
        """A dispute that the visitor heard of might have been resolved since, so a person enters such a result."""
        lost = line.content
        if lost["outcome"] == "clarification":
            raise ByHand("Record the result of the visit, unless its dispute is there and resolved: recobro visited.")
        learned = self._of_visit[lost["visit_id"]]
        body = {name: lost[name] for name in ("outcome", "attended_by", "reason_for_non_payment", "position")}
        body |= {
            "at": lost["started_at"],
            "contacts": _parts(learned, "field-visits.contact-data-collected.v1", "kind", "value", "provenance"),
            "addresses": _parts(learned, "field-visits.address-collected.v1", *_ADDRESS),
        }
        for checked in _parts(learned, "field-visits.address-checked.v1", "verdict"):
            body["address_verdict"] = checked["verdict"]
        self.post(line, "field-visits", f"/v1/visits/{lost['visit_id']}/result", body)
        if lost["photos"]:
            raise ByHand("Its photos are not entered again: {count}.", outcome=Outcome.ENTERED, count=lost["photos"])
        return Outcome.ENTERED


_ADDRESS = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state", "provenance")


def _parts(lines: Sequence[Line], event: str, *names: str) -> list[dict[str, Any]]:
    return [{name: line.content.get(name) for name in names} for line in lines if line.event == event]


def _party(made: Mapping[str, Any]) -> dict[str, str]:
    """The party that promised, such as a joint obligor; nothing where the debtor did."""
    return {"party_id": party_id} if (party_id := made.get("party_id")) else {}
