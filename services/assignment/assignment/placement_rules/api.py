"""Placement rules over HTTP."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import (
    Conflict,
    Count,
    Distinct,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Reader,
    Router,
    ShortText,
    WriteTransaction,
    Written,
    page,
    reads,
    writes,
)
from jurisdictions import codes, state_named
from pydantic import Field, StrictInt
from recobro_events import Money
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.portfolio import ApproachStep, Stage

from assignment.agencies.reading import expect_agencies
from assignment.placement_rules import queries

router = Router(prefix="/v1", tags=["placement rules"])

Segment = Annotated[
    str,
    Written("[a-z][a-z0-9_]{0,39}", "must be a code of small letters, digits and _, such as slow_payer"),
    Field(examples=["chronic"]),
]
"""The code of a segment, as the segment rules of the contract's portfolio name it."""
Names = Distinct[Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=200)]]


class RuleUnknown(NotFound):
    code = "rule-unknown"
    detail = "There is no such placement rule."


class RuleEnded(Conflict):
    code = "rule-ended"
    detail = "The rule has already ended."


MAX_RULES = 500
"""Each event about a contract compares it with every rule that has not ended."""


class TooManyRules(Conflict):
    code = "too-many-rules"
    detail = f"There are {MAX_RULES} rules that have not ended. End one that is no longer needed."


class Conditions(InputModel):
    """A contract must meet every condition that is given.

    The overdue balance must exceed ``min_overdue``. A contract without a segment meets no ``segments``, one that owes
    nothing overdue no ``steps``. ``states`` are compared with the state of the debtor's address.
    ``internal_attempts_min``: the creditor's own people have tried so often in the present episode.
    """

    stages: Distinct[Annotated[tuple[Stage, ...], Field(min_length=1)]] | None = None
    min_overdue: Annotated[Money, Field(ge=0)] | None = None
    segments: Distinct[Annotated[tuple[Segment, ...], Field(min_length=1, max_length=200)]] | None = None
    steps: Distinct[Annotated[tuple[ApproachStep, ...], Field(min_length=1)]] | None = None
    states: Names | None = None
    products: Names | None = None
    portfolio_ids: Distinct[Annotated[tuple[UUID, ...], Field(min_length=1, max_length=200)]] | None = None
    internal_attempts_min: Annotated[StrictInt, Field(ge=1, le=100)] | None = None


class Share(InputModel):
    agency_id: UUID
    weight: Annotated[StrictInt, Field(ge=1, le=1_000_000)]


class NewRule(InputModel):
    """A rule divides contracts among agencies. Of the rules of a kind that hold, the smallest ``priority`` decides."""

    name: ShortText
    priority: Count
    kind: PlacementKind
    when: Conditions = Conditions()
    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=100)]


class Rule(OutputModel):
    rule_id: UUID
    name: str
    priority: int
    kind: PlacementKind
    when: Conditions
    shares: tuple[Share, ...]
    created_at: datetime
    ended_at: datetime | None


@router.post("/placement-rules", status_code=201, dependencies=[writes("assignment")])
async def create_rule(new: NewRule, tx: WriteTransaction) -> Rule:
    """Create a rule. It applies to a contract with the next event about it, and to all contracts with the next run."""
    agency_ids = [share.agency_id for share in new.shares]
    if len(set(agency_ids)) < len(agency_ids):
        mistake = FieldError("/shares", "must not name an agency twice")
        raise Invalid("A rule gives each agency one share.", errors=[mistake])
    await expect_agencies(tx, agency_ids)
    if await tx.fetchval(queries.COUNT) >= MAX_RULES:
        raise TooManyRules()
    when = new.when
    rule_id = await tx.fetchval(
        queries.CREATE,
        new.name,
        new.priority,
        new.kind,
        when.stages,
        when.min_overdue,
        when.segments,
        when.steps,
        _states(when.states),
        when.products,
        when.portfolio_ids,
        when.internal_attempts_min,
    )
    await tx.execute(queries.CREATE_SHARES, rule_id, agency_ids, [share.weight for share in new.shares])
    return await _expect_rule(tx, rule_id)


def _states(written: tuple[str, ...] | None) -> list[str] | None:
    """Translate states to their usual names, as contracts store them. A name that no jurisdiction knows is kept."""
    if written is None:
        return None
    usual: set[str] = set()
    for index, state in enumerate(written):
        names = {name for code in codes() if (name := state_named(code, state))} or {state}
        if len(names) > 1:
            mistake = FieldError(
                f"/when/states/{index}", f"may be {' or '.join(sorted(names))}; write the name in full"
            )
            raise Invalid("The text may name one of several states.", code="state-ambiguous", errors=[mistake])
        usual |= names
    return sorted(usual)


@router.get("/placement-rules", dependencies=[reads("assignment")])
async def list_rules(query: PageQuery, reader: ReadConnection) -> Page[Rule]:
    """List rules, oldest first. Ended rules are included."""
    after = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(queries.RULES[query.order], *after, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["rule_id"]))
    return Page(items=[_rule(row) for row in shown["items"]], next_cursor=shown["next_cursor"])


@router.get("/placement-rules/{rule_id}", dependencies=[reads("assignment")])
async def read_rule(rule_id: UUID, reader: ReadConnection) -> Rule:
    """Read a placement rule."""
    return await _expect_rule(reader, rule_id)


async def _expect_rule(reader: Reader, rule_id: UUID) -> Rule:
    row = await reader.fetchrow(queries.RULE, rule_id)
    if row is None:
        raise RuleUnknown()
    return _rule(row)


def _rule(row: Any) -> Rule:
    when = {name: row[name] for name in Conditions.model_fields}
    return Rule(**{name: row[name] for name in Rule.model_fields if name != "when"}, when=Conditions(**when))


@router.post("/placement-rules/{rule_id}/end", dependencies=[writes("assignment")])
async def end_rule(rule_id: UUID, tx: WriteTransaction) -> Rule:
    """End a rule.

    A contract for which no other rule of the kind holds is recalled with its next event, or by the next run.
    """
    if await tx.fetchval(queries.END, rule_id) is None:
        await _expect_rule(tx, rule_id)
        raise RuleEnded()
    return await _expect_rule(tx, rule_id)
