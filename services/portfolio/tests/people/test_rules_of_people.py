"""Which names agree, and which customers are one person."""

from uuid import UUID, uuid4, uuid5

import pytest
from portfolio.people.rules import Customer, Why, names_agree, names_of_person, people_among, reasons_against
from tax_ids import rfc

RFC = rfc("PEGJ", "800101")


def customer(
    name: str = "Juan Pérez Gómez",
    *,
    kind: str | None = "person",
    tax_ids: tuple[str, ...] = (RFC,),
    code: str = "MX",
    person_id: UUID | None = None,
    unlinked_from: UUID | None = None,
) -> Customer:
    from_people = frozenset() if unlinked_from is None else frozenset([unlinked_from])
    ids = frozenset((code, tax_id) for tax_id in tax_ids)
    return Customer(uuid4(), person_id, [name], [kind], ids, from_people)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Íñigo Peña", "INIGO PENA"),
        ("Peña López, Íñigo", "Íñigo Peña López"),
        ("Juan Pérez", "Juan Peres"),
        ("Javier Ruiz", "Xavier Ruiz"),
        ("Ruiz Xavier", "Javier Ruiz"),
        ("Juan Pérez", "Juan Péreez"),
        ("María de la Luz Cruz", "Maria Delaluz Cruz"),
        ("Aceros del Norte S.A. de C.V.", "ACEROS DEL NORTE SA DE CV"),
        ("Juan P. López", "Juan López"),
        ("D’Angelo Rossi", "DAngelo Rossi"),
    ],
)
def test_names_agree_but_for_order_and_one_letter(one: str, other: str) -> None:
    assert names_agree(one, other)
    assert names_agree(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Juan Pérez Gómez", "José Pérez Gómez"),
        ("Juan Pérez", "Juan Carlos Pérez"),
        ("Juana Péres", "Juan Pérez"),
        ("Ferretería López SA de CV", "Juan López"),
        ("***", "***"),
        ("", "Juan"),
    ],
)
def test_other_names_do_not_agree(one: str, other: str) -> None:
    assert not names_agree(one, other)


@pytest.mark.parametrize(
    ("tax_id", "code", "total", "why"),
    [
        (RFC, "MX", 10, set()),
        (RFC, "MX", 11, {Why.TOO_MANY_CUSTOMERS}),
        (RFC[:-1] + ("0" if RFC[-1] != "0" else "1"), "MX", 2, {Why.BAD_CHECK_DIGIT}),
        ("XAXX010101000", "MX", 2, {Why.BAD_CHECK_DIGIT}),
        ("XEXX010101000", "MX", 2, {Why.BAD_CHECK_DIGIT}),
        ("PEGJ800101", "MX", 2, {Why.BAD_CHECK_DIGIT}),
        ("11144477735", "BR", 2, set()),
        ("11111111111", "BR", 2, {Why.BAD_CHECK_DIGIT}),
        ("123456789", "US", 2, {Why.NO_CHECK_DIGIT}),
    ],
)
def test_only_a_tax_id_with_a_true_check_digit_of_few_customers_links(
    tax_id: str, code: str, total: int, why: set[Why]
) -> None:
    two = [customer(tax_ids=(tax_id,), code=code) for _ in range(2)]
    assert reasons_against(tax_id, two, total) == why


def test_a_tax_id_that_two_countries_use_links_nobody() -> None:
    one, other = customer(), customer(code="US")
    assert reasons_against(RFC, [one, other], 2) == {Why.NO_CHECK_DIGIT}


def test_nobody_is_linked_to_people_one_of_whom_was_unlinked_from_another() -> None:
    person_id = uuid4()
    member, unlinked = customer(person_id=person_id), customer(unlinked_from=person_id)
    assert reasons_against(RFC, [member, unlinked, customer()], 3) == {Why.UNLINKED}
    assert reasons_against(RFC, [unlinked, customer()], 2) == set()


@pytest.mark.parametrize(
    "other",
    [
        customer("José Pérez Gómez"),
        customer(kind="company"),
        customer(tax_ids=(RFC, rfc("GOMM", "900202"))),
    ],
    ids=["name", "kind", "second tax id"],
)
def test_whoever_does_not_agree_is_not_linked(other: Customer) -> None:
    one, twin = customer(), customer("Gomez Perez Juan")
    assert people_among(RFC, [one, other]) == []
    assert people_among(RFC, [one, other, twin]) == [[one, twin]]


def test_a_kind_that_nobody_states_is_that_of_the_tax_id() -> None:
    one, other = customer(kind=None), customer()
    assert people_among(RFC, [one, other]) == [[one, other]]
    assert people_among(RFC, [customer(kind=None), customer(kind="company")]) == []


def test_a_customer_joins_only_a_person_with_whom_all_of_them_agree() -> None:
    """Each of these names is one letter from the next one."""
    ana, anna, annas = (customer(name) for name in ("Ana Ruiz", "Anna Ruiz", "Annas Ruiz"))
    assert people_among(RFC, [ana, anna, annas]) == [[ana, anna]]


def test_people_who_are_linked_stay_one_whatever_their_names() -> None:
    person_id = uuid4()
    one, other = customer(person_id=person_id), customer("Otra Persona", person_id=person_id)
    assert people_among(RFC, [one, other]) == []
    assert people_among(RFC, [one, other, customer()]) == []


def test_the_names_of_a_person_begin_with_the_first_customer() -> None:
    one, other = uuid5(UUID(int=0), "1"), uuid5(UUID(int=0), "2")
    assert names_of_person([one, other]) == [str(one), str(other), f"{one}:2", f"{one}:3"]
