"""Plays days of a collections floor on all services, and compares each day's end with the model."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.testing import mint
from floor.model import (
    RECALL_GRACE_DAYS,
    Contract,
    Pause,
    Payment,
    Person,
    Promise,
    Rule,
    Visit,
    list_of,
    shown_on_list,
)
from services_in_process import InProcessPlatform

ZONE = ZoneInfo("America/Mexico_City")
AT_ONCE = 6
MOST_CALLS = 6
"""Calls to a person. More of them would meet the limit of call frequency, which this floor does not play."""
_COLUMNS = (
    "contract_number,debtor_number,debtor_name,instalment_number,due_date,amount_due,phone_1,"
    "address_kind,street,exterior,neighbourhood,postal_code,city,state"
)
_CHANGES = {
    "payment": 4,
    "reversal": 3,
    "dispute": 2,
    "resolution": 4,
    "promise": 3,
    "pause": 1,
    "end of pause": 2,
    "death": 1,
    "revival": 2,
    "recall": 1,
    "opt out": 1,
    "opt in": 2,
    "visit": 4,
}
"""How often each change is tried first."""


class Difference(AssertionError):
    """The services and the model disagree."""


@dataclass
class Agency:
    """``told`` is what the agency has read of its stream: contract → silence → reason, first and last day."""

    agency_id: str
    one_per_person: bool
    """Whether a person has one entry on the agency's list."""
    campaign_id: str = ""
    list_id: str = ""
    old_list_id: str = ""
    position: str | None = None
    told: dict[str, dict[str, tuple[str, date | None, date | None]]] = field(default_factory=dict)
    believed: list[Contract] = field(default_factory=list)
    """The contracts of the agency's last list that nothing had silenced when it read its stream a day ago."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(agency_id=UUID(self.agency_id))}"}


def has_entry(one: Contract, agency: Agency) -> bool:
    """Whether the contract got an entry of its own on the agency's list of the day."""
    return one.entry is not None and one.entry.campaign == agency.agency_id and one.entry.lead is None


@dataclass
class Floor:
    platform: InProcessPlatform
    seed: int
    contracts_wanted: int
    share_changed: float
    day: date = field(default_factory=lambda: datetime.now(ZONE).date() + timedelta(days=1))
    """The business date. It lies ahead of the clock, so that the clock decides about no silence."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.contracts: list[Contract] = []
        self.people: list[Person] = []
        self.agencies: list[Agency] = []
        self.played: Counter[str] = Counter()
        self.names = 0

    # The morning of the first day.

    async def open(self) -> None:
        platform = self.platform
        creditor = {"name": "Norte", "kind": "financial", "country": "MX"}
        creditor_id = (await platform.post("portfolio", "/v1/creditors", creditor))["creditor_id"]
        limits = {"min_share_percent": "0", "max_days_ahead": 90, "max_broken_per_episode": 50}
        portfolio = {"creditor_id": creditor_id, "name": "Norte", "currency": "MXN", "jurisdiction": "MX"}
        portfolio |= {"promise_limits": limits}
        self.portfolio_id = (await platform.post("portfolio", "/v1/portfolios", portfolio))["portfolio_id"]
        for name in ("Uno", "Dos"):
            agency_id = (await platform.post("assignment", "/v1/agencies", {"name": name}))["agency_id"]
            terms = {"kinds": ["dialing"], "starts_on": "2020-01-01", "recall_grace_days": RECALL_GRACE_DAYS}
            terms |= {"fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}]}
            await platform.post("assignment", f"/v1/agencies/{agency_id}/service-contracts", terms)
            self.agencies.append(Agency(agency_id, one_per_person=not self.agencies))
        weights = {self.agencies[0].agency_id: 2, self.agencies[1].agency_id: 1}
        rule = {"name": "dial", "priority": 1, "kind": "dialing"}
        rule |= {"when": {"stages": ["early", "late"], "min_overdue": "100.00"}}
        rule |= {"shares": [{"agency_id": agency_id, "weight": weight} for agency_id, weight in weights.items()]}
        rule_id = (await platform.post("assignment", "/v1/placement-rules", rule))["rule_id"]
        self.rule = Rule(rule_id, weights)
        for agency in self.agencies:
            campaign = {"name": agency.agency_id, "agency_id": agency.agency_id, "max_attempts_per_7_days": 50}
            campaign |= {"one_entry_per": "person" if agency.one_per_person else "contract"}
            agency.campaign_id = (await platform.post("dialer-feed", "/v1/campaigns", campaign))["campaign_id"]
        await self._load_first()

    async def _load_first(self) -> None:
        for number in range(self.contracts_wanted):
            if not self.people or self.chance.random() < 0.8:
                self.people.append(Person(f"K-{len(self.people)}"))
            # So no two contracts of a person owe the same.
            own_cents = Decimal(number % 90) / 100
            oldest = self.day - timedelta(days=self.chance.choice([-3, 1, 2, 10, 25, 28, 29, 30, 45, 80, 88, 95]))
            instalments = [
                (oldest + timedelta(days=30 * n), Decimal(self.chance.choice([60, 90, 101, 250, 900])) + own_cents)
                for n in range(self.chance.choice([1, 2, 3]))
            ]
            contract = Contract(
                "", f"C-{number}", f"+5255{51000000 + number}", self.chance.choice(self.people[-3:]), instalments
            )
            contract.story.append(
                f"{self.day} owes {[(str(d), str(a)) for d, a in instalments]}, {contract.person.number}"
            )
            self.contracts.append(contract)
        await self._send_file(self.contracts, {one.number: one.person for one in self.contracts})
        await self.platform.settled()
        sql = "SELECT contract_number, contract_id::text AS id FROM contract"
        ids = {row["contract_number"]: row["id"] for row in await self.platform.rows("portfolio", sql)}
        for contract in self.contracts:
            contract.contract_id = ids[contract.number]
            contract.review(self.day, self.rule)

    async def _send_file(self, contracts: Iterable[Contract], customers: dict[str, Person]) -> dict[str, Any]:
        lines = [_COLUMNS]
        for one in contracts:
            for due_on, amount in one.unpaid():
                place = [due for due, _ in sorted(one.instalments)].index(due_on) + 1
                cells = [one.number, customers[one.number].number, f"Ana Nombre {one.number.replace('-', ' ')}"]
                cells += [str(place), due_on.isoformat(), f"{amount:.2f}", one.phone]
                cells += ["Particular", "Calle 5", "12", "Centro", "06000", "Cuauhtémoc", "Ciudad de México"]
                lines.append(",".join(cells))
        path = f"/v1/portfolios/{self.portfolio_id}/files"
        query = {"mode": "delta", "filename": "floor.csv", "as_of": str(self.day), "confirm_future": "true"}
        answer = await self.platform.clients["portfolio"].post(path, params=query, content="\n".join(lines).encode())
        assert answer.is_success, answer.text
        file_id = answer.json()["file_id"]
        at_rest = "SELECT status IN ('loaded', 'failed', 'needs_confirmation') FROM file WHERE file_id = $1"
        await self.platform.until("portfolio", at_rest, UUID(file_id))
        file: dict[str, Any] = await self.platform.get("portfolio", f"/v1/files/{file_id}")
        assert (file["status"], file["rows_rejected"]) == ("loaded", 0), file
        return file

    # A day.

    async def play_day(self) -> None:
        await self._publish_lists()
        await self._call_by_old_lists()
        for _ in range(3):
            await self._change_some()
        await self._call_by_the_list()
        await self._read_streams()
        await self.compare()

    def noon(self) -> datetime:
        return datetime.combine(self.day, time(12), ZONE)

    async def begin_next_day(self) -> None:
        self.day += timedelta(days=1)
        run = {"as_of": str(self.day), "confirm_future": True}
        await self.platform.post("portfolio", "/v1/staging-runs", run)
        for contract in self.contracts:
            contract.judge_promises(self.day)
            contract.review(self.day, self.rule)
        await self.platform.settled()
        for contract in self.contracts:
            contract.entry = None
        await self._move_some()

    async def _publish_lists(self) -> None:
        for agency in self.agencies:
            agency.old_list_id = agency.list_id
            wanted = {"campaign_id": agency.campaign_id, "business_date": str(self.day)}
            built = await self.platform.post("dialer-feed", "/v1/lists", wanted)
            done = "SELECT status = 'published' FROM dialing_list WHERE list_id = $1"
            await self.platform.until("dialer-feed", done, UUID(built["list_id"]))
            agency.list_id = built["list_id"]
            list_of(self.contracts, self.day, agency.agency_id, one_per_person=agency.one_per_person)

    async def _move_some(self) -> None:
        """The creditor's file gives some contracts to other customers. A person answers for those of the dead."""
        fit = [one for one in self.contracts if not one.is_settled() and not one.undecided_file]
        moving = self.chance.sample(fit, max(1, int(len(fit) * self.share_changed / 8)))
        customers = {one.number: self.chance.choice(self.people) for one in moving}
        file = await self._send_file(moving, customers)
        for one in moving:
            target = customers[one.number]
            one.story.append(f"{self.day} a file gives it to {target.number} ({target.status})")
            self.played["move"] += 1
            if target is not one.person and one.person.status in ("deceased", "represented"):
                one.undecided_file, one.undecided_for = file["file_id"], target
                one.cancel_visits(self.day)
                continue
            for payment in one.payments:
                payment.absorbed = True
            one.person = target
            one.cancel_visits(self.day)
            one.review(self.day, self.rule)
        await self.platform.settled()
        waiting = [one for one in self.contracts if one.undecided_file]
        for one in self.chance.sample(waiting, len(waiting) // 2):
            await self._decide(one)
        await self.platform.settled()

    async def _decide(self, one: Contract) -> None:
        accept = self.chance.random() < 0.5
        body = {"accept": accept, "contracts": [one.contract_id]}
        await self.platform.post("portfolio", f"/v1/files/{one.undecided_file}/confirmation", body)
        one.story.append(f"{self.day} a person answers {'yes' if accept else 'no'} to the move")
        self.played["decision"] += 1
        if accept:
            assert one.undecided_for is not None
            one.person = one.undecided_for
            for payment in one.payments:
                payment.absorbed = True
        one.undecided_file = one.undecided_for = None
        one.cancel_visits(self.day)
        one.review(self.day, self.rule)

    async def _change_some(self) -> None:
        """One change for each of some people, all at once: changes of different people need no order."""
        count = max(1, int(len(self.contracts) * self.share_changed / 3))
        chosen: dict[str, Contract] = {}
        for contract in self.chance.sample(self.contracts, count):
            chosen.setdefault(contract.person.number, contract)
        gate = asyncio.Semaphore(AT_ONCE)
        before, wrongful = datetime.now(UTC), self._wrongful()

        async def carry_out(one: Contract, kinds: list[str], luck: float) -> None:
            async with gate:
                for kind in kinds:
                    act: Callable[[Contract, float], Awaitable[bool]] = getattr(self, "_" + kind.replace(" ", "_"))
                    if await act(one, luck):
                        self.played[kind] += 1
                        return

        try:
            async with asyncio.TaskGroup() as group:
                for contract in chosen.values():
                    group.create_task(carry_out(contract, self._kinds(), self.chance.random()))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        await self.platform.settled()
        for contract in self.contracts:
            contract.withdraw(self.day)
        for agency in self.agencies:
            changed = [one for one in chosen.values() if has_entry(one, agency)]
            await self._call(agency, agency.list_id, changed[:5], before, wrongful)

    def _kinds(self) -> list[str]:
        """The kinds of changes in the order in which they are tried, until one is possible."""
        return sorted(_CHANGES, key=lambda kind: self.chance.random() ** (1 / _CHANGES[kind]), reverse=True)

    # The changes. Each tells the services, then the model, and returns whether it was possible.

    def _tell(self, one: Contract, words: str) -> None:
        one.story.append(f"{self.day} {words}")

    def _followed(self, one: Contract) -> None:
        one.judge_promises(self.day)
        one.review(self.day, self.rule)

    async def _payment(self, one: Contract, luck: float) -> bool:
        if one.is_settled() or one.undecided_file:
            return False
        whole = luck < 0.4
        amount = one.total() if luck < 0.2 else one.overdue(self.day) if whole else Decimal(int(1 + luck * 80))
        amount = min(amount or one.total(), one.total())
        self.names += 1
        new = {"amount": f"{amount:.2f}", "paid_on": str(self.day), "channel": "bank", "reference": f"R-{self.names}"}
        made = await self.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/payments", new)
        self._tell(one, f"pays {amount}")
        one.payments.append(Payment(made["payment_id"], amount, self.day))
        one.cancel_visits(self.day, paid_by=made["payment_id"])
        self._followed(one)
        return True

    async def _reversal(self, one: Contract, luck: float) -> bool:
        live = [p for p in one.payments if not p.reversed and not p.absorbed]
        if not live or one.undecided_file:
            return False
        payment = live[int(luck * len(live))]
        body = {"reason": "bounced", "reversed_on": str(self.day)}
        await self.platform.post("portfolio", f"/v1/payments/{payment.payment_id}/reversal", body)
        self._tell(one, f"payment of {payment.amount} of {payment.day} is reversed")
        payment.reversed = True
        one.judge_promises(self.day)
        one.reinstate(self.day)
        one.restore_visits(payment.payment_id, self.day)
        self._followed(one)
        return True

    async def _dispute(self, one: Contract, luck: float) -> bool:
        if one.disputes and luck < 0.7:
            return False
        self.names += 1
        new = {"reason": f"amount {self.names}", "opened_by": "debtor"}
        made = await self.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/clarifications", new)
        self._tell(one, "disputes")
        one.disputes.append(made["clarification_id"])
        one.cancel_visits(self.day, disputed_or_final="clarification")
        self._followed(one)
        return True

    async def _resolution(self, one: Contract, luck: float) -> bool:
        if not one.disputes:
            return False
        dispute = one.disputes.pop(int(luck * len(one.disputes)))
        path = f"/v1/clarifications/{dispute}/resolution"
        await self.platform.post("portfolio", path, {"outcome": "rejected" if luck < 0.5 else "withdrawn"})
        self._tell(one, "a dispute is resolved")
        self._followed(one)
        return True

    async def _promise(self, one: Contract, luck: float) -> bool:
        if one.reason(self.day) or one.overdue(self.day) <= 0 or len(one.promises) > 2:
            return False
        if any(promise.state == "open" for promise in one.promises):
            return False
        due_on = self.day + timedelta(days=int(luck * 4))
        amount = one.overdue(self.day)
        new = {"contract_id": one.contract_id, "amount": f"{amount:.2f}", "due_on": str(due_on), "made_in": "call"}
        made = await self.platform.post("promises", "/v1/promises", new)
        self._tell(one, f"promises {amount} for {due_on}")
        one.promises.append(Promise(made["promise_id"], amount, self.day, due_on))
        one.cancel_visits(self.day)
        self._followed(one)
        return True

    async def _pause(self, one: Contract, luck: float) -> bool:
        ends_on = self.day + timedelta(days=int(luck * 5))
        if any(pause.ends_on >= self.day for pause in one.pauses) or one.is_settled():
            return False
        new = {"reason": "flood", "starts_on": str(self.day), "ends_on": str(ends_on)}
        made = await self.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/pauses", new)
        self._tell(one, f"is paused up to {ends_on}")
        one.pauses.append(Pause(made["pause_id"], self.day, ends_on))
        one.cancel_visits(self.day)
        self._followed(one)
        return True

    async def _end_of_pause(self, one: Contract, _: float) -> bool:
        running = [pause for pause in one.pauses if pause.starts_on < self.day < pause.ends_on]
        if not running:
            return False
        [pause] = running
        ends_on = self.day - timedelta(days=1)
        await self.platform.post("portfolio", f"/v1/pauses/{pause.pause_id}/end", {"ends_on": str(ends_on)})
        self._tell(one, f"the pause ends on {ends_on}")
        pause.ends_on = ends_on
        self._followed(one)
        return True

    async def _status(self, one: Contract, status: str) -> None:
        body = {"status": status, "reported_by": "family"}
        await self.platform.post("portfolio", f"/v1/contracts/{one.contract_id}/debtor-status", body)
        one.person.status = status
        for theirs in self.contracts:
            if theirs.person is one.person:
                self._tell(theirs, f"{one.person.number} is {status}")
                final = status if status != "active" else None
                theirs.cancel_visits(self.day, disputed_or_final=final)
                self._followed(theirs)

    async def _death(self, one: Contract, luck: float) -> bool:
        if one.person.status != "active":
            return False
        await self._status(one, "deceased" if luck < 0.6 else "represented")
        return True

    async def _revival(self, one: Contract, _: float) -> bool:
        if one.person.status == "active":
            return False
        await self._status(one, "active")
        return True

    async def _recall(self, one: Contract, luck: float) -> bool:
        placed = one.placement
        if placed is None or placed.state != "active" or luck < 0.5:
            return False
        query = {"contract_id": one.contract_id, "kind": "dialing", "state": "active"}
        [known] = (await self.platform.get("assignment", "/v1/placements", **query))["items"]
        path = f"/v1/placements/{known['placement_id']}/recall"
        await self.platform.post("assignment", path, {"reason": "creditor"})
        self._tell(one, "an operator recalls it")
        one.recall(self.day, "creditor", on_request=True)
        return True

    async def _change_number(self, one: Contract, change: dict[str, str]) -> None:
        known = await self.platform.get("portfolio", f"/v1/contracts/{one.contract_id}")
        [phone] = [point for point in known["contact_points"] if point["value"] == one.phone]
        path = f"/v1/contact-points/{phone['contact_id']}"
        answer = await self.platform.clients["portfolio"].patch(path, json=change)
        assert answer.is_success, answer.text

    async def _opt_out(self, one: Contract, _: float) -> bool:
        if not one.may_be_dialed():
            return False
        await self._change_number(one, {"change": "opted_out"})
        self._tell(one, f"{one.person.number} does not want to be called at {one.phone}")
        one.person.opted_out.add(one.phone)
        return True

    async def _opt_in(self, one: Contract, _: float) -> bool:
        if one.may_be_dialed():
            return False
        await self._change_number(one, {"change": "opt_out_withdrawn", "reason": "by mistake"})
        self._tell(one, "the opt-out was a mistake")
        one.person.opted_out.discard(one.phone)
        return True

    async def _visit(self, one: Contract, luck: float) -> bool:
        if len(one.visits) >= 8:
            return False
        on = self.day + timedelta(days=int(luck * 5))
        expected = one.visit_refusal(on, self.day)
        new = {"contract_id": one.contract_id, "visitor": "Eva", "visit_on": str(on)}
        answer = await self.platform.clients["field-visits"].post("/v1/visits", json=new)
        found = "ordered" if answer.status_code == 201 else answer.json()["type"].rpartition(":")[2].replace("-", "_")
        self._tell(one, f"a visit for {on}: {found}")
        if found != (expected or "ordered"):
            self._differ(one, f"visit on {on}", found, expected or "ordered")
        if expected is None:
            one.visits.append(Visit(answer.json()["visit_id"], on))
        return True

    # Calls. An agency that is a day behind calls by yesterday's list, less what its stream had silenced by then.

    async def _call_by_old_lists(self) -> None:
        for agency in self.agencies:
            if agency.old_list_id:
                await self._call(agency, agency.old_list_id, agency.believed, datetime.now(UTC), self._wrongful())

    async def _call_by_the_list(self) -> None:
        for agency in self.agencies:
            on_list = [one for one in self.contracts if has_entry(one, agency)]
            await self._call(agency, agency.list_id, on_list, datetime.now(UTC), self._wrongful())
            agency.believed = on_list

    def _wrongful(self) -> set[tuple[str, str]]:
        """Contracts and agencies that must not call them now."""
        return {
            (one.number, agency.agency_id)
            for one in self.contracts
            for agency in self.agencies
            if one.is_wrongful(self.day, agency.agency_id)
        }

    async def _call(
        self,
        agency: Agency,
        list_id: str,
        candidates: list[Contract],
        at: datetime,
        wrongful_then: set[tuple[str, str]],
    ) -> None:
        """The agency reports calls that started at this moment, when these contracts were not to be called."""
        chosen: dict[str, Contract] = {}
        for one in self.chance.sample(candidates, min(len(candidates), 40)):
            if sum(theirs.calls for theirs in self.contracts if theirs.person is one.person) < MOST_CALLS:
                chosen.setdefault(one.person.number, one)
        if not chosen:
            return
        calls = []
        for one in chosen.values():
            one.calls += 1
            self.names += 1
            call: dict[str, Any] = {"call_id": f"call-{self.names}", "list_id": list_id, "contract_number": one.number}
            call |= {"phone": one.phone, "agent": "Eva", "started_at": at.isoformat(), "duration_seconds": 0}
            calls.append(call | {"disposition": "no_answer"})
        answer = await self.platform.clients["dialer-feed"].post("/v1/calls", json=calls, headers=agency.headers)
        assert answer.status_code == 202, answer.text
        found = {item["contract_id"]: item for item in answer.json()["items"]}
        breaches = [] if 7 <= at.astimezone(ZONE).hour < 22 else ["outside_hours"]
        for one in chosen.values():
            item = found.get(
                one.contract_id, {"wrongful": None, "unlisted": None, "breaches": answer.json()["rejected"]}
            )
            wrongful = (one.number, agency.agency_id) in wrongful_then
            unlisted = list_id != agency.list_id
            self.played["wrongful call" if wrongful else "call"] += 1
            expected = (wrongful, unlisted, breaches)
            if (item["wrongful"], item["unlisted"], item["breaches"]) != expected:
                self._differ(one, "call (wrongful, unlisted, breaches)", item, expected)

    # The day's end.

    async def _read_streams(self) -> None:
        for agency in self.agencies:
            more = True
            while more:
                query = {"limit": 1000} | ({"after": agency.position} if agency.position else {})
                path = f"/v1/agencies/{agency.agency_id}/events"
                read = await self.platform.get("assignment", path, **query)
                more, agency.position = bool(read["items"]), read["next_position"]
                for event in read["items"]:
                    self._hear(agency, event["type"], event["data"])

    def _hear(self, agency: Agency, kind: str, data: dict[str, Any]) -> None:
        told = agency.told.setdefault(data.get("contract_id", ""), {})
        if kind == "agency.placement-started.v1":
            # The silences that are in force follow. What was told of an earlier placement is over.
            told.clear()
        if kind == "agency.contact-silenced.v1" and data.get("contact_id") is None:
            days = [data.get(name) and date.fromisoformat(data[name]) for name in ("since", "until")]
            told[data["silence_id"]] = (data["reason"], days[0], days[1])
        if kind == "agency.contact-resumed.v1":
            told.pop(data["silence_id"], None)
            left = {reason for reason, _, until in told.values() if until is None or until >= self.day}
            if set(data["still_silent"]) - left:
                raise Difference(f"still_silent {data['still_silent']}, but the stream left {left}")

    async def compare(self) -> None:
        await self._compare_lists()
        await self._compare_placements()
        await self._compare_visits()
        for agency in self.agencies:
            for one in self.contracts:
                if one.active_agency() == agency.agency_id:
                    silences = agency.told.get(one.contract_id, {}).values()
                    told = {
                        r
                        for r, since, until in silences
                        if (not since or since <= self.day) and (not until or until >= self.day)
                    }
                    if told != one.silences(self.day):
                        self._differ(one, "silences told to the agency", told, one.silences(self.day))

    async def _compare_lists(self) -> None:
        for agency in self.agencies:
            found = await self._withdrawn(agency)
            answer = await self.platform.clients["dialer-feed"].get(
                f"/v1/lists/{agency.list_id}/entries", params={"format": "jsonl"}
            )
            for entry in map(json.loads, answer.text.splitlines()):
                found[entry["contract_number"]] = "listed"
                found |= {other["contract_number"]: f"named by {entry['contract_number']}" for other in entry["also"]}
            for one in self.contracts:
                of_agency = one.entry if one.entry and one.entry.campaign == agency.agency_id else None
                shown, wanted = found.get(one.number, "not on the list"), "not on the list"
                if of_agency:
                    wanted = shown_on_list(one)
                if shown != wanted and not (of_agency and of_agency.withdrawn and shown in of_agency.or_else):
                    self._differ(one, f"list of {agency.agency_id}", shown, wanted)

    async def _withdrawn(self, agency: Agency) -> dict[str, str]:
        """The reasons for which entries have left the agency's list, by contract number."""
        withdrawn: dict[str, str] = {}
        after, more = 0, True
        while more:
            read = await self.platform.get("dialer-feed", f"/v1/lists/{agency.list_id}/withdrawals", after=after)
            items = [item for item in read["items"] if item["kind"] == "withdrawn"]
            withdrawn |= {item["contract_number"]: item["reason"] for item in items}
            more, after = bool(read["items"]), read["next_cursor"]
        return withdrawn

    async def _compare_placements(self) -> None:
        sql = "SELECT contract_id::text AS id, agency_id::text AS agency, state FROM placement ORDER BY ordinal"
        found: dict[str, list[tuple[str, str]]] = {}
        for row in await self.platform.rows("assignment", sql):
            found.setdefault(row["id"], []).append((row["agency"], row["state"]))
        for one in self.contracts:
            expected = [(placed.agency_id, placed.state) for placed in one.placements]
            if found.get(one.contract_id, []) != expected:
                self._differ(one, "placements", found.get(one.contract_id, []), expected)

    async def _compare_visits(self) -> None:
        sql = "SELECT visit_id::text AS id, state, cancel_reason FROM visit"
        found = {
            row["id"]: (row["state"], row["cancel_reason"]) for row in await self.platform.rows("field-visits", sql)
        }
        for one in self.contracts:
            for visit in one.visits:
                if found[visit.visit_id] != (visit.state, visit.reason):
                    self._differ(one, f"visit of {visit.on}", found[visit.visit_id], (visit.state, visit.reason))

    def _differ(self, one: Contract, what: str, found: Any, expected: Any) -> None:
        story = "\n  ".join(one.story)
        raise Difference(
            f"seed {self.seed}, {self.day}, contract {one.number} ({one.contract_id}), {what}:"
            f" the services say {found}, the model {expected}\n  {story}"
        )
