"""What held of a contract on any day, compared with a plain model over random histories.

``HISTORIES`` says how many histories are played, ``SEED`` which ones: ``make stage-histories`` plays 10,000.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import httpx
from portfolio.contracts import days
from portfolio.stages import bands, daily_run, restaging
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from service_client import ServiceClient, row

HISTORIES = int(os.environ.get("HISTORIES", "15"))
SEED = int(os.environ.get("SEED", "20261130"))
USUAL = {"early": 1, "late": 31, "legal": 91}
Said = tuple[str, int, date | None, Decimal]


@dataclass
class Model:
    """All that was entered about a contract, and what follows from it for a day."""

    owed: list[tuple[date, Decimal]]
    paid: dict[str, tuple[date, Decimal]] = field(default_factory=dict)
    pauses: dict[str, tuple[str, tuple[date, date]]] = field(default_factory=dict)
    bands: list[tuple[date, dict[str, int]]] = field(default_factory=lambda: [(date.min, USUAL)])

    def position(self, day: date, paid_until: date = date.max) -> Said:
        money = sum((amount for paid_on, amount in self.paid.values() if paid_on <= paid_until), Decimal(0))
        unpaid = []
        for due_on, amount in sorted(self.owed):
            money, left = max(Decimal(0), money - amount), max(Decimal(0), amount - money)
            unpaid.append((due_on, left))
        oldest = min((due_on for due_on, left in unpaid if left), default=None)
        counted = range((day - oldest).days if oldest else 0)
        late = [day - timedelta(days=n) for n in counted]
        late_days = sum(not any(first <= one <= last for _, (first, last) in self.pauses.values()) for one in late)
        starts = max(((since, n) for n, (since, _) in enumerate(self.bands) if since <= day))[1]
        reached = [stage for stage, start in self.bands[starts][1].items() if late_days >= start]
        return (
            ["current", *reached][-1],
            late_days,
            oldest,
            sum((left for due_on, left in unpaid if due_on < day), Decimal(0)),
        )


def position_of(answer: dict[str, Any]) -> Said:
    oldest = answer["oldest_due_on"] and date.fromisoformat(answer["oldest_due_on"])
    return answer["stage"], answer["days_past_due"], oldest, Decimal(answer["overdue_balance"])


async def stage_on(client: httpx.AsyncClient, contract_id: UUID, day: date) -> dict[str, Any]:
    answer = await client.get(f"/v1/contracts/{contract_id}/stage", params={"on": str(day)})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def _act(
    client: httpx.AsyncClient, given: Given, contract_id: UUID, model: Model, today: date, chance: random.Random
) -> None:
    """Something is entered on ``today``, mostly about days before it."""
    portfolio_id = (await given.row(contract_id))["portfolio_id"]
    total = sum((amount for _, amount in model.owed), Decimal(0)) - sum(
        (amount for _, amount in model.paid.values()), Decimal(0)
    )
    kind = chance.choice(["payment", "payment", "reversal", "pause", "end", "bands"])
    if kind == "payment":
        paid_on, amount = today - timedelta(days=chance.randrange(12)), Decimal(chance.randrange(10, 160))
        receipt = await pay(client, contract_id, str(amount), paid_on=str(paid_on))
        model.paid[receipt["payment_id"]] = (paid_on, amount)
    elif kind == "reversal" and model.paid:
        payment_id = chance.choice(sorted(model.paid))
        await reverse(client, payment_id)
        del model.paid[payment_id]
    elif kind == "pause" and total > 0:
        first = today - timedelta(days=chance.randrange(-5, 40))
        last = first + timedelta(days=chance.randrange(20))
        body = {"reason": "moratorium", "starts_on": str(first), "ends_on": str(last)}
        # Each history has a postal code of its own: pauses of the histories before it go on.
        code = (await given.row(contract_id))["contract_number"].upper()
        scopes = {
            "": {},
            "portfolio": {"portfolio_id": str(portfolio_id)},
            "person": {"person_id": str((await given.row(contract_id))["debtor_id"])},
            "postal_code": {"creditor_id": str(given.creditor_id), "country": "MX", "postal_code": code},
        }
        of = chance.choice(list(scopes))
        path = "/v1/scoped-pauses" if of else f"/v1/contracts/{contract_id}/pauses"
        answer = await client.post(path, json=body | ({"scope": scopes[of]} if of else {}))
        overlaps = any(
            kind == of and first <= other_last and other_first <= last
            for kind, (other_first, other_last) in model.pauses.values()
            if other_first <= other_last
        )
        assert answer.status_code == (409 if overlaps else 201), answer.text
        if not overlaps:
            model.pauses[answer.json()["pause_id"]] = (of, (first, last))
    elif kind == "end" and model.pauses:
        pause_id = chance.choice(sorted(model.pauses))
        of, (first, last) = model.pauses[pause_id]
        answer = await client.post(
            f"/v1/{'scoped-' if of else ''}pauses/{pause_id}/end",
            json={"ends_on": str(max(first, last - timedelta(days=3)))},
        )
        if answer.status_code == 200:
            model.pauses[pause_id] = (of, (first, date.fromisoformat(answer.json()["ends_on"])))
    elif kind == "bands":
        since, early = today - timedelta(days=chance.randrange(-4, 20)), chance.randrange(1, 20)
        starts = {"early": early, "late": early + chance.randrange(1, 30), "legal": 60}
        listed = [{"stage": stage, "from_days": days} for stage, days in starts.items()]
        async with given.database.transaction() as tx:
            await bands.change(tx, portfolio_id, bands.NewBands.model_validate({"from": since, "bands": listed}))
        await restaging.finish(given.database, portfolio_id)
        model.bands.append((since, starts))


async def _play(client: httpx.AsyncClient, given: Given, chance: random.Random) -> None:
    portfolio_id = await given.portfolio()
    owed = [(days_ago(chance.randrange(-20, 70)), Decimal(chance.randrange(20, 120))) for _ in range(3)]
    contract_id = await given.contract(portfolio_id, *((due_on, str(amount)) for due_on, amount in owed))
    async with given.database.transaction() as tx:
        own_code = (
            "UPDATE address SET postal_code = (SELECT upper(contract_number) FROM contract WHERE contract_id = $1)"
        )
        await tx.execute(f"{own_code} WHERE contract_id = $1", contract_id)
    model, today, said = Model(owed), TODAY, dict[date, Said]()
    for _ in range(8):
        said[today] = model.position(today)
        if chance.random() < 0.5:
            await _act(client, given, contract_id, model, today, chance)
            said[today] = model.position(today)
        else:
            until = today + timedelta(days=chance.randrange(1, 12))
            await daily_run.advance(given.database, portfolio_id, until)
            for n in range(1, (until - today).days + 1):
                day = today + timedelta(days=n)
                said[day] = model.position(day)
            today = until
    async with given.database.connection() as connection:
        for day in said:
            answer = (await days.read(connection, contract_id, day)).model_dump(mode="json")
            assert position_of(answer) == said[day], f"said on {day}"
            known = model.position(day, paid_until=day)
            assert position_of(answer["known_now"]) == known, f"known of {day}"
            assert answer["differs"] == (known != said[day])
    stored = await given.row(contract_id)
    assert (stored["stage"], stored["overdue_balance"]) == (said[today][0], said[today][3])


async def test_every_day_is_answered_as_it_was_said_and_as_it_is_known(client: httpx.AsyncClient, given: Given) -> None:
    for number in range(HISTORIES):
        try:
            await _play(client, given, random.Random(f"{SEED} {number}"))
        except BaseException as failed:
            failed.add_note(f"history {number} of seed {SEED}")
            raise


async def test_the_reasons_are_named_in_their_order(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"), (days_ago(20), "100.00"))
    paused = await client.post(
        f"/v1/contracts/{contract_id}/pauses",
        json={"reason": "moratorium", "starts_on": str(days_ago(10)), "ends_on": str(days_ago(6))},
    )
    paid = await pay(client, contract_id, "100.00", paid_on=str(days_ago(3)))
    answer = await stage_on(client, contract_id, TODAY)
    assert position_of(answer) == ("early", 15, days_ago(20), Decimal(100))
    assert [(one["kind"], one["id"], one["on"], one["effect"]) for one in answer["because"]] == [
        ("instalment", "2", str(days_ago(20)), "unpaid"),
        ("bands", None, None, "stage_begins"),
        ("pause", paused.json()["pause_id"], str(days_ago(10)), "days_not_counted"),
        ("payment", paid["payment_id"], str(TODAY), "paid"),
    ]
    assert [one["days"] for one in answer["because"]] == [None, 1, 5, None]
    await reverse(client, paid["payment_id"])
    answer = await stage_on(client, contract_id, TODAY)
    assert [one["effect"] for one in answer["because"]][-2:] == ["paid", "reversed"]
    assert answer["stage"] == "late"


async def test_a_payment_that_arrives_late_changes_what_is_known_and_not_what_was_said(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(29), "100.00"), (TODAY + timedelta(days=90), "5.00"))
    await daily_run.advance(given.database, portfolio_id, TODAY + timedelta(days=5))
    await pay(client, contract_id, "100.00", paid_on=str(TODAY + timedelta(days=1)))
    answer = await stage_on(client, contract_id, TODAY + timedelta(days=3))
    assert (answer["stage"], answer["known_now"]["stage"], answer["differs"]) == ("late", "current", True)
    before = await stage_on(client, contract_id, TODAY)
    assert (before["stage"], before["known_now"]["stage"], before["differs"]) == ("early", "early", False)


async def test_days_before_and_after_what_is_known_are_refused(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    address = f"/v1/contracts/{contract_id}/stage"
    early = await client.get(address, params={"on": str(days_ago(1))})
    assert (early.status_code, early.json()["type"]) == (404, "urn:recobro:problem:contract-not-known-then")
    later = await client.get(address, params={"on": str(TODAY + timedelta(days=1))})
    assert (later.status_code, later.json()["errors"][0]["pointer"]) == (422, "/on")
    assert (await client.get(f"/v1/contracts/{UUID(int=1)}/stage")).status_code == 404
    assert (await client.get(address)).json()["on"] == str(TODAY)


async def test_a_file_replaces_what_is_known_and_not_what_was_said(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio(reductions="correction")
    contract_id = uuid5(portfolio_id, "C-1")
    await service.load(portfolio_id, row(due_date="2026-08-01"), as_of="2026-09-10")
    await service.load(portfolio_id, row(due_date="2026-09-12", amount_due="30.00"), as_of="2026-09-14")
    before = await service.get(f"/v1/contracts/{contract_id}/stage", on="2026-09-12")
    after = await service.get(f"/v1/contracts/{contract_id}/stage")
    assert position_of(before) == ("late", 42, date(2026, 8, 1), Decimal(100))
    assert (before["known_now"], before["stated_as_of"]) == (None, "2026-09-14")
    assert position_of(after) == position_of(after["known_now"]) == ("early", 2, date(2026, 9, 12), Decimal(30))
    assert [one["kind"] for one in after["because"]] == ["instalment", "bands", "file"]
    settled = await service.pay(portfolio_id, "C-1", "30.00", "2026-09-14")
    closed = await service.get(f"/v1/contracts/{contract_id}/stage")
    assert (closed["state"], closed["stage"], closed["oldest_due_on"]) == ("settled", "current", None)
    assert closed["because"][-1]["id"] == settled["payment_id"]


async def test_a_charge_is_a_reason_and_counts_from_its_day_on(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    at = f"/v1/contracts/{contract_id}/charges"
    fee = {"kind": "fee", "amount": "30.00", "charged_on": str(days_ago(0)), "reason": "mora"}
    taken = (await client.post(at, json=fee)).json()
    waiver = {"kind": "waiver", "amount": "10.00", "charged_on": str(days_ago(0)), "reason": "acuerdo"}
    assert (await client.post(at, json=waiver)).status_code == 201
    answer = await stage_on(client, contract_id, TODAY)
    facts = [(one["effect"], one["amount"]) for one in answer["because"] if one["kind"] == "charge"]
    assert facts == [("raised", "30.00"), ("lowered", "10.00")]
    assert (answer["known_now"]["overdue_balance"], answer["differs"]) == ("120.00", False)
    reversal = await client.post(f"/v1/charges/{taken['charge_id']}/reversal", json={"reason": "error"})
    assert reversal.status_code == 201, reversal.text
    answer = await stage_on(client, contract_id, TODAY)
    facts = [(one["effect"], one["amount"]) for one in answer["because"] if one["kind"] == "charge"]
    assert facts[-1] == ("reversed", "30.00")
    assert answer["known_now"]["overdue_balance"] == "90.00"


async def test_a_charge_of_a_later_day_is_not_known_of_the_day_before(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(portfolio_id := await given.portfolio(), (days_ago(40), "100.00"))
    await daily_run.advance(given.database, portfolio_id, TODAY + timedelta(days=3))
    at = f"/v1/contracts/{contract_id}/charges"
    fee = {"kind": "fee", "amount": "30.00", "charged_on": str(TODAY + timedelta(days=2)), "reason": "mora"}
    assert (await client.post(at, json=fee)).status_code == 201
    known = {n: await stage_on(client, contract_id, TODAY + timedelta(days=n)) for n in (1, 2, 3)}
    assert [known[n]["known_now"]["overdue_balance"] for n in known] == ["100.00", "130.00", "130.00"]
    assert [known[n]["differs"] for n in known] == [False, True, False]
