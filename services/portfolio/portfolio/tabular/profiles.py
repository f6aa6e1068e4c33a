"""The columns that a portfolio file may have, and their names in its header.

A file names its columns in Spanish or Portuguese, as creditors' systems export them, or with the canonical names. Case,
accents, blanks, punctuation and order do not matter.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

REQUIRED_COLUMNS = ("contract_number", "debtor_name", "due_date", "amount_due")

SPANISH_HEADERS = {
    "contract_number": "No. Contrato",
    "debtor_number": "No. Cliente",
    "debtor_name": "Nombre / Razón social",
    "debtor_kind": "Tipo de persona",
    "tax_id": "RFC",
    "language": "Idioma",
    "product": "Producto",
    "original_creditor": "Acreedor original",
    "origination_date": "Fecha de otorgamiento",
    "instalment_number": "No. Mensualidad",
    "due_date": "Fecha de vencimiento",
    "amount_due": "Importe vencido",
    "principal": "Capital",
    "ordinary_interest": "Intereses ordinarios",
    "default_interest": "Intereses moratorios",
    "fees": "Comisiones",
    "tax": "Impuestos",
    "other": "Otros",
    "calculated_on": "Fecha de cálculo",
    "phone_1": "Teléfono 1",
    "phone_2": "Teléfono 2",
    "email": "Correo electrónico",
    "address_kind": "Tipo de domicilio",
    "street": "Calle",
    "exterior": "Núm. ext.",
    "interior": "Núm. int.",
    "neighbourhood": "Colonia",
    "postal_code": "C.P.",
    "city": "Municipio",
    "state": "Estado",
}
"""The canonical name of every column, in the usual order, and the header that Mexican creditors give it."""

PORTUGUESE_HEADERS = {
    "contract_number": "Nº do contrato",
    "debtor_number": "Nº do cliente",
    "debtor_name": "Nome / Razão social",
    "debtor_kind": "Tipo de pessoa",
    "tax_id": "CPF / CNPJ",
    "language": "Idioma",
    "product": "Produto",
    "original_creditor": "Credor original",
    "origination_date": "Data de concessão",
    "instalment_number": "Nº da parcela",
    "due_date": "Data de vencimento",
    "amount_due": "Valor vencido",
    "principal": "Principal",
    "ordinary_interest": "Juros remuneratórios",
    "default_interest": "Juros de mora",
    "fees": "Tarifas",
    "tax": "Impostos",
    "other": "Outros",
    "calculated_on": "Data do cálculo",
    "phone_1": "Telefone 1",
    "phone_2": "Telefone 2",
    "email": "E-mail",
    "address_kind": "Tipo de endereço",
    "street": "Logradouro",
    "exterior": "Número",
    "interior": "Complemento",
    "neighbourhood": "Bairro",
    "postal_code": "CEP",
    "city": "Município",
    "state": "Estado",
}
"""The headers that Brazilian creditors give."""

FILE_COLUMNS = tuple(SPANISH_HEADERS)
"""The columns about the debtor and the debt."""

COMPONENTS = ("principal", "ordinary_interest", "default_interest", "fees", "tax", "other")
"""The parts of the amount of a row. Their sum is the amount."""

ADDRESS_COLUMNS = ("address_kind", "street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")
SECOND_ADDRESS = tuple(f"{column}_2" for column in ADDRESS_COLUMNS)
REPEATED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"phone": tuple(f"phone_{n}" for n in range(1, 7)), "email": ("email", "email_2", "email_3")}
)
"""What a row may have several of."""
PLAN_COLUMNS = ("first_due_date", "instalment_count", "frequency", "instalment_amount")
"""What describes instalments that are not listed one by one. The amount is that of all of them, or that of each."""
NAME_PARTS = ("given_name", "middle_name", "first_surname", "second_surname")
"""A debtor's name in several columns, in the order in which the parts are joined."""
_OF_PARTY = ("name", "tax_id", "phone", "email")
PARTY_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "guarantor": tuple(f"guarantor_{what}" for what in _OF_PARTY),
        "joint_obligor": tuple(f"joint_obligor_{what}" for what in _OF_PARTY),
        "reference": ("reference_name", "reference_phone", "reference_email"),
        "employer": ("employer_name", "employer_phone", "employer_email"),
    }
)
"""What a row may say of the people besides the debtor, by role. A workplace's phone is the employer's."""
SPANISH_PARTY_HEADERS = {
    "guarantor_name": "Nombre del aval",
    "guarantor_tax_id": "RFC del aval",
    "guarantor_phone": "Teléfono del aval",
    "guarantor_email": "Correo del aval",
    "joint_obligor_name": "Nombre del obligado solidario",
    "joint_obligor_tax_id": "RFC del obligado solidario",
    "joint_obligor_phone": "Teléfono del obligado solidario",
    "joint_obligor_email": "Correo del obligado solidario",
    "reference_name": "Nombre de la referencia",
    "reference_phone": "Teléfono de la referencia",
    "reference_email": "Correo de la referencia",
    "employer_name": "Nombre del empleador",
    "employer_phone": "Teléfono del trabajo",
    "employer_email": "Correo del trabajo",
}
PORTUGUESE_PARTY_HEADERS = {
    "guarantor_name": "Nome do avalista",
    "guarantor_tax_id": "CPF do avalista",
    "guarantor_phone": "Telefone do avalista",
    "guarantor_email": "E-mail do avalista",
    "joint_obligor_name": "Nome do coobrigado",
    "joint_obligor_tax_id": "CPF do coobrigado",
    "joint_obligor_phone": "Telefone do coobrigado",
    "joint_obligor_email": "E-mail do coobrigado",
    "reference_name": "Nome da referência",
    "reference_phone": "Telefone da referência",
    "reference_email": "E-mail da referência",
    "employer_name": "Nome do empregador",
    "employer_phone": "Telefone do trabalho",
    "employer_email": "E-mail do trabalho",
}


class PartyColumn(NamedTuple):
    """What a column says of a person beside the debtor. ``place`` tells several people of one role in a row apart."""

    role: str
    what: str
    place: int


_PEOPLE_OF_ROW: Mapping[str, int] = MappingProxyType(
    {"guarantor": 2, "joint_obligor": 2, "reference": 3, "employer": 1}
)


def of_place(column: str, place: int) -> str:
    """The column about another person of the role: ``reference_name_2``."""
    return column if place == 1 else f"{column}_{place}"


PARTY_COLUMN: Mapping[str, PartyColumn] = MappingProxyType(
    {
        of_place(column, place): PartyColumn(role, column.removeprefix(f"{role}_"), place)
        for role, columns in PARTY_COLUMNS.items()
        for place in range(1, _PEOPLE_OF_ROW[role] + 1)
        for column in columns
    }
)
"""Every column about a person beside the debtor."""
PEOPLE: Mapping[tuple[str, int], tuple[str, ...]] = MappingProxyType(
    {
        (role, place): tuple(of_place(column, place) for column in columns)
        for role, columns in PARTY_COLUMNS.items()
        for place in range(1, _PEOPLE_OF_ROW[role] + 1)
    }
)
"""The columns of each person of whom a row may speak, by role and place."""
AREA_CODES = tuple(f"area_code_{n}" for n in range(1, 7))
"""The area code of each phone, where it has a column of its own."""
TEMPLATE_COLUMNS = (*FILE_COLUMNS, *SPANISH_PARTY_HEADERS)
"""The columns of our template."""
FIELDS = (
    *TEMPLATE_COLUMNS,
    *(column for column in PARTY_COLUMN if column not in SPANISH_PARTY_HEADERS),
    *PLAN_COLUMNS,
    *NAME_PARTS,
    "currency",
    *AREA_CODES,
    *(name for names in REPEATED.values() for name in names if name not in FILE_COLUMNS),
    *SECOND_ADDRESS,
)
"""Everything that a column of a file may be."""
INSTEAD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"debtor_name": ("given_name", "first_surname"), "due_date": ("first_due_date",), "amount_due": PLAN_COLUMNS[-1:]}
)
"""The columns that together stand for a required one."""
_SPANISH_PARTS = {"given_name": "Nombre(s)", "first_surname": "Apellido paterno"}
MONEY_AND_IDENTITY = frozenset(
    {
        *("contract_number", "debtor_number", "debtor_name", "tax_id", "due_date", "amount_due", "instalment_number"),
        *(*COMPONENTS, *NAME_PARTS),
    }
)
"""Nothing is guessed between two columns of one of these."""

OUR_COLUMNS = ("row_number", "errors", "file_id")
"""The columns that a file of rejected rows has besides those of the file."""
OUR_SPANISH_HEADERS = dict(zip(OUR_COLUMNS, ("Fila del archivo", "Motivos de rechazo", "Id. del archivo"), strict=True))
OUR_PORTUGUESE_HEADERS = dict(
    zip(OUR_COLUMNS, ("Linha do arquivo", "Motivos da rejeição", "Id. do arquivo"), strict=True)
)


def plain(text: str) -> str:
    """Return ``text`` without accents, case, blanks and punctuation, to compare names that people typed."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed.casefold() if letter.isalnum())


_SHORT_NAMES = {"cp": "postal_code", "instalments": "instalment_count", "number_of_instalments": "instalment_count"}
_COLUMN_OF = (
    {plain(name): name for name in (*FIELDS, *OUR_COLUMNS)}
    | {plain(n): f for n, f in _SHORT_NAMES.items()}
    | {
        plain(header): name
        for headers in (
            *(SPANISH_HEADERS, PORTUGUESE_HEADERS, SPANISH_PARTY_HEADERS, PORTUGUESE_PARTY_HEADERS),
            *(OUR_SPANISH_HEADERS, OUR_PORTUGUESE_HEADERS),
        )
        for name, header in headers.items()
    }
)


def column_named(header: str) -> str | None:
    """The canonical name of the column that ``header`` means, or None."""
    return _COLUMN_OF.get(plain(header))


def lacking(required: Iterable[str], known: Collection[str | None]) -> list[str]:
    """Those of the required columns that are not known, and for which no others stand."""
    return [
        one
        for one in required
        if one not in known and not (one in INSTEAD and all(other in known for other in INSTEAD[one]))
    ]


def named(column: str, spanish: Mapping[str, str]) -> str:
    """A column for people: by its Spanish and its canonical name, where it has a Spanish one."""
    return f"{spanish[column]!r} ({column})" if column in spanish else column


def wanted(column: str, spanish: Mapping[str, str]) -> str:
    """A column that is missing, for people: by its Spanish and its canonical name, and those of the parts of a name."""
    if column != "debtor_name":
        return named(column, spanish)
    return f"{named(column, spanish)} / {' + '.join(f'{header!r} ({part})' for part, header in _SPANISH_PARTS.items())}"
