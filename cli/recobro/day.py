"""The second part of the demo: the events of a day, each of which takes its contract off the dialing lists."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

from recobro import figures
from recobro.bank_chapter import play_bank_file
from recobro.client import Client, Refused
from recobro.debtor_links import DebtorsBrowser
from recobro.decision_chapter import play_decisions
from recobro.errors import Trouble
from recobro.figures import Record
from recobro.language import day, tr, word
from recobro.settlement_chapter import Settlement
from recobro.story import Story
from recobro.terminal import amount

T = TypeVar("T")
FEE_PERCENT = Decimal(10)
"""The percentage that an agency of the story earns of a payment on a contract more than 30 days late."""

_PAID = Decimal("500.00")
_FEE = Decimal("50.00")
_FEED_SECONDS = 20
_FEED_QUESTIONS = 6
_COMMISSION_SECONDS = 120.0
_VISITOR = "visitor-3"


@dataclass(frozen=True)
class AgencyList:
    """An agency's list of the day, with its entries as published."""

    agency_id: str
    agency: str
    list_id: str
    entries: list[Record]


class Day:
    """Plays the events of one day after the lists are published."""

    def __init__(
        self, client: Client, story: Story, portfolio_id: str, today: str, lists: list[AgencyList], folder: Path
    ) -> None:
        self._client = client
        self._story = story
        self._portfolio_id = portfolio_id
        self._today = today
        self._first, self._second = lists
        self._folder = folder
        self._cursors = {one.list_id: 0 for one in lists}
        self._withdrawn = {one.list_id: 0 for one in lists}

    def play(self, agencies: Mapping[str, Client], second_person: Client | None) -> None:
        """``agencies`` maps each agency's id to a client with the agency's own token."""
        late = [one for one in self._first.entries if one["days_past_due"] > 30]
        paid, disputed, promised, visited, called, linked, agreed = _owing_enough(late, 7)
        recalled, settled = _owing_enough(self._second.entries, 2)
        payment_id = self._payment(paid)
        in_bank_file = {"contract_id": self._contract_id(paid), "contract_number": paid["contract_number"]}
        play_bank_file(self._client, self._story, self._portfolio_id, self._today, in_bank_file)
        self._dispute(disputed)
        self._promise(promised)
        self._link(linked)
        if second_person is not None:
            self._settle(agreed, second_person)
        self._recall(recalled, agencies[self._second.agency_id])
        self._visit(visited)
        self._dialers(called, agencies)
        calls = self._second.list_id, agencies[self._second.agency_id]
        play_decisions(self._client, self._story, self._contract_id(settled), settled, self._today, *calls)
        self._ask_before_calling(paid, agencies[self._first.agency_id])
        self._commission(payment_id, agencies[self._first.agency_id])
        self._proof()

    def _payment(self, entry: Record) -> str:
        story = self._story
        story.chapter(tr("A debtor pays"))
        story.paragraph(
            tr(
                "{contract} is {days} days past due and owes MXN {owed}. The debtor pays MXN {paid} at the branch.",
                contract=entry["contract_number"],
                days=entry["days_past_due"],
                owed=amount(entry["overdue_balance"]),
                paid=amount(_PAID),
            )
        )
        payment = {
            "amount": str(_PAID),
            "paid_on": self._today,
            "channel": "branch",
            "reference": f"demo-{uuid.uuid4().hex[:12]}",
        }
        receipt = self._post_and_await_withdrawal(
            self._first, entry, "payment", "portfolio", "contracts/{}/payments", payment
        )
        left = Decimal(entry["overdue_balance"]) - _PAID
        story.fact(tr("MXN {amount} are still overdue", amount=amount(left)), Decimal(receipt["overdue_balance"]), left)
        self._charge(self._contract_id(entry), left)
        self._keep_the_person(self._contract_id(entry))
        return str(receipt["payment_id"])

    def _charge(self, contract_id: str, owed: Decimal) -> None:
        """A fee is taken and waived, so that the debt is what it was."""
        charge = {"amount": str(_FEE), "charged_on": self._today}
        path = f"/v1/contracts/{contract_id}/charges"
        fee = charge | {"kind": "fee", "reason": tr("collection costs, by contract")}
        raised = self._client.post("portfolio", path, fee)
        waiver = charge | {"kind": "waiver", "reason": tr("the debtor has paid in time")}
        waived = self._client.post("portfolio", path, waiver)
        self._story.fact(
            tr("a fee of MXN {amount} is taken, and waived again", amount=amount(_FEE)),
            (Decimal(raised["overdue_balance"]), Decimal(waived["overdue_balance"])),
            (owed + _FEE, owed),
        )

    def _keep_the_person(self, contract_id: str) -> None:
        person_id = self._client.get("portfolio", f"/v1/contracts/{contract_id}")["debtor"]["person_id"]
        erasure = self._client.get("portfolio", f"/v1/people/{person_id}/erasure")
        text = tr("nobody can erase the debtor's data while the contract is open")
        self._story.fact(text, (erasure["may_be_erased"], contract_id in erasure["open_contracts"]), (False, True))

    def _dispute(self, entry: Record) -> None:
        story = self._story
        story.chapter(tr("A debtor disputes the debt"))
        story.paragraph(
            tr(
                "The debtor of {contract} writes that MXN {owed} cannot be right. Contact must stop.",
                contract=entry["contract_number"],
                owed=amount(entry["overdue_balance"]),
            )
        )
        claim = {"reason": tr("amount in doubt"), "opened_by": "debtor"}
        opened = self._post_and_await_withdrawal(
            self._first, entry, "clarification", "portfolio", "contracts/{}/clarifications", claim
        )
        story.paragraph(tr("The answer to the debtor is due on {day}.", day=day(opened["deadline_on"])))

    def _promise(self, entry: Record) -> None:
        story = self._story
        due_on = str(date.fromisoformat(self._today) + timedelta(days=5))
        story.chapter(tr("A debtor promises to pay"))
        story.paragraph(
            tr(
                "The debtor of {contract} promises MXN {owed} for {day}. Nobody calls until then.",
                contract=entry["contract_number"],
                owed=amount(entry["overdue_balance"]),
                day=day(due_on),
            )
        )
        promise = {"amount": entry["overdue_balance"], "due_on": due_on, "made_in": "call"}
        made = self._post_and_await_withdrawal(self._first, entry, "promise", "promises", "promises", promise)
        story.fact(tr("the promise is open"), made["state"], "open")

    def _link(self, entry: Record) -> None:
        story, contract_id = self._story, self._contract_id(entry)
        story.chapter(tr("A debtor opens a link and promises without calling"))
        story.paragraph(
            tr(
                "The debtor of {contract} gets a link, answers who they are, and promises MXN {owed}.",
                contract=entry["contract_number"],
                owed=amount(entry["overdue_balance"]),
            )
        )
        contract = self._client.get("portfolio", f"/v1/contracts/{contract_id}")
        link = self._client.post_when_known("promises", f"/v1/contracts/{contract_id}/links", {})
        browser = DebtorsBrowser(self._client.address("promises"), link["url"])
        number = entry["contract_number"]
        story.fact(tr("before the answers the page tells nothing about the debt"), browser.text.count(number), 0)
        known = {"tax_id": contract["debtor"]["tax_id"], "postal_code": contract["addresses"][0]["postal_code"]}
        browser.identify(tax_id=(known["tax_id"] or "")[-4:], postal_code=known["postal_code"] or "")
        due_on = str(date.fromisoformat(self._today) + timedelta(days=5))
        promise = partial(browser.act, "promise", amount=str(entry["overdue_balance"]), due_on=due_on)
        self._await_withdrawal(self._first, entry, "promise", promise)
        done = self._client.get("promises", f"/v1/links/{link['link_id']}")["acts"]
        story.fact(tr("the promise is kept as the debtor's own act"), [one["kind"] for one in done], ["promise"])
        stranger = DebtorsBrowser(self._client.address("promises"), link["url"])
        story.fact(tr("the link opens once: a stranger finds nothing"), stranger.text.count(number), 0)

    def _settle(self, entry: Record, second_person: Client) -> None:
        contract = self._client.get("portfolio", f"/v1/contracts/{self._contract_id(entry)}")
        silences = partial(self._await_withdrawal, self._first, entry, "promise")
        Settlement(self._client, second_person, self._story, contract).play(self._today, silences)

    def _recall(self, entry: Record, agency: Client) -> None:
        story = self._story
        story.chapter(tr("A contract is taken back from its agency"))
        story.paragraph(
            tr(
                "The branch takes over {contract}. {agency} must stop working on it.",
                contract=entry["contract_number"],
                agency=self._second.agency,
            )
        )
        placements = self._client.get(
            "assignment", "/v1/placements", contract_id=self._contract_id(entry), kind="dialing", state="active"
        )
        placement_id = placements["items"][0]["placement_id"]
        path = f"placements/{placement_id}"
        reason = {"reason": tr("handled by the branch")}
        self._post_and_await_withdrawal(self._second, entry, "recall", "assignment", f"{path}/recall", reason)
        answer = {"reason": tr("noted")}
        agency.post("assignment", f"/v1/{path}/acknowledgement", answer)
        state = self._client.get("assignment", f"/v1/{path}")["state"]
        story.fact(
            tr("{agency} has acknowledged the recall, with its own token", agency=self._second.agency),
            state,
            "recalled",
        )

    def _visit(self, entry: Record) -> None:
        story = self._story
        story.chapter(tr("A debtor is visited at home and disputes the debt at the door"))
        ordered = self._client.post_when_known(
            "field-visits",
            "/v1/visits",
            {"contract_id": self._contract_id(entry), "visitor": _VISITOR, "visit_on": self._today},
        )
        path = f"/v1/visits/{ordered['visit_id']}"
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in ("sheet", "letter"):
            self._client.save("field-visits", f"{path}/{name}.pdf", self._folder / f"{name}.pdf")
        story.paragraph(
            tr(
                "The visit sheet, which shows no amount, and the letter to the debtor are in {folder}.",
                folder=self._folder,
            )
        )
        # The sample's day lies in the past. An attendance much later than the visit's day would bring no balance.
        at = f"{self._today}T18:00:00Z"
        attended = self._client.post("field-visits", f"{path}/attendance", {"attended_by": "debtor", "at": at})
        story.fact(
            tr(
                "the visitor sees the balance only once the debtor is present: MXN {owed}",
                owed=amount(attended["balance"]["overdue_balance"]),
            ),
            Decimal(attended["balance"]["overdue_balance"]),
            Decimal(entry["overdue_balance"]),
        )
        result = {
            "outcome": "clarification",
            "attended_by": "debtor",
            "reason_for_non_payment": tr("not my debt"),
            "at": at,
        }
        self._post_and_await_withdrawal(
            self._first, entry, "clarification", "field-visits", path.removeprefix("/v1/") + "/result", result
        )
        contract = self._client.get("portfolio", f"/v1/contracts/{self._contract_id(entry)}")
        opened = [one["opened_by"] for one in contract["clarifications"] if one["state"] == "open"]
        story.fact(tr("portfolio has opened the clarification that the visitor reported"), opened, ["visitor"])

    def _post_and_await_withdrawal(
        self, on: AgencyList, entry: Record, reason: str, service: str, path: str, body: Mapping[str, object]
    ) -> Record:
        """Post a request that silences a contract while its dialer waits for the list's feed. Returns the answer."""
        contract_id = self._contract_id(entry)
        request = {**body, "contract_id": contract_id} if path == "promises" else body
        post = partial(self._client.post_when_known, service, f"/v1/{path.format(contract_id)}", request)
        return self._await_withdrawal(on, entry, reason, post)

    def _await_withdrawal(self, on: AgencyList, entry: Record, reason: str, act: Callable[[], T]) -> T:
        """Do what silences a contract while its dialer waits for the list's feed. Returns what the act returns."""
        contract_id = self._contract_id(entry)
        feed = f"/v1/lists/{on.list_id}/withdrawals"
        after = self._cursors[on.list_id]

        def read_feed() -> tuple[list[Record], float]:
            for _ in range(_FEED_QUESTIONS):
                items = self._client.get("dialer-feed", feed, after=after, wait=_FEED_SECONDS)["items"]
                if items:
                    break
            return items, time.perf_counter()

        with ThreadPoolExecutor(1) as dialer:
            waiting = dialer.submit(read_feed)
            sent = time.perf_counter()
            answer = act()
            items, received_at = waiting.result()
        withdrawal: Record | None = next((item for item in items if item["contract_id"] == contract_id), None)
        if withdrawal is None:
            raise Trouble(tr("The withdrawal did not appear in the list's feed."))
        self._cursors[on.list_id] = withdrawal["cursor"]
        self._withdrawn[on.list_id] += 1
        self._story.fact(
            tr(
                "withdrawn from the list in {ms} ms, with the reason “{reason}”; the dialer received it "
                "{later} ms after the request was sent",
                ms=f"{_milliseconds(withdrawal):.0f}",
                reason=word(reason),
                later=f"{(received_at - sent) * 1000:.0f}",
            ),
            withdrawal["reason"],
            reason,
        )
        return answer

    def _contract_id(self, entry: Record) -> str:
        return str(uuid.uuid5(uuid.UUID(self._portfolio_id), entry["contract_number"]))

    def _dialers(self, entry: Record, agencies: Mapping[str, Client]) -> None:
        story = self._story
        story.chapter(tr("The dialers acknowledge the withdrawals and go on calling"))
        for one in (self._first, self._second):
            client, cursor = agencies[one.agency_id], self._cursors[one.list_id]
            path = f"/v1/lists/{one.list_id}"
            acknowledged = client.post("dialer-feed", f"{path}/acknowledgements", {"cursor": cursor})
            gone = {entry["contract_number"] for entry in one.entries} - self._still_listed(client, one.list_id)
            story.fact(
                tr("{agency} has acknowledged its withdrawals", agency=one.agency), acknowledged["cursor"], cursor
            )
            story.fact(
                tr("exactly these contracts are gone from the list that it reads now"),
                len(gone),
                self._withdrawn[one.list_id],
            )
        call = {
            "call_id": f"demo-{uuid.uuid4().hex[:12]}",
            "list_id": self._first.list_id,
            "contract_number": entry["contract_number"],
            "phone": entry["phones"][0],
            "agent": "agent-7",
            "started_at": datetime.now(UTC).isoformat(),
            "duration_seconds": 24,
            "disposition": "no_answer",
        }
        outcome = agencies[self._first.agency_id].post("dialer-feed", "/v1/calls", [call])
        story.fact(
            tr("a call to {contract}, still listed, is recorded: no answer", contract=entry["contract_number"]),
            outcome["accepted"],
            1,
        )
        evidence = self._client.get("dialer-feed", f"/v1/calls/{call['call_id']}")["call"]
        story.fact(
            tr("the evidence of the call names its agent, its number and its outcome"),
            [evidence[name] for name in ("agent", "phone", "disposition")],
            [call[name] for name in ("agent", "phone", "disposition")],
        )
        by_agent = self._client.items("dialer-feed", "/v1/productivity", by="agent", agency_id=self._first.agency_id)
        attempts = sum(one["attempts"] for one in by_agent if one["agent"] == call["agent"])
        story.check(tr("the agent's productivity counts the attempt"), passed=attempts > 0)

    def _ask_before_calling(self, entry: Record, agency: Client) -> None:
        """A dialer asks about the contract that was paid. At night it may be refused because of the hour."""
        asked = {"list_id": self._first.list_id, "contract_number": entry["contract_number"]}
        try:
            agency.post("dialer-feed", "/v1/permits", asked | {"phone": entry["phones"][0]})
            status, why = 200, ""
        except Refused as refused:
            status, why = refused.status, str(refused.problem.get("detail", ""))
        self._story.fact(
            tr(
                "a dialer that asks whether it may call {contract}, which has paid, is refused: “{why}”",
                contract=entry["contract_number"],
                why=why.rstrip("."),
            ),
            status,
            409,
        )

    def _still_listed(self, client: Client, list_id: str) -> set[str]:
        with client.lines("dialer-feed", f"/v1/lists/{list_id}/entries", format="jsonl") as lines:
            return {json.loads(line)["contract_number"] for line in lines if line}

    def _commission(self, payment_id: str, agency: Client) -> None:
        story = self._story
        story.chapter(tr("The agency earns its commission"))
        path = f"/v1/agencies/{self._first.agency_id}/commissions"

        def earned() -> Record | None:
            return next((one for one in agency.items("assignment", path) if one["payment_id"] == payment_id), None)

        commission = _within(_COMMISSION_SECONDS, earned)
        expected = (_PAID * FEE_PERCENT / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
        found = Decimal(commission["amount"]) if commission else None
        story.fact(
            tr(
                "{agency} reads its own commission: MXN {amount}, {percent} % of the payment",
                agency=self._first.agency,
                amount=amount(expected),
                percent=FEE_PERCENT,
            ),
            found,
            expected,
        )

    def _proof(self) -> None:
        story = self._story
        story.chapter(tr("The proof"))
        for one in (self._first, self._second):
            report = self._client.get("dialer-feed", "/v1/withdrawal-report", list_id=one.list_id)
            expected = self._withdrawn[one.list_id]
            story.fact(
                tr("{agency}: {count} withdrawn from the live list", agency=one.agency, count=expected),
                report["withdrawn"],
                expected,
            )
            story.table(figures.withdrawal_report(report))
            story.fact(tr("0 calls about contracts that had been withdrawn before"), report["wrongful_calls"], 0)


def _owing_enough(entries: list[Record], number: int) -> list[Record]:
    """Return the first contracts that owe more than the amount to be paid."""
    chosen = [entry for entry in entries if Decimal(entry["overdue_balance"]) > _PAID][:number]
    if len(chosen) < number:
        raise Trouble(tr("The list has too few entries for the demo."))
    return chosen


def _within(seconds: float, look: Callable[[], Record | None]) -> Record | None:
    """Call ``look`` repeatedly for up to ``seconds`` and return what it finds."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _milliseconds(withdrawal: Record) -> float:
    caused, withdrawn = (datetime.fromisoformat(withdrawal[name]) for name in ("caused_at", "withdrawn_at"))
    return (withdrawn - caused).total_seconds() * 1000
