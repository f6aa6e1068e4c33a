"""A debtor's name in several columns is recognised, and never mixed up with a whole name."""

import pytest
from portfolio.tabular.headers import assigned

PARTS = ("given_name", "first_surname", "second_surname")
RECOGNISED = {
    "Nombre(s); Apellido paterno; Apellido materno": PARTS,
    "NOMBRES; AP_PATERNO; AP_MATERNO": PARTS,
    "Nombre; Primer apellido; Segundo apellido": PARTS,
    "Nombre del cliente; Apellido 1; Apellido 2": PARTS,
    "Nombre o razón social; Paterno; Materno": PARTS,
    "Nombre / Razón social; Apellido paterno; Apellido materno": PARTS,
    "Primer nombre; Segundo nombre; Apellidos": ("given_name", "middle_name", "first_surname"),
    "Nome; Sobrenome": ("given_name", "first_surname"),
    "Primeiro nome; Nome do meio; Sobrenome": ("given_name", "middle_name", "first_surname"),
    "First name; Middle name; Last name": ("given_name", "middle_name", "first_surname"),
    "Forename; Surname": ("given_name", "first_surname"),
    # A whole name stays one.
    "Nombre completo; Nombres; Apellido paterno; Apellido materno": ("debtor_name", *PARTS),
    "Razón social; Nombre; Apellido paterno; Apellido materno": ("debtor_name", *PARTS),
    "Nome do cliente; Nome; Sobrenome": ("debtor_name", "given_name", "first_surname"),
    "Nombres y apellidos": ("debtor_name",),
    "Nombres": ("debtor_name",),
    "Nombre": ("debtor_name",),
    # Nothing is half a name.
    "Apellidos": (None,),
    "First name": (None,),
    # A customer beside a name in parts is a number.
    "Cliente; Nombre; Apellidos": ("debtor_number", "given_name", "first_surname"),
    "No. Cliente; Cliente; Nombre; Apellidos": ("debtor_number", None, "given_name", "first_surname"),
    "Nombre; Nombre del aval; Apellido del aval": ("debtor_name", "guarantor_name", None),
}


@pytest.mark.parametrize(("headers", "fields"), RECOGNISED.items())
def test_names_in_parts_are_recognised(headers: str, fields: tuple[str | None, ...]) -> None:
    names = ("Contrato", *(header.strip() for header in headers.split(";")), "Saldo", "Vencimiento")
    found = assigned(names)
    assert found.fields == ("contract_number", *fields, "amount_due", "due_date")
    assert found.doubled == {}


def test_two_columns_of_one_part_are_not_guessed_between() -> None:
    assert set(assigned(("Contrato", "Nombre", "Apellido", "Apellido")).doubled) == {"first_surname"}
