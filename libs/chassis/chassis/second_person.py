"""A second person: where money or rights move, one person asks and another one decides.

A row that waits for a decision keeps who asked in its column ``actor`` (``schema.ACTOR``), and who decided in a column
``second_actor``, which a statement sets to ``DECIDER``. The use case that decides calls ``refuse_same_person`` with the
row's ``actor`` before it changes anything, under the lock of that row. What a person may ask and decide is the
service's own data, by the person's roles.
"""

from collections.abc import Mapping
from typing import Any

from chassis.principals import Principal
from chassis.problems import Conflict

ROLE_SCOPE = "role:"
"""A scope that begins so names a role of the person, such as ``role:supervisor``."""
OPERATOR = "operator"
AGENCY = "agency"

COLUMNS = "second_actor jsonb, second_decided_at timestamptz"
"""The columns of a row that needs a second person. Both are null until that person has decided."""
DECIDER = "nullif(current_setting('app.actor', true), '')::jsonb"
"""SQL: who makes this request, for the column ``second_actor``."""


class SamePerson(Conflict):
    """Who asked may not decide."""

    code = "same-person"
    detail = "You asked for this yourself. Another person has to decide it."


class SecondPersonNeeded(Conflict):
    """Nothing takes effect before the second person has decided."""

    code = "second-person-needed"
    detail = "A second person has to approve this first."


def roles_of(who: Principal) -> frozenset[str]:
    """Return the person's roles: ``operator`` or ``agency``, by the kind of the token, and those that its scopes name.

    An agency's token has no other role, whatever its scopes say.
    """
    if who.agency_id is not None:
        return frozenset({AGENCY})
    named = (scope.removeprefix(ROLE_SCOPE) for scope in who.scopes if scope.startswith(ROLE_SCOPE))
    return frozenset({OPERATOR, *named} - {AGENCY, ""})


def refuse_same_person(asked: Mapping[str, Any] | None, who: Principal) -> None:
    """``SamePerson`` if this caller is the actor who asked, acts for that actor, or had that actor act for them.

    Two requests of one delegate count as one person's: the token does not say who stood behind the delegate. What no
    person asked for (``asked`` is None) anybody may decide.
    """
    if asked is None:
        return
    first = {asked.get("subject"), asked.get("delegate")} - {None}
    if first & {who.subject, who.delegate}:
        raise SamePerson()
