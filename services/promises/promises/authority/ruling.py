"""The rules of authority: one person writes them, another one approves them. Until then the former rules hold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from chassis import Conflict, Forbidden, InputModel, NotFound, OutputModel, Principal, Reader
from chassis.models import INT4_MAX
from chassis.second_person import OPERATOR, refuse_same_person, roles_of
from pydantic import Field, TypeAdapter, model_validator
from recobro_events import Row, Transaction

from promises.authority import queries
from promises.authority.models import DEFAULT_RULES, AuthorityRule

MOST_RULES = 200
_RULES = TypeAdapter(tuple[AuthorityRule, ...])
RulesState = Literal["awaiting_approval", "approved", "refused"]


class RulesUnknown(NotFound):
    code = "rules-unknown"
    detail = "There are no rules of this version."


class RulesDecided(Conflict):
    code = "rules-decided"
    detail = "These rules are decided already."


class RulesChanged(Conflict):
    code = "rules-changed"
    detail = "Somebody else has changed the rules meanwhile. Read them again."


class RulesOutdated(Conflict):
    code = "rules-outdated"
    detail = "Other rules came into force after these were proposed. Refuse these, and propose the change again."


class NoRole(Forbidden):
    code = "role-needed"
    detail = "Only a person with a role above that of an operator decides who may discount how much."


class NewAuthorityRules(InputModel):
    """All rules. They replace the rules in force once another person has approved them.

    ``replaces`` is the version in force that the person has seen. If another one is in force, nothing is written, and
    if another one comes into force, these rules cannot be approved any more. Null replaces any version.
    """

    rules: Annotated[tuple[AuthorityRule, ...], Field(min_length=1, max_length=MOST_RULES)]
    replaces: Annotated[int, Field(ge=0, le=INT4_MAX)] | None = None

    @model_validator(mode="after")
    def _one_rule_of_a_role_and_kind(self) -> Self:
        if len({(rule.role, rule.kind) for rule in self.rules}) < len(self.rules):
            raise ValueError("must have one rule for a role and a kind")
        return self


class AuthorityRules(OutputModel):
    """``version`` 0 are the default rules, which hold until others are approved.

    ``replaces`` is the version in force that the person had seen who proposed these; null: any.
    """

    version: int
    state: RulesState
    rules: tuple[AuthorityRule, ...]
    replaces: int | None
    asked_by: str | None
    decided_by: str | None
    created_at: datetime | None


DEFAULT = AuthorityRules(
    version=0, state="approved", rules=DEFAULT_RULES, replaces=None, asked_by=None, decided_by=None, created_at=None
)


async def in_force(reader: Reader) -> AuthorityRules:
    row = await reader.fetchrow(queries.IN_FORCE)
    return DEFAULT if row is None else shown(row)


async def rules_in_force(reader: Reader) -> Sequence[AuthorityRule]:
    return (await in_force(reader)).rules


async def ask(tx: Transaction, who: Principal, new: NewAuthorityRules) -> AuthorityRules:
    """Write new rules. They wait for another person.

    ``RulesChanged`` if the rules in force are not those that ``new`` replaces.
    """
    _refuse_without_role(who)
    if not await _is_in_force(tx, new.replaces):
        raise RulesChanged()
    row = await tx.fetchrow(queries.ASK, _RULES.dump_python(new.rules, mode="json"), new.replaces)
    assert row is not None
    return shown(row)


async def decide(tx: Transaction, who: Principal, version: int, state: RulesState) -> AuthorityRules:
    """Approve or refuse rules that another person has written.

    ``RulesUnknown``, ``RulesDecided``, ``SamePerson``; ``RulesOutdated`` if approved rules replace others than those in
    force.
    """
    _refuse_without_role(who)
    await tx.execute(queries.LOCK)
    row = await tx.fetchrow(queries.PROPOSED, version)
    if row is None:
        raise RulesUnknown()
    if row["state"] != "awaiting_approval":
        raise RulesDecided()
    refuse_same_person(row["actor"], who)
    if state == "approved" and not await _is_in_force(tx, row["replaces"]):
        raise RulesOutdated()
    decided = await tx.fetchrow(queries.DECIDE, version, state)
    assert decided is not None
    return shown(decided)


async def _is_in_force(reader: Reader, version: int | None) -> bool:
    return version is None or (await in_force(reader)).version == version


def _refuse_without_role(who: Principal) -> None:
    if roles_of(who) <= {OPERATOR}:
        raise NoRole()


def shown(row: Row) -> AuthorityRules:
    values: dict[str, Any] = dict(row)
    return AuthorityRules(**values)
