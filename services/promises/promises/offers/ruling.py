"""Writing and reading the rules of offers."""

from datetime import datetime
from typing import Any

from chassis import OutputModel, Principal, Reader
from chassis.second_person import roles_of
from pydantic import TypeAdapter
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import AgreementKind

from promises.authority.asking import DiscountAboveAuthority
from promises.authority.ruling import RulesChanged, rules_in_force
from promises.offers import queries
from promises.offers.models import OfferRule, OfferRulesPut, Pricing

_RULES = TypeAdapter(tuple[OfferRule, ...])


class OfferRules(OutputModel):
    """``version`` 0 has no rules: nothing has been written yet."""

    version: int
    rules: tuple[OfferRule, ...]
    pricing: Pricing
    put_by: str | None
    created_at: datetime | None


NONE = OfferRules(version=0, rules=(), pricing=Pricing(), put_by=None, created_at=None)


async def in_force(reader: Reader) -> OfferRules:
    row = await reader.fetchrow(queries.IN_FORCE)
    return NONE if row is None else shown(row)


async def put(tx: Transaction, who: Principal, new: OfferRulesPut) -> OfferRules:
    """Replace all rules.

    A rule without ``needs_approval`` approves its agreements beforehand. So only a person who may approve its largest
    discount, whatever the amount, writes one: ``DiscountAboveAuthority``. ``RulesChanged`` if the rules in force are
    not those that ``new`` replaces.
    """
    await tx.execute(queries.LOCK)
    if new.replaces is not None and (await in_force(tx)).version != new.replaces:
        raise RulesChanged()
    known, roles = await rules_in_force(tx), roles_of(who)
    for rule in new.rules:
        largest = max(step.discount_percent for step in rule.steps)
        may = any(
            one.role in roles
            and one.kind == rule.kind
            and one.approve_percent is not None
            and one.approve_percent >= largest
            and one.max_discount is None
            for one in known
        )
        if not rule.needs_approval and rule.kind is not AgreementKind.PLAN and not may:
            raise DiscountAboveAuthority(
                f"You may not approve the discount of the offer {rule.code} beforehand. Let each agreement need"
                " approval, or let another person write the rule."
            )
    row = await tx.fetchrow(
        queries.PUT, _RULES.dump_python(new.rules, mode="json"), new.pricing.model_dump(mode="json")
    )
    assert row is not None
    return shown(row)


def shown(row: Row) -> OfferRules:
    values: dict[str, Any] = {name: row[name] for name in OfferRules.model_fields}
    return OfferRules(**values)
