"""The rules that say which customers of a creditor are one person, without I/O."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid5

import jurisdictions

MOST_CUSTOMERS = 10
"""A tax id that more customers of a creditor have links none of them by itself."""

_WITHIN_A_WORD = re.compile(r"[.'’`´]")
_BETWEEN_WORDS = re.compile(r"[^A-Z]+")


class Why(StrEnum):
    """Why customers with one tax id are not linked by themselves, or do not stay linked."""

    NO_CHECK_DIGIT = "no_check_digit"
    BAD_CHECK_DIGIT = "bad_check_digit"
    TOO_MANY_CUSTOMERS = "too_many_customers"
    UNLINKED = "unlinked"
    SEVERAL_TAX_IDS = "several_tax_ids"
    KIND_DIFFERS = "kind_differs"
    NAME_DIFFERS = "name_differs"
    TAX_ID_CHANGED = "tax_id_changed"


class Customer(NamedTuple):
    """A customer of a creditor, by what all their contracts say.

    ``tax_ids`` are with the jurisdictions of their portfolios, ``unlinked_from`` the people whose they are not, as a
    person has said.
    """

    debtor_id: UUID
    person_id: UUID | None
    names: Sequence[str]
    kinds: Sequence[str | None]
    tax_ids: frozenset[tuple[str, str]]
    unlinked_from: frozenset[UUID]

    @property
    def person(self) -> UUID:
        """The id under which others find this person. A customer who is linked to nobody is found by the debtor's."""
        return self.person_id or self.debtor_id


def names_agree(one: str, other: str) -> bool:
    """Whether two names are equal in plain letters, but for the order of their words and one letter."""
    words, others = _words(one), _words(other)
    if not words or not others:
        return False
    if _within_one_letter("".join(words), "".join(others)):
        return True
    left, right = Counter(words), Counter(others)
    only_left, only_right = list((left - right).elements()), list((right - left).elements())
    return max(len(only_left), len(only_right)) <= 1 and _within_one_letter("".join(only_left), "".join(only_right))


def _words(name: str) -> list[str]:
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return [word for word in _BETWEEN_WORDS.split(_WITHIN_A_WORD.sub("", plain.upper())) if word]


def _within_one_letter(one: str, other: str) -> bool:
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    start = next((n for n, sign in enumerate(short) if sign != long[n]), len(short))
    same_length = len(short) == len(long)
    return len(long) - len(short) <= 1 and short[start + same_length :] == long[start + 1 :]


def reasons_against(tax_id: str, customers: Sequence[Customer], total: int) -> set[Why]:
    """Why no two of these customers are linked by themselves, though they all have this tax id.

    ``total`` counts the customers with the tax id, of whom ``customers`` may be some. Empty if nothing is against it.
    """
    against = set()
    codes = {code for customer in customers for code, known in customer.tax_ids if known == tax_id}
    if not all(jurisdictions.tax_id_has_check_digit(code) for code in codes):
        against.add(Why.NO_CHECK_DIGIT)
    elif len(codes) != 1 or jurisdictions.tax_id_kind(next(iter(codes)), tax_id) is None:
        against.add(Why.BAD_CHECK_DIGIT)
    if total > MOST_CUSTOMERS:
        against.add(Why.TOO_MANY_CUSTOMERS)
    people = {customer.person for customer in customers}
    if any(customer.unlinked_from & (people - {customer.person}) for customer in customers):
        against.add(Why.UNLINKED)
    return against


def reasons_between(tax_id: str, one: Customer, other: Customer) -> set[Why]:
    """Why these two are not linked by themselves, though nothing is against their tax id."""
    between = set()
    if len(one.tax_ids | other.tax_ids) > 1:
        between.add(Why.SEVERAL_TAX_IDS)
    if len(_kinds(tax_id, one) | _kinds(tax_id, other)) > 1:
        between.add(Why.KIND_DIFFERS)
    if not all(names_agree(name, another) for name in one.names for another in other.names):
        between.add(Why.NAME_DIFFERS)
    return between


def _kinds(tax_id: str, customer: Customer) -> set[str]:
    """The kinds that the customer's contracts state, and that of the tax id."""
    of_tax_id = {jurisdictions.tax_id_kind(code, tax_id) for code, known in customer.tax_ids if known == tax_id}
    return {kind for kind in (*of_tax_id, *customer.kinds) if kind is not None}


def people_among(tax_id: str, customers: Sequence[Customer]) -> list[list[Customer]]:
    """Return the groups of these customers that are to be linked, each with those who are linked already.

    They come in the order in which they became customers. Nothing is against their tax id. Whoever does not agree with
    all others of a group does not belong to it.
    """
    groups: dict[UUID, list[Customer]] = {}
    for customer in customers:
        groups.setdefault(customer.person, []).append(customer)
    merged: list[list[Customer]] = []
    for group in groups.values():
        found = next((known for known in merged if _all_agree(tax_id, known, group)), None)
        if found is None:
            merged.append(list(group))
        else:
            found.extend(group)
    return [group for group in merged if len({customer.person for customer in group}) > 1]


def _all_agree(tax_id: str, group: Iterable[Customer], others: Sequence[Customer]) -> bool:
    return all(not reasons_between(tax_id, one, other) for one in group for other in others)


def names_of_person(debtor_ids: Sequence[UUID]) -> list[str]:
    """The names from which a new person's id may be made. The first that no other person has is taken.

    The person of the first debtor may have the first one still, when that debtor has left it.
    """
    return [*map(str, debtor_ids), *(f"{debtor_ids[0]}:{n}" for n in range(2, 2 + len(debtor_ids)))]


def person_id_of(creditor_id: UUID, name: str) -> UUID:
    return uuid5(creditor_id, name)
