"""The main job, told and checked: a portfolio in, a dialing list out, a payment and a dispute take theirs off it."""

import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recobro import daily, figures, loading
from recobro.client import Client
from recobro.errors import Trouble
from recobro.figures import Record
from recobro.story import Story
from recobro.terminal import amount, count

_SAMPLE = "cartera_mx.csv"
_EXPECTED = "cartera_mx.expected.json"
_CREDITOR = "Financiera La Laguna"
_PORTFOLIO = "Cartera demo"
_MIN_OVERDUE = "100.00"
_DIALED_STAGES = ("early", "late")
_PAID = Decimal("500.00")
_PROMPT_SECONDS = 20.0


@dataclass(frozen=True)
class Stakes:
    """What the chapters pass on to each other."""

    portfolio_id: str
    list_id: str
    entries: list[Record]


class Demo:
    """Plays the main job on a running platform, in a portfolio of its own, so that it can be played again."""

    def __init__(self, client: Client, story: Story) -> None:
        self._client = client
        self._story = story
        self._expected: Record = json.loads(_sample(_EXPECTED).read_text(encoding="utf-8"))

    def play(self) -> bool:
        """The whole story; whether everything was as expected. ``Trouble`` when it cannot go on."""
        self._story.title("Recobro plays its main job on a sample portfolio. People and companies in it are made up.")
        portfolio_id = self._load()
        self._stages(portfolio_id)
        list_id = self._publish(portfolio_id)
        entries = self._entries(list_id)
        paid, disputed, called = _three_of(entries)
        stakes = Stakes(portfolio_id, list_id, entries)
        first = self._payment(stakes, paid)
        second = self._dispute(stakes, disputed, after=first["cursor"])
        self._dialer(stakes, called, cursor=second["cursor"])
        self._proof(stakes)
        return self._story.end()

    def _load(self) -> str:
        story, expected = self._story, self._expected
        portfolio = self._fresh_portfolio()
        story.chapter("A portfolio comes in")
        story.say(
            f"{_CREDITOR}, a lender, hands over {_SAMPLE} as its core system exports it: a row for each instalment, "
            f"Spanish headers, dates like 31/12/2026, amounts like $1,234.50, and rows that are simply wrong. "
            f"It becomes the portfolio “{portfolio['name']}”, as of {expected['as_of']}."
        )
        started = time.perf_counter()
        with resources.as_file(_sample(_SAMPLE)) as file:
            parameters = {"mode": "delta", "as_of": expected["as_of"]}
            sent = loading.upload(self._client, file, portfolio["portfolio_id"], parameters, lambda _: None)
        view = loading.wait_until_at_rest(self._client, sent["file_id"])
        if view["status"] != "loaded":
            raise Trouble(f"The sample was not loaded: {view['error']}")
        seconds = time.perf_counter() - started
        story.fact(
            f"{count(view['rows_read'])} rows read, in {seconds:.1f} s", view["rows_read"], expected["rows_read"]
        )
        story.fact(f"{count(view['rows_accepted'])} rows loaded", view["rows_accepted"], expected["rows_accepted"])
        story.fact(f"{count(view['contracts'])} contracts", view["contracts"], expected["contracts"])
        story.fact(
            f"MXN {amount(view['amount_accepted'])} in all", view["amount_accepted"], expected["amount_accepted"]
        )
        self._rejects(view)
        return str(portfolio["portfolio_id"])

    def _fresh_portfolio(self) -> Record:
        """A portfolio of its own for each time: every figure is then the sample's, however often it is played."""
        creditors = self._client.items("portfolio", "/v1/creditors")
        creditor = next((one for one in creditors if one["name"] == _CREDITOR), None)
        if creditor is None:
            new = {"name": _CREDITOR, "kind": "financial", "country": "MX"}
            creditor = self._client.post("portfolio", "/v1/creditors", new)
        creditor_id = creditor["creditor_id"]
        played = sum(
            1 for one in self._client.items("portfolio", "/v1/portfolios") if one["creditor_id"] == creditor_id
        )
        portfolio: Record = self._client.post(
            "portfolio",
            "/v1/portfolios",
            {
                "creditor_id": creditor_id,
                "name": f"{_PORTFOLIO} {played + 1}",
                "product": "consumer credit",
                "currency": "MXN",
                "jurisdiction": "MX",
            },
        )
        return portfolio

    def _rejects(self, view: Record) -> None:
        story = self._story
        with TemporaryDirectory() as folder:
            file = Path(folder) / "rejects.csv"
            self._client.save("portfolio", f"/v1/files/{view['file_id']}/rejects", file)
            rejects = loading.read_rejects(file)
        text = f"{count(view['rows_rejected'])} rows given back, each with its number and every reason; the rest loads"
        story.fact(text, view["rows_rejected"], self._expected["rows_rejected"])
        told = {reject.row: reject.codes for reject in rejects}
        wanted = {row: code for code, rows in self._expected["rejected_rows"].items() for row in rows}
        differing = sorted(row for row in told.keys() | wanted.keys() if wanted.get(row) not in told.get(row, ()))
        story.holds(
            "they are the rows that are wrong, and no others",
            so=not differing,
            otherwise=f"other rows: {differing[:5]}",
        )
        story.table(loading.rejects_by_reason(rejects))

    def _stages(self, portfolio_id: str) -> None:
        story = self._story
        story.chapter("How late is everybody?")
        story.say(
            f"Every contract stands in the stage of its oldest unpaid instalment, as of {self._expected['as_of']}."
        )
        stages = {row["stage"]: row for row in self._client.get("portfolio", "/v1/stages", portfolio_id=portfolio_id)}
        story.table(figures.stages(stages))
        expected = self._expected["stages"]
        story.fact(
            "the four stages have the contracts and the amounts that they should", _totals(stages), _totals(expected)
        )

    def _publish(self, portfolio_id: str) -> str:
        story, day = self._story, self._expected["as_of"]
        story.chapter("Today's dialing list")
        story.say(
            f"A campaign dials contracts in the stages {' and '.join(_DIALED_STAGES)} that owe more than "
            f"{_MIN_OVERDUE} and have a phone. Its list is built from everything that is known up to this moment."
        )
        campaign = self._client.post(
            "dialer-feed",
            "/v1/campaigns",
            {
                "name": "Reminder calls",
                "agency_id": None,
                "min_overdue": _MIN_OVERDUE,
                "stages": list(_DIALED_STAGES),
                "portfolio_ids": [portfolio_id],
            },
        )
        started = time.perf_counter()
        published = daily.publish(self._client, campaign["campaign_id"], day)
        seconds = time.perf_counter() - started
        story.fact(
            f"{count(published['entries'])} entries published after {seconds:.1f} s, "
            f"MXN {amount(published['overdue_total'])} overdue",
            published["entries"],
            self._expected["list_entries"],
        )
        return str(published["list_id"])

    def _entries(self, list_id: str) -> list[Record]:
        """Every entry, read as a dialer reads it."""
        with self._client.lines("dialer-feed", f"/v1/lists/{list_id}/entries", format="jsonl") as lines:
            entries = [json.loads(line) for line in lines if line]
        self._story.say("What the dialer reads begins with these, here with the phones masked:")
        self._story.table(figures.entries(entries[:3]))
        self._story.fact(
            f"{count(len(entries))} entries read by the dialer", len(entries), self._expected["list_entries"]
        )
        return entries

    def _payment(self, stakes: Stakes, entry: Record) -> Record:
        story, number = self._story, entry["contract_number"]
        story.chapter("Somebody pays")
        story.say(
            f"{number} is {entry['days_past_due']} days late with MXN {amount(entry['overdue_balance'])}. "
            f"At the branch MXN {amount(_PAID)} is paid in."
        )
        contract_id = self._contract_id(stakes, number)
        payment = {"amount": str(_PAID), "paid_on": self._expected["as_of"], "channel": "branch"}
        payment["reference"] = f"demo-{uuid.uuid4().hex[:12]}"
        receipt, withdrawal = self._see_it_withdrawn(stakes, contract_id, "payments", payment, "payment", after=0)
        left = Decimal(entry["overdue_balance"]) - _PAID
        story.fact(f"MXN {amount(left)} are still overdue", Decimal(receipt["overdue_balance"]), left)
        return withdrawal

    def _dispute(self, stakes: Stakes, entry: Record, *, after: int) -> Record:
        story, number = self._story, entry["contract_number"]
        story.chapter("Somebody disputes the debt")
        story.say(f"{number} writes that MXN {amount(entry['overdue_balance'])} cannot be right. Contact has to stop.")
        contract_id = self._contract_id(stakes, number)
        claim = {"reason": "amount in doubt", "opened_by": "debtor"}
        opened, withdrawal = self._see_it_withdrawn(
            stakes, contract_id, "clarifications", claim, "clarification", after=after
        )
        story.say(f"The answer to the debtor is due on {opened['deadline_on']}.")
        return withdrawal

    def _see_it_withdrawn(
        self, stakes: Stakes, contract_id: str, kind: str, body: Mapping[str, Any], reason: str, *, after: int
    ) -> tuple[Record, Record]:
        """Post what silences a contract while a dialer waits at the list's feed; the answer, and what it heard."""
        feed = f"/v1/lists/{stakes.list_id}/withdrawals"

        def listen() -> tuple[list[Record], float]:
            told = self._client.get("dialer-feed", feed, after=after, wait=int(_PROMPT_SECONDS))
            return told["items"], time.perf_counter()

        with ThreadPoolExecutor(1) as dialer:
            waiting = dialer.submit(listen)
            sent = time.perf_counter()
            answer = self._client.post("portfolio", f"/v1/contracts/{contract_id}/{kind}", body)
            items, heard = waiting.result()
        withdrawal: Record | None = next((item for item in items if item["contract_id"] == contract_id), None)
        if withdrawal is None:
            raise Trouble(f"The list's feed did not tell of it within {_PROMPT_SECONDS:.0f} s.")
        self._story.fact(
            f"off the list in {_milliseconds(withdrawal):.0f} ms; the dialer knew "
            f"{(heard - sent) * 1000:.0f} ms after it was sent, with the reason “{reason}”",
            withdrawal["reason"],
            reason,
        )
        return answer, withdrawal

    def _contract_id(self, stakes: Stakes, number: str) -> str:
        found = self._client.get("portfolio", "/v1/contracts", portfolio_id=stakes.portfolio_id, number=number)
        return str(found["items"][0]["contract_id"])

    def _dialer(self, stakes: Stakes, entry: Record, *, cursor: int) -> None:
        story = self._story
        story.chapter("The dialer confirms, and calls somebody else")
        path = f"/v1/lists/{stakes.list_id}"
        confirmed = self._client.post("dialer-feed", f"{path}/acknowledgements", {"cursor": cursor})
        story.fact("the dialer has confirmed both withdrawals", confirmed["cursor"], cursor)
        with self._client.lines("dialer-feed", f"{path}/entries", format="jsonl") as lines:
            still_listed = {json.loads(line)["contract_number"] for line in lines if line}
        gone = {item["contract_number"] for item in stakes.entries} - still_listed
        story.fact("exactly 2 entries are gone from what it reads now", len(gone), 2)
        call = {
            "call_id": f"demo-{uuid.uuid4().hex[:12]}",
            "list_id": stakes.list_id,
            "contract_number": entry["contract_number"],
            "phone": entry["phones"][0],
            "agent": "agent-7",
            "started_at": datetime.now(UTC).isoformat(),
            "duration_seconds": 24,
            "disposition": "no_answer",
        }
        outcome = self._client.post("dialer-feed", "/v1/calls", [call])
        story.fact(
            f"a call to {entry['contract_number']}, still listed, is recorded: no answer", outcome["accepted"], 1
        )

    def _proof(self, stakes: Stakes) -> None:
        story = self._story
        story.chapter("The proof")
        report = self._client.get("dialer-feed", "/v1/withdrawal-report", list_id=stakes.list_id)
        story.table(figures.withdrawal_report(report))
        story.fact("2 contracts were withdrawn from the live list", report["withdrawn"], 2)
        story.fact("0 calls to somebody who had been withdrawn before", report["wrongful_calls"], 0)


def _sample(name: str) -> Any:
    return resources.files("recobro") / "sample" / name


def _three_of(entries: list[Record]) -> list[Record]:
    """The first three contracts that owe more than what will be paid."""
    chosen = [entry for entry in entries if Decimal(entry["overdue_balance"]) > _PAID][:3]
    if len(chosen) < 3:
        raise Trouble("The list has too few entries to go on.")
    return chosen


def _totals(stages: Mapping[str, Record]) -> dict[str, tuple[int, str]]:
    return {name: (row["contracts"], amount(row["overdue_balance"])) for name, row in sorted(stages.items())}


def _milliseconds(withdrawal: Record) -> float:
    caused, withdrawn = (datetime.fromisoformat(withdrawal[name]) for name in ("caused_at", "withdrawn_at"))
    return (withdrawn - caused).total_seconds() * 1000
