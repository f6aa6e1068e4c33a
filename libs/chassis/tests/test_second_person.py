"""Who asked does not decide, under whichever name."""

from uuid import uuid4

import pytest
from chassis.principals import Principal
from chassis.second_person import SamePerson, refuse_same_person, roles_of


def person(subject: str, delegate: str | None = None, *scopes: str) -> Principal:
    return Principal(subject, frozenset(scopes), "t-1", role="operator", delegate=delegate)


@pytest.mark.parametrize(
    ("asked", "decides"),
    [
        ({"subject": "ana"}, person("ana")),
        ({"subject": "ana"}, person("luis", "ana")),
        ({"subject": "luis", "delegate": "ana"}, person("ana")),
        ({"subject": "luis", "delegate": "ana"}, person("eva", "ana")),
    ],
)
def test_who_asked_may_not_decide_under_whichever_name(asked: dict[str, str], decides: Principal) -> None:
    with pytest.raises(SamePerson):
        refuse_same_person(asked, decides)


@pytest.mark.parametrize("asked", [None, {"subject": "luis"}, {"subject": "luis", "delegate": "program"}])
def test_another_person_may_decide(asked: dict[str, str] | None) -> None:
    refuse_same_person(asked, person("ana"))


def test_roles_are_named_by_scopes_and_an_agency_has_no_other() -> None:
    assert roles_of(person("ana", None, "promises:write", "role:supervisor", "role:", "role:agency")) == {
        "operator",
        "supervisor",
    }
    agency = Principal("eva", frozenset({"role:director"}), "t-1", agency_id=uuid4())
    assert roles_of(agency) == {"agency"}
