"""Why a contract is on a list or not: every rule in its order, with the facts behind its verdict."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import ContractUnknown, Invalid, OutputModel, Principal, Reader
from pydantic import JsonValue
from recobro_events import Row
from recobro_events.contracts.dialer_feed import WithdrawalReason

from dialer_feed.campaigns.rules import Kind
from dialer_feed.explaining import queries
from dialer_feed.explaining.showing import EntryStatus
from dialer_feed.lists import frequency
from dialer_feed.lists.reading import expect_list

_SILENCES = (
    "unknown_state",
    "deceased",
    "represented",
    "clarification",
    "payment",
    "payment_claimed",
    "promise",
    "paused",
)


class Verdict(OutputModel):
    """One rule. ``facts`` are what it looked at, by name."""

    rule: str
    bars: bool
    facts: dict[str, JsonValue]


class Explanation(OutputModel):
    """Why the contract is on the list or not, by what is known now, judged on the day ``judged_on``.

    ``status`` is null for a contract that was never on the list. ``bars`` is the first reason that would keep the
    contract off, null if none does. Call frequency and the daily size keep a contract off the next list and take none
    off a live one. Where the size has left contracts out, ``cut_value`` is that of the first of these. Of a person's
    contracts the one that has the entry, or would have it, is compared with it: ``decided_by`` has its number.
    """

    list_id: UUID
    contract_id: UUID
    contract_number: str
    status: EntryStatus | None
    reason: WithdrawalReason | None
    withdrawn_at: datetime | None
    named_by: str | None
    judged_on: date | None
    bars: WithdrawalReason | None
    rules: tuple[Verdict, ...]


async def explain(
    reader: Reader, list_id: UUID, who: Principal, contract_id: UUID | None, contract_number: str | None
) -> Explanation:
    """Explain one contract. ``ContractUnknown`` if there is none, 422 if several have the number."""
    await expect_list(reader, list_id, who)
    if contract_id is None:
        found = await reader.fetch(queries.NAMED_CONTRACTS, contract_number)
        if len(found) > 1:
            raise Invalid("Several contracts have this number. Give the contract_id.", code="contract-ambiguous")
        contract_id = found[0]["contract_id"] if found else None
    row = await reader.fetchrow(queries.EXPLAIN, list_id, contract_id, *frequency.limits())
    if row is None or row["contract_number"] is None:
        raise ContractUnknown()
    return Explanation(
        list_id=list_id,
        contract_id=row["contract_id"],
        contract_number=row["contract_number"],
        status=row["entry_status"],
        reason=row["entry_reason"],
        withdrawn_at=row["withdrawn_at"],
        named_by=row["named_by"],
        judged_on=row["judged_on"],
        bars=row["bars"],
        rules=tuple(verdicts(row)),
    )


def verdicts(row: Row | Mapping[str, Any]) -> Iterator[Verdict]:
    """The rules in the order in which they are judged."""
    day = row["judged_on"]
    holding = [each for each in row["silences"] if each["since"] is None or date.fromisoformat(each["since"]) <= day]
    for rule in _SILENCES:
        found: list[JsonValue] = [
            {name: each[name] for name in ("silence_id", "since", "until")}
            for each in holding
            if each["reason"] == rule
        ]
        facts: dict[str, JsonValue] = {"silences": found}
        if rule == "payment":
            facts["payment_holdoff_days"] = row["payment_holdoff_days"]
        yield Verdict(rule=rule, bars=bool(found) or row["by_day"] == rule, facts=facts)
    yield Verdict(rule="closed", bars=row["state"] != "open", facts={"state": row["state"]})
    yield Verdict(rule="reported", bars=row["reported"] is not None, facts={"reason": row["reported"]})
    said: list[JsonValue] = [{name: each[name] for name in each if name != "stated_at"} for each in row["conveniences"]]
    yield Verdict(rule="inconvenient", bars=row["wants_no_calls"] is not None, facts={"conveniences": said})
    placements: dict[str, JsonValue] = {"placements": row["placements"], "agency_id": _text(row["agency_id"])}
    yield Verdict(rule="placement", bars=row["placement"] is not None, facts=placements)
    yield Verdict(rule="collection", bars=row["collection"] is not None, facts={"placements": row["placements"]})
    allows = row["allows"] or {}
    ladder: dict[str, JsonValue] = {
        "step": row["step"],
        **{name: allows.get(name) for name in ("contacts", "campaigns")},
    }
    yield Verdict(rule="ladder", bars=row["by_ladder"] is not None, facts=ladder)
    yield Verdict(rule="no_phone", bars=row["phones"] == 0, facts={"phones": row["phones"]})
    yield Verdict(rule="portfolio", bars=not row["in_scope"], facts={})
    stages: dict[str, JsonValue] = {"stage": row["stage"], "stages": list(row["stages"])}
    yield Verdict(rule="stage", bars=row["out_of_stage"] is not None, facts=stages)
    segments: dict[str, JsonValue] = {
        "segment": row["segment"],
        "segments": None if row["segments"] is None else list(row["segments"]),
    }
    yield Verdict(rule="segment", bars=row["out_of_segment"] is not None, facts=segments)
    steps: dict[str, JsonValue] = {
        "step": row["step"],
        "steps": None if row["steps"] is None else list(row["steps"]),
    }
    yield Verdict(rule="step", bars=row["out_of_step"] is not None, facts=steps)
    yield from _amounts(row)
    yield Verdict(rule="frequency", bars=row["is_barred"], facts={"contacts": row["contacts"]})
    if row["daily_size"] is not None:
        names = ("list_order", "daily_size", "place", "decided_by")
        ordered: dict[str, JsonValue] = {name: row[name] for name in names}
        ordered |= {name: _text(row[name]) for name in ("order_value", "cut_value")}
        yield Verdict(rule="daily_size", bars=bool(row["left_out"]), facts=ordered)


def _amounts(row: Row | Mapping[str, Any]) -> Iterator[Verdict]:
    """What the contract owes. A preventive campaign asks for the total balance, and when it falls due."""
    names = ("overdue_balance", "min_overdue")
    if row["kind"] == Kind.PREVENTIVE:
        names = ("total_balance", "min_total")
        due = {"due_on": _text(row["oldest_due_on"]), "due_within_days": row["due_within_days"]}
        yield Verdict(rule="due", bars=row["not_due"] is not None, facts=due)
    yield Verdict(rule=names[1], bars=row["too_little"] is not None, facts={name: _text(row[name]) for name in names})


def _text(value: object) -> str | None:
    return None if value is None else str(value)
