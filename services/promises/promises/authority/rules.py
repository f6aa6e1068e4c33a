"""How much of a debt a person may give up, alone or with a second person's approval. No I/O."""

from collections.abc import Iterable, Set
from decimal import ROUND_FLOOR, Decimal
from typing import Literal, Protocol

from recobro_events.contracts.promises import AgreementKind

_CENT = Decimal("0.01")
_NOTHING = Decimal("0.00")


class Rule(Protocol):
    """What a role may do with one kind of agreement. Each percentage is the discount's share of the total balance."""

    @property
    def role(self) -> str: ...
    @property
    def kind(self) -> AgreementKind: ...
    @property
    def propose_percent(self) -> Decimal | None: ...
    @property
    def approve_percent(self) -> Decimal | None: ...
    @property
    def alone_percent(self) -> Decimal | None: ...
    @property
    def max_discount(self) -> Decimal | None: ...


Act = Literal["propose", "approve", "alone"]


def _percent(rule: Rule, act: Act) -> Decimal | None:
    return {"propose": rule.propose_percent, "approve": rule.approve_percent, "alone": rule.alone_percent}[act]


def within(
    rules: Iterable[Rule], roles: Set[str], act: Act, kind: AgreementKind, discount: Decimal, balance: Decimal
) -> bool:
    """Whether one of these roles may do this with a discount on a balance. The widest rule decides."""
    return any(
        discount * 100 <= percent * balance and (rule.max_discount is None or discount <= rule.max_discount)
        for rule in rules
        if rule.role in roles and rule.kind == kind and (percent := _percent(rule, act)) is not None
    )


def most(rules: Iterable[Rule], roles: Set[str], act: Act, kind: AgreementKind, balance: Decimal) -> Decimal:
    """Return the largest discount in whole cents that these roles may give; 0 where they may give none."""
    found = [
        min((percent * balance / 100).quantize(_CENT, ROUND_FLOOR), balance if limit is None else limit)
        for rule in rules
        if rule.role in roles and rule.kind == kind and (percent := _percent(rule, act)) is not None
        for limit in (rule.max_discount,)
    ]
    return max(found, default=_NOTHING)
