"""What one person may do with one debt, by the rules in force."""

from collections.abc import Sequence, Set
from decimal import Decimal
from typing import NamedTuple, Self

from chassis import Forbidden, Principal, Reader
from chassis.second_person import roles_of
from recobro_events.contracts.promises import AgreementKind

from promises.authority.models import AuthorityRule
from promises.authority.rules import Act, most, within
from promises.authority.ruling import rules_in_force


class Authority(NamedTuple):
    """The rules for a person's roles, a kind of agreement and a balance."""

    rules: Sequence[AuthorityRule]
    roles: Set[str]
    kind: AgreementKind
    balance: Decimal

    def may(self, act: Act, discount: Decimal) -> bool:
        return within(self.rules, self.roles, act, self.kind, discount, self.balance)

    def most(self, act: Act) -> Decimal:
        return most(self.rules, self.roles, act, self.kind, self.balance)


class DiscountAboveAuthority(Forbidden):
    code = "discount-above-authority"
    detail = "The discount is above what you may give."

    @classmethod
    def of(cls, authority: Authority, act: Act, *, shows_most: bool) -> Self:
        """``shows_most``: the answer names the largest discount that this person may give. It tells of the balance."""
        if not shows_most:
            return cls()
        return cls(
            f"The discount is above what you may {act} on this contract, which is {authority.most(act)}.",
            extra={"most": authority.most(act)},
        )


async def authority_of(reader: Reader, who: Principal, kind: AgreementKind, balance: Decimal) -> Authority:
    """Return what this person may do with an agreement of this kind on a contract that owes ``balance``."""
    return Authority(await rules_in_force(reader), roles_of(who), kind, balance)
