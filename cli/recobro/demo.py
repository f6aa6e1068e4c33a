"""The first part of the demo: a portfolio is loaded, agencies share the contracts, lists are published."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from recobro import daily, figures, loading
from recobro.client import Client
from recobro.day import FEE_PERCENT, AgencyList, Day
from recobro.errors import Trouble
from recobro.figures import Record
from recobro.language import day, number, tr
from recobro.story import Story
from recobro.terminal import amount, count

_LETTERHEAD = {
    "legal_name": "Crédito La Laguna, S.A. de C.V.",
    "tax_id": "CLL010101AA1",
    "address": "Bulevar Independencia 100, Centro, 27000 Torreón, Coahuila",
    "phones": ["+52 871 555 0100"],
    "complaints_unit": "UNE, +52 871 555 0199, une@laguna.example",
    "payment_instructions": "Transfiera a la CLABE 012345678901234567 de Banco Uno, o pague en nuestras sucursales.",
}
"""What the letter to a debtor has to say of the creditor."""
_SAMPLE = "cartera_mx.csv"
_EXPECTED = "cartera_mx.expected.json"
CREDITOR = "Financiera La Laguna"
PORTFOLIO = "Cartera demo"
_MIN_OVERDUE = "100.00"
_DIALED_STAGES = ("early", "late")
_REMINDED_DAYS = 12
AGENCIES = (("Llamadas del Norte", 2), ("Contacto Laguna", 1))
_PLACED_SECONDS = 120.0
_FILLED_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.2
AsAgency = Callable[[UUID], Client]


class Demo:
    """Plays the main job on a running platform. Each play has a portfolio of its own, so it can be repeated."""

    def __init__(
        self, client: Client, story: Story, as_agency: AsAgency, second_person: Client | None, folder: Path
    ) -> None:
        """``as_agency`` makes a client with the agency's token. Files worth keeping are saved to ``folder``.

        Without a ``second_person``, who has to approve it, no settlement is played.
        """
        self._client = client
        self._story = story
        self._as_agency = as_agency
        self._second_person = second_person
        self._folder = folder
        self._expected: Record = json.loads(_sample(_EXPECTED).read_text(encoding="utf-8"))

    def play(self) -> bool:
        """Play the whole story and return whether everything was as expected.

        Raises ``Trouble`` if the story cannot continue.
        """
        self._story.title(
            tr("Recobro plays its main job on a sample portfolio. All people and companies in it are invented.")
        )
        portfolio_id = self._load()
        self._stages(portfolio_id)
        agencies = self._agencies(portfolio_id)
        self._place(portfolio_id, agencies)
        lists = self._publish(portfolio_id, agencies)
        self._remind(portfolio_id)
        with ExitStack() as stack:
            day = Day(self._client, self._story, portfolio_id, self._expected["as_of"], lists, self._folder)
            if self._second_person is not None:
                stack.enter_context(self._second_person)
            day.play(
                {one["agency_id"]: stack.enter_context(self._as_agency(UUID(one["agency_id"]))) for one in agencies},
                self._second_person,
            )
        return self._story.end()

    def _load(self) -> str:
        story, expected = self._story, self._expected
        portfolio = self._fresh_portfolio()
        story.chapter(tr("A portfolio is loaded"))
        story.paragraph(
            tr(
                "{creditor}, a lender, hands over {file} as its core system exports it: a row for each "
                "instalment, Spanish headers, dates like 31/12/2026, amounts like $1,234.50, and some rows "
                "with mistakes. It becomes the portfolio “{portfolio}”, as of {day}.",
                creditor=CREDITOR,
                file=_SAMPLE,
                portfolio=portfolio["name"],
                day=day(expected["as_of"]),
            )
        )
        started = time.perf_counter()
        with resources.as_file(_sample(_SAMPLE)) as file:
            parameters = {"mode": "delta", "as_of": expected["as_of"], "confirm_future": "true"}
            sent = loading.upload(self._client, file, portfolio["portfolio_id"], parameters, lambda _: None)
        view = loading.wait_until_at_rest(self._client, sent["file_id"])
        if view["status"] != "loaded":
            raise Trouble(tr("The sample was not loaded: {error}", error=view["error"]))
        seconds = time.perf_counter() - started
        story.fact(
            tr(
                "{count} rows read, in {seconds} s", count=count(view["rows_read"]), seconds=number(Decimal(seconds), 1)
            ),
            view["rows_read"],
            expected["rows_read"],
        )
        story.fact(
            tr("{count} rows loaded", count=count(view["rows_accepted"])),
            view["rows_accepted"],
            expected["rows_accepted"],
        )
        story.fact(tr("{count} contracts", count=count(view["contracts"])), view["contracts"], expected["contracts"])
        story.fact(
            tr("MXN {amount} in all", amount=amount(view["amount_accepted"])),
            view["amount_accepted"],
            expected["amount_accepted"],
        )
        self._rejects(view)
        return str(portfolio["portfolio_id"])

    def _fresh_portfolio(self) -> Record:
        """Create a new portfolio, so that every figure is the sample's, however often the demo is played."""
        creditors = self._client.items("portfolio", "/v1/creditors")
        creditor = next((one for one in creditors if one["name"] == CREDITOR), None)
        if creditor is None:
            new = {"name": CREDITOR, "kind": "financial", "country": "MX"}
            creditor = self._client.post("portfolio", "/v1/creditors", new)
            self._client.patch("portfolio", f"/v1/creditors/{creditor['creditor_id']}", _LETTERHEAD)
        creditor_id = creditor["creditor_id"]
        played = sum(
            1 for one in self._client.items("portfolio", "/v1/portfolios") if one["creditor_id"] == creditor_id
        )
        portfolio: Record = self._client.post(
            "portfolio",
            "/v1/portfolios",
            {
                "creditor_id": creditor_id,
                "name": f"{PORTFOLIO} {played + 1}",
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
        text = tr("{count} rows rejected, each with its number and every reason", count=count(view["rows_rejected"]))
        story.fact(text, view["rows_rejected"], self._expected["rows_rejected"])
        found = {reject.row: reject.codes for reject in rejects}
        expected = {row: code for code, rows in self._expected["rejected_rows"].items() for row in rows}
        differing = sorted(row for row in found.keys() | expected.keys() if expected.get(row) not in found.get(row, ()))
        story.check(
            tr("exactly the rows with mistakes are rejected"),
            passed=not differing,
            otherwise=tr("a difference in rows {rows}", rows=differing[:5]),
        )
        story.table(loading.rejects_by_reason(rejects))

    def _stages(self, portfolio_id: str) -> None:
        story = self._story
        story.chapter(tr("The stage of each contract"))
        story.paragraph(
            tr(
                "The oldest unpaid instalment decides the stage of a contract, as of {day}.",
                day=day(self._expected["as_of"]),
            )
        )
        stages = {row["stage"]: row for row in self._client.get("portfolio", "/v1/stages", portfolio_id=portfolio_id)}
        story.table(figures.stages(stages))
        expected = self._expected["stages"]
        story.fact(tr("the four stages have the expected contracts and amounts"), _totals(stages), _totals(expected))
        wanted = {"portfolio_id": portfolio_id, "stage": "late", "limit": 1}
        for one in self._client.get("portfolio", "/v1/contracts", **wanted)["items"]:
            why = self._client.get("portfolio", f"/v1/contracts/{one['contract_id']}/stage")
            story.paragraph(
                tr(
                    "Each contract says why, for any day: {number} is {days} days past due, since its instalment of"
                    " {due} is unpaid.",
                    number=one["contract_number"],
                    days=why["days_past_due"],
                    due=day(why["oldest_due_on"]),
                )
            )
        self._strategy(portfolio_id)

    def _strategy(self, portfolio_id: str) -> None:
        """Show how many open contracts are in which segment and at which step."""
        story = self._story
        at = f"/v1/portfolios/{portfolio_id}"
        story.paragraph(tr("Rules give each contract a segment: what kind of customer its debtor is."))
        self._judged("segment", f"{at}/segment-rules")
        story.paragraph(tr("A ladder says how gravely a debtor is approached. It begins with a reminder."))
        self._judged("step", f"{at}/ladder")
        self._desk(portfolio_id)

    def _desk(self, portfolio_id: str) -> None:
        """Give the first person of a worklist to our own people, and take the person back."""
        story = self._story
        portfolio = self._client.get("portfolio", f"/v1/portfolios/{portfolio_id}")
        name = tr("Early, in {portfolio}", portfolio=portfolio["name"])
        known = {one["name"]: one for one in self._client.get("portfolio", "/v1/worklists")}
        new = {"name": name, "when": {"stages": ["early"]}, "portfolio_ids": [portfolio_id]}
        worklist = known.get(name) or self._client.post("portfolio", "/v1/worklists", new)
        item = self._next_person(worklist["worklist_id"])
        story.check(tr("the desk gives our own people whom to call next"), passed=item is not None)
        if item is None:
            return
        first = item["contracts"][0]
        story.paragraph(
            tr(
                "Before an agency collects, our own people work: the desk gives them one person after the other, for 30"
                " minutes. First comes {number}: it owes MXN {overdue}, of which {percent} % are expected to be paid.",
                number=first["contract_number"],
                overdue=amount(first["overdue_balance"]),
                percent=round(float(first["cure_rate"]) * 100),
            )
        )
        self._client.post("portfolio", f"/v1/desk-items/{item['item_id']}/release", None)

    def _next_person(self, worklist_id: str) -> Any:
        """The next person of the worklist; None if there is none when it has been filled, or it never is."""
        deadline = time.monotonic() + _FILLED_SECONDS
        while True:
            found = self._client.post("portfolio", f"/v1/worklists/{worklist_id}/next", None)
            if found["item"] is not None or not found["filling"] or time.monotonic() > deadline:
                return found["item"]
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _judged(self, of: str, path: str) -> None:
        words = self._client.get("portfolio", path)["words"]
        found = self._client.get("portfolio", f"{path}/trial")
        self._story.table(figures.judged(of, found, words))
        self._story.fact(
            tr("every open contract stands where these rules put it"),
            sum(move["contracts"] for move in found["unchanged"]),
            found["contracts"],
        )

    def _agencies(self, portfolio_id: str) -> list[Record]:
        """Return the two agencies, with their service contracts and the rule that shares the work of the portfolio.

        The first play creates the agencies; later plays find them.
        """
        story = self._story
        rule_name = tr("Calls of the demo")
        story.chapter(tr("Two agencies share the calls"))
        story.paragraph(
            tr(
                "The rule “{rule}” gives an agency every contract of the portfolio that is early or late and "
                "owes more than MXN {amount}: two in three to {first}, one in three to {second}. An agency "
                "earns a commission on payments for its contracts: 6 % in the first 30 days past due, 10 % "
                "later.",
                rule=rule_name,
                amount=amount(_MIN_OVERDUE),
                first=AGENCIES[0][0],
                second=AGENCIES[1][0],
            )
        )
        known = {one["name"]: one for one in self._client.items("assignment", "/v1/agencies")}
        agencies = [known.get(name) or self._new_agency(name) for name, _ in AGENCIES]
        shares = [
            {"agency_id": one["agency_id"], "weight": weight}
            for one, (_, weight) in zip(agencies, AGENCIES, strict=True)
        ]
        # Other portfolios of the platform are none of the demo's business.
        when = {"stages": list(_DIALED_STAGES), "min_overdue": _MIN_OVERDUE, "portfolio_ids": [portfolio_id]}
        rule = {"name": rule_name, "priority": 100, "kind": "dialing", "when": when, "shares": shares}
        self._client.post("assignment", "/v1/placement-rules", rule)
        return agencies

    def _new_agency(self, name: str) -> Record:
        agency: Record = self._client.post("assignment", "/v1/agencies", {"name": name})
        contract = {
            "kinds": ["dialing"],
            "starts_on": "2026-01-01",
            "fees": [
                {"kind": "dialing", "from_days": 1, "to_days": 30, "percent": "6"},
                {"kind": "dialing", "from_days": 31, "percent": str(FEE_PERCENT)},
            ],
            "recall_grace_days": 5,
        }
        self._client.post("assignment", f"/v1/agencies/{agency['agency_id']}/service-contracts", contract)
        return agency

    def _place(self, portfolio_id: str, agencies: list[Record]) -> None:
        story = self._story
        contracts = self._client.items("portfolio", "/v1/contracts", portfolio_id=portfolio_id, limit=1000)
        wanted = {
            one["contract_id"]
            for one in contracts
            if one["stage"] in _DIALED_STAGES and Decimal(one["overdue_balance"]) > Decimal(_MIN_OVERDUE)
        }
        started = time.perf_counter()
        placed = self._placed(agencies, wanted)
        # Assignment learns of loaded contracts through events, and a run places only the contracts that it knows.
        while sum(map(len, placed.values())) < len(wanted) and time.perf_counter() - started < _PLACED_SECONDS:
            self._client.post("assignment", "/v1/placement-runs", {})
            placed = self._placed(agencies, wanted)
        story.fact(
            tr("all {count} such contracts are placed, each with one of the two agencies", count=count(len(wanted))),
            sorted(one for ids in placed.values() for one in ids),
            sorted(wanted),
        )
        story.table(figures.placements({name: len(ids) for name, ids in placed.items()}))

    def _placed(self, agencies: list[Record], wanted: set[str]) -> dict[str, list[str]]:
        """Return the contracts among ``wanted`` that each agency has for dialing."""
        return {
            agency["name"]: [
                one["contract_id"]
                for one in self._client.items(
                    "assignment",
                    "/v1/placements",
                    agency_id=agency["agency_id"],
                    kind="dialing",
                    state="active",
                    limit=1000,
                )
                if one["contract_id"] in wanted
            ]
            for agency in agencies
        }

    def _publish(self, portfolio_id: str, agencies: list[Record]) -> list[AgencyList]:
        story = self._story
        story.chapter(tr("Today's dialing lists"))
        story.paragraph(
            tr(
                "Each agency dials the contracts that are placed with it and have a phone. A list is built "
                "only once everything that was acknowledged before has been applied: a barrier asks all five "
                "services."
            )
        )
        lists = [self._list_of(portfolio_id, agency) for agency in agencies]
        story.fact(
            tr("{count} entries on the two lists together", count=count(sum(len(one.entries) for one in lists))),
            sum(len(one.entries) for one in lists),
            self._expected["list_entries"],
        )
        numbers = [entry["contract_number"] for one in lists for entry in one.entries]
        story.fact(tr("no contract is on both lists"), len(set(numbers)), len(numbers))
        story.paragraph(tr("The first entries of a list, here with the phones masked:"))
        story.table(figures.entries(lists[0].entries[:3]))
        return lists

    def _remind(self, portfolio_id: str) -> None:
        """Publish the list of a preventive campaign: what falls due soon, and nothing else of the portfolio."""
        story = self._story
        new = {
            "name": tr("Reminders before the due date"),
            "kind": "preventive",
            "min_total": _MIN_OVERDUE,
            "due_within_days": _REMINDED_DAYS,
            "portfolio_ids": [portfolio_id],
            "one_entry_per": "contract",
        }
        campaign = self._client.post_when_known("dialer-feed", "/v1/campaigns", new)
        today = date.fromisoformat(self._expected["as_of"])
        published = daily.publish(self._client, campaign["campaign_id"], str(today))
        with self._client.lines("dialer-feed", f"/v1/lists/{published['list_id']}/entries", format="jsonl") as lines:
            entries = [json.loads(line) for line in lines if line]
        story.fact(
            tr("{count} reminders are on the list of a preventive campaign", count=count(len(entries))),
            len(entries),
            self._expected["reminders"],
        )
        due_on = [date.fromisoformat(entry["due_on"]) for entry in entries]
        story.check(
            tr("each falls due within {days} days, and nothing of it is overdue", days=_REMINDED_DAYS),
            passed=all(today <= one <= today + timedelta(days=_REMINDED_DAYS) for one in due_on)
            and all(Decimal(entry["overdue_balance"]) == 0 for entry in entries),
        )

    def _list_of(self, portfolio_id: str, agency: Record) -> AgencyList:
        campaign = self._client.post_when_known(
            "dialer-feed",
            "/v1/campaigns",
            {
                "name": tr("Reminder calls, {agency}", agency=agency["name"]),
                "agency_id": agency["agency_id"],
                "min_overdue": _MIN_OVERDUE,
                "stages": list(_DIALED_STAGES),
                "portfolio_ids": [portfolio_id],
                # The expected figures of the sample count contracts.
                "one_entry_per": "contract",
            },
        )
        started = time.perf_counter()
        published = daily.publish(self._client, campaign["campaign_id"], self._expected["as_of"])
        seconds = time.perf_counter() - started
        with self._client.lines("dialer-feed", f"/v1/lists/{published['list_id']}/entries", format="jsonl") as lines:
            entries = [json.loads(line) for line in lines if line]
        self._story.fact(
            tr(
                "{agency}: {count} entries published after {seconds} s, MXN {amount} overdue",
                agency=agency["name"],
                count=count(published["entries"]),
                seconds=number(Decimal(seconds), 1),
                amount=amount(published["overdue_total"]),
            ),
            len(entries),
            published["entries"],
        )
        return AgencyList(agency["agency_id"], agency["name"], str(published["list_id"]), entries)


def _sample(name: str) -> Any:
    return resources.files("recobro") / "sample" / name


def _totals(stages: Mapping[str, Record]) -> dict[str, tuple[int, str]]:
    return {name: (row["contracts"], amount(row["overdue_balance"])) for name, row in sorted(stages.items())}
