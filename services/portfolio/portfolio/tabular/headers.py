"""Recognises the columns of a file by its headers, which creditors write in Spanish, Portuguese or English.

A header is split into words, each word stands for a concept, and a field is known by the concepts of its names. A word
that is not known makes the header foreign: "Fecha de último pago" is no due date.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from portfolio.tabular.profiles import (
    AREA_CODES,
    FIELDS,
    INSTEAD,
    MONEY_AND_IDENTITY,
    NAME_PARTS,
    PARTY_COLUMN,
    PLAN_COLUMNS,
    REPEATED,
    REQUIRED_COLUMNS,
    SPANISH_HEADERS,
    column_named,
    of_place,
    plain,
)

CERTAIN = 1.0
AREA_CODE = "area_code"


class Recognised(NamedTuple):
    """What a header means. ``place`` is the number behind a repeated field, such as that of Teléfono 2."""

    field: str
    confidence: float
    place: int = 0


class Assignment(NamedTuple):
    """The field of each header, or None for a foreign column, with the confidence.

    ``doubled`` are headers of which nothing says which one is the field; ``passed`` are those that were passed over.
    """

    fields: tuple[str | None, ...]
    confidences: tuple[float, ...]
    doubled: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    passed: Mapping[str, tuple[str, ...]] = MappingProxyType({})


_WORDS = {
    "NUMBER": "no num numero nro nr n id clave cve codigo cod code number identificador ident",
    "FOLIO": "folio",
    "CONTRACT": "contrato contract credito credit cuenta cta conta account acct prestamo emprestimo loan operacion"
    " operacao poliza apolice pagare",
    "CUSTOMER": "cliente customer client deudor devedor debtor acreditado titular borrower holder socio sacado"
    " mutuario tarjetahabiente",
    "NAME": "nombre nome name apellidosynombre",
    "COMPANY": "razonsocial razaosocial denominacion",
    "FULL": "completo completa full",
    "DATE": "fecha data date fec fch dt dia day f",
    "DUE": "vencimiento vencimento vto venc vence vcto vencto due maturity",
    "LIMIT": "limite deadline",
    "FIRST": "primer primera primeiro primeira first 1er 1ra",
    "AMOUNT": "importe monto valor amount montante vlr imp mto amt",
    "OWED": "saldo balance adeudo deuda divida debt debito",
    "OVERDUE": "vencido vencida overdue atrasado atrasada moroso devido devida exigible adeudado adeudada pendiente"
    " pendente insoluto unpaid outstanding owed aberto atraso arrears",
    "TOTAL": "total",
    "INSTALMENT": "mensualidad parcela instalment installment cuota prestacion prestacao amortizacion letra",
    "PAYMENT": "pago payment pagamento pagar pay",
    "PAYMENTS": "pagos payments pagamentos",
    "INSTALMENTS": "mensualidades parcelas instalments installments cuotas prestaciones prestacoes amortizaciones"
    " letras plazos",
    "COUNT": "cantidad quantidade qtd qtde count",
    "FREQUENCY": "frecuencia frequencia frequency periodicidad periodicidade",
    "PHONE": "telefono telefone phone tel telf celular movil mobile cel cell fone whatsapp fono telefonos"
    " telefones phones celulares",
    "AREA": "ddd lada area",
    "CURRENCY": "moneda divisa moeda currency",
    "PRINCIPAL": "principal",
    "WORK": "trabajo trabalho work oficina office laboral empleo",
    "EMPLOYER": "empleador empregador employer patron",
    "GUARANTOR": "aval avalista guarantor fiador fiadora garante",
    "OBLIGOR": "obligado solidario coobrigado coobligado codeudor codevedor obligor joint cosigner",
    "WHERE": "casa home contacto contato contact residencial main alternativo alterno comercial particular personal",
    "EMAIL": "correo email mail",
    "ELECTRONIC": "electronico eletronico e",
    "RFC": "rfc cpf cnpj ein taxid nit",
    "CURP": "curp",
    "TAX": "tax fiscal",
    "PRODUCT": "producto produto product",
    "KIND": "tipo type kind",
    "PERSON": "persona pessoa person",
    "ADDRESS": "domicilio direccion endereco address",
    "STREET": "calle logradouro street rua",
    "EXTERIOR": "exterior ext",
    "INTERIOR": "interior int complemento",
    "NEIGHBOURHOOD": "colonia bairro neighbourhood neighborhood barrio col fraccionamiento",
    "POSTAL": "postal postcode zip cep cp",
    "CITY": "municipio ciudad cidade city alcaldia delegacion localidad town poblacion",
    "STATE": "estado state uf provincia province",
    "ENTITY": "entidad federativa",
    "CURRENT": "actual current atual corte",
    "PAST": "past",
    "REFERENCE": "referencia reference ref",
    "GIVEN": "nombres prenome prenomes given forename forenames pila",
    "SURNAME": "apellidos apellido apell ape ap sobrenome sobrenomes surname surnames",
    "PATERNAL": "paterno pat appaterno",
    "MATERNAL": "materno mat apmaterno",
    "LAST": "last family",
    "MIDDLE": "middle meio",
    "SECOND": "segundo segunda second 2do 2o",
    "TERM": "plazo prazo term",
    "CAPITAL": "capital",
    "INTEREST": "interes intereses juros interest",
    "ORDINARY": "ordinario ordinarios ordinary remuneratorio remuneratorios",
    "DEFAULT": "moratorio moratorios mora default",
    "FEES": "comision comisiones tarifa tarifas fee fees",
    "LEVY": "iva impuesto impuestos imposto impostos iof vat",
    "OTHER": "otro otros otra otras outro outros outra outras other",
    "CALCULATION": "calculo calculation calculated",
    "LANGUAGE": "idioma lengua lingua language",
    "CREDITOR": "acreedor credor creditor",
    "ORIGINAL": "original",
    "ORIGINATION": "otorgamiento originacion concessao contratacao origination",
}
_FILLERS = "de del da do dos das la el los o a of the to por para en em y e and on al mxn usd brl eur gbp pesos reais"
_LEFT_OUT = frozenset(_FILLERS.split())
_JOINED = re.compile(r"\b(razon|razao|apellidos y) (social|nombre)\b|\b(tax) (id)\b|\b(e) (mail)\b")


def _of_party(role: str, concept: str) -> dict[str, Sequence[tuple[float, str]]]:
    """The names of the columns about a person besides the debtor."""
    return {
        f"{role}_name": ((0.95, f"NAME|COMPANY {concept} FULL? WHERE?"),),
        f"{role}_tax_id": ((0.95, f"RFC {concept}"), (0.9, f"TAX NUMBER {concept}")),
        f"{role}_phone": ((0.95, f"PHONE {concept} NUMBER? WHERE?"),),
        f"{role}_email": ((0.95, f"EMAIL {concept} ELECTRONIC?"),),
    }


_CUSTOMER = 0.7
"""The confidence that Cliente is the name."""
_BARE = 0.7
"""The confidence that a header such as Nombre means the given name: only beside a surname."""
_NAMES: Mapping[str, Sequence[tuple[float, str]]] = {
    "contract_number": (
        (0.95, "NUMBER CONTRACT"),
        (0.9, "CONTRACT"),
        (0.85, "CONTRACT REFERENCE NUMBER?"),
        (0.9, "FOLIO CONTRACT"),
        (0.6, "FOLIO"),
    ),
    "debtor_number": ((0.95, "NUMBER CUSTOMER"), (0.5, "CUSTOMER")),
    "debtor_name": (
        *((0.95, "NAME|COMPANY CUSTOMER FULL?"), (0.95, "NAME|GIVEN SURNAME CUSTOMER?"), (0.9, "NAME|COMPANY FULL?")),
        *((_CUSTOMER, "CUSTOMER"), (0.6, "GIVEN NAME? CUSTOMER?")),
    ),
    "given_name": (
        *((0.95, "GIVEN NAME? CUSTOMER?"), (0.95, "FIRST NAME CUSTOMER?")),
        *((_BARE, "NAME COMPANY?"), (_BARE, "NAME CUSTOMER COMPANY?")),
    ),
    "middle_name": ((0.95, "NAME SECOND|MIDDLE CUSTOMER?"),),
    "first_surname": (
        *((0.95, "SURNAME PATERNAL CUSTOMER?"), (0.95, "SURNAME FIRST CUSTOMER?"), (0.95, "NAME LAST CUSTOMER?")),
        *((0.9, "SURNAME CUSTOMER?"), (0.85, "PATERNAL CUSTOMER?")),
    ),
    "second_surname": (
        *((0.95, "SURNAME MATERNAL CUSTOMER?"), (0.95, "SURNAME SECOND CUSTOMER?"), (0.85, "MATERNAL CUSTOMER?")),
    ),
    "debtor_kind": ((0.95, "KIND PERSON"),),
    "tax_id": ((0.95, "RFC CUSTOMER? NUMBER?"), (0.9, "TAX NUMBER"), (0.7, "CURP CUSTOMER?")),
    "product": ((0.95, "PRODUCT NAME|COMPANY?"), (0.8, "KIND PRODUCT"), (0.7, "KIND CONTRACT")),
    "instalment_number": ((0.95, "NUMBER INSTALMENT"), (0.8, "NUMBER PAYMENT"), (0.7, "INSTALMENT")),
    "due_date": (
        (0.95, "DATE DUE INSTALMENT? PAYMENT?"),
        (0.9, "DUE PAYMENT? INSTALMENT?"),
        (0.85, "DATE LIMIT PAYMENT?"),
    ),
    "first_due_date": ((0.95, "FIRST DUE DATE? PAYMENT? INSTALMENT?"), (0.85, "DATE FIRST PAYMENT|INSTALMENT")),
    "amount_due": (
        (0.95, "AMOUNT|OWED OVERDUE TOTAL? INSTALMENT? CONTRACT?"),
        (0.95, "AMOUNT|OWED DUE PAST?"),
        (0.9, "COUNT OVERDUE"),
        (0.85, "TOTAL OVERDUE|DUE"),
        (0.8, "TOTAL PAYMENT"),
        (0.9, "OVERDUE"),
        (0.85, "AMOUNT|OWED CUSTOMER"),
        (0.8, "AMOUNT|OWED PAYMENT"),
        (0.8, "AMOUNT|OWED INSTALMENT"),
        (0.75, "AMOUNT|OWED"),
        (0.8, "OWED CONTRACT|DEFAULT"),
        (0.72, "AMOUNT|OWED CURRENT"),
        (0.72, "OWED DATE"),
        (0.7, "AMOUNT|OWED TOTAL CONTRACT?"),
        (0.6, "TOTAL"),
    ),
    "principal": ((0.9, "CAPITAL|PRINCIPAL AMOUNT|OWED? OVERDUE?"),),
    "ordinary_interest": ((0.95, "INTEREST ORDINARY AMOUNT|OWED?"),),
    "default_interest": ((0.95, "INTEREST DEFAULT AMOUNT|OWED?"), (0.8, "DEFAULT")),
    "fees": ((0.9, "FEES AMOUNT|OWED?"),),
    "tax": ((0.9, "LEVY AMOUNT|OWED?"),),
    "other": ((0.9, "OTHER AMOUNT|OWED?"),),
    "calculated_on": ((0.95, "DATE CALCULATION"),),
    "language": ((0.95, "LANGUAGE CUSTOMER?"),),
    "original_creditor": ((0.95, "CREDITOR ORIGINAL NAME|COMPANY?"),),
    "origination_date": ((0.95, "DATE ORIGINATION CONTRACT?"),),
    "instalment_amount": ((0.75, "AMOUNT|OWED INSTALMENT|PAYMENT"),),
    "currency": ((0.95, "CURRENCY CONTRACT?"),),
    "instalment_count": (
        (0.95, "NUMBER INSTALMENTS|PAYMENTS"),
        (0.95, "COUNT INSTALMENTS|PAYMENTS"),
        (0.8, "INSTALMENTS"),
        (0.6, "TERM"),
    ),
    "frequency": ((0.95, "FREQUENCY PAYMENT? INSTALMENTS? PAYMENTS?"),),
    "phone": (
        (0.95, "PHONE"),
        (0.9, "NUMBER PHONE"),
        (0.9, "PHONE WHERE|PRINCIPAL CUSTOMER?"),
        (0.85, "PHONE CUSTOMER"),
    ),
    "area_code": ((0.95, "AREA NUMBER? PHONE? WHERE? CUSTOMER?"),),
    "email": (
        (0.95, "EMAIL ELECTRONIC? ADDRESS?"),
        (0.9, "EMAIL ELECTRONIC? CUSTOMER"),
        (0.85, "EMAIL ELECTRONIC? WHERE|PRINCIPAL"),
    ),
    **_of_party("guarantor", "GUARANTOR"),
    **_of_party("joint_obligor", "OBLIGOR CUSTOMER?"),
    **{field: names for field, names in _of_party("reference", "REFERENCE").items() if field != "reference_tax_id"},
    "employer_name": ((0.95, "NAME|COMPANY EMPLOYER"), (0.85, "EMPLOYER"), (0.85, "NAME|COMPANY WORK")),
    "employer_phone": ((0.95, "PHONE EMPLOYER|WORK NUMBER? WHERE?"),),
    "employer_email": ((0.95, "EMAIL EMPLOYER|WORK ELECTRONIC?"),),
    "address_kind": ((0.95, "KIND ADDRESS"),),
    "street": (
        (0.95, "STREET"),
        (0.9, "STREET NUMBER|ADDRESS"),
        (0.7, "ADDRESS CUSTOMER? FULL? WHERE|PRINCIPAL? WORK?"),
    ),
    "exterior": ((0.95, "NUMBER EXTERIOR"), (0.9, "EXTERIOR")),
    "interior": ((0.95, "NUMBER INTERIOR"), (0.9, "INTERIOR")),
    "neighbourhood": ((0.95, "NEIGHBOURHOOD"),),
    "postal_code": ((0.95, "NUMBER POSTAL"), (0.9, "POSTAL")),
    "city": ((0.95, "CITY"), (0.8, "CITY STATE")),
    "state": ((0.95, "STATE"), (0.9, "ENTITY"), (0.8, "STATE ENTITY")),
}
"""The names of each field, as concepts. ``?`` may be absent, ``A|B`` is one of the two."""


class _Name(NamedTuple):
    field: str
    confidence: float
    needed: tuple[frozenset[str], ...]
    allowed: frozenset[str]


def _parsed(field: str, confidence: float, name: str) -> _Name:
    needed = tuple(frozenset(word.split("|")) for word in name.split() if not word.endswith("?"))
    allowed = frozenset(one for word in name.split() for one in word.rstrip("?").split("|"))
    return _Name(field, confidence, needed, allowed)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The columns that a kind of file may have, and by which words their headers are recognised.

    ``named`` knows the headers of our own template. ``fields`` are in their usual order; ``unsure`` are those between
    two of which nothing is guessed. ``spanish`` holds a header for each required field, to name it to people.
    """

    concept_of: Mapping[str, str]
    names: tuple[_Name, ...]
    named: Callable[[str], str | None]
    fields: tuple[str, ...]
    required: tuple[str, ...]
    spanish: Mapping[str, str]
    unsure: frozenset[str]


def names_of(names: Mapping[str, Sequence[tuple[float, str]]]) -> tuple[_Name, ...]:
    """The names of fields, each with its confidence, as concepts: ``?`` may be absent, ``A|B`` is one of the two."""
    return tuple(_parsed(field, *name) for field, ways in names.items() for name in ways)


def concepts_of(words: Mapping[str, str]) -> Mapping[str, str]:
    """The concept of each word."""
    return {word: concept for concept, written in words.items() for word in written.split()}


PORTFOLIO_COLUMNS = Vocabulary(
    concepts_of(_WORDS), names_of(_NAMES), column_named, FIELDS, REQUIRED_COLUMNS, SPANISH_HEADERS, MONEY_AND_IDENTITY
)


@cache
def recognised(header: str, vocabulary: Vocabulary = PORTFOLIO_COLUMNS) -> tuple[Recognised, ...]:
    """What the header may mean, the most likely first. Empty for a foreign column."""
    exact = vocabulary.named(header)
    if exact == "debtor_name" and plain(header) != plain(exact):
        # Beside a surname the header of our template may stand above given names and companies.
        return Recognised(exact, CERTAIN), Recognised("given_name", _BARE)
    if exact is not None:
        return (Recognised(exact, CERTAIN, int(exact[-1]) if exact[-1].isdigit() else 0),)
    concepts, place = _concepts(header, vocabulary.concept_of)
    if not concepts:
        return ()
    found = [
        Recognised(name.field, name.confidence, place)
        for name in vocabulary.names
        if concepts <= name.allowed and all(concepts & one for one in name.needed)
    ]
    if place in (1, 2) and any(one.field == "first_surname" for one in found):
        return (Recognised(("first_surname", "second_surname")[place - 1], 0.95),)
    if place:
        found = [placed for one in found if (placed := _placed(one)) is not None]
    best: dict[str, Recognised] = {}
    for one in sorted(found, key=lambda one: -one.confidence):
        best.setdefault(one.field, one)
    return tuple(best.values())


def _placed(one: Recognised) -> Recognised | None:
    """What a header with a number means: one of several phones, e-mails, area codes, or people beside the debtor."""
    if one.field in REPEATED or one.field == AREA_CODE:
        return one
    column = of_place(one.field, one.place)
    return one._replace(field=column) if one.field in PARTY_COLUMN and column in PARTY_COLUMN else None


def _concepts(header: str, concept_of: Mapping[str, str]) -> tuple[frozenset[str], int]:
    """The concepts of the header's words, and the number among them. Nothing if a word is not known."""
    header = re.sub(r"\((s|es)\)", "", header, flags=re.IGNORECASE)
    spaced = re.sub(r"(?<=[a-záéíóúñç])(?=[A-ZÁÉÍÓÚÑÇ0-9])", " ", header.replace("º", " ").replace("°", " "))
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(sign))
    words = re.findall(r"[a-z]+|[0-9]+[a-z]*", _JOINED.sub(_glued, " ".join(re.findall(r"\w+", plain.casefold()))))
    place = 0
    numbers = [word for word in words[1:] if word.isdigit()]
    if len(numbers) == 1 and 1 <= int(numbers[0]) <= 9:
        place = int(numbers[0])
        words.remove(numbers[0])
    words = [word for word in words if word not in _LEFT_OUT or (word == "e" and "mail" in words)]
    concepts = [concept_of.get(word) for word in words]
    if not concepts or None in concepts:
        return frozenset(), 0
    return frozenset(concept for concept in concepts if concept is not None), place


def _glued(match: re.Match[str]) -> str:
    return match[0].replace(" ", "")


def assigned(headers: Sequence[str], vocabulary: Vocabulary = PORTFOLIO_COLUMNS) -> Assignment:
    """Give each field to the header that names it best. Phones and e-mails have several places.

    The plans of instalments need the first due date, the number of instalments and their frequency; else these three
    are foreign.
    """
    options = [recognised(header, vocabulary) for header in headers]
    options = _of_names(options)
    named = {one.field for found in options for one in found}
    has_plan = {"first_due_date", "instalment_count", "frequency"} <= named
    claims = _claims(options, has_plan=has_plan)
    fields: list[str | None] = [None] * len(headers)
    confidences = [0.0] * len(headers)
    doubled: dict[str, tuple[str, ...]] = {}
    passed: dict[str, tuple[str, ...]] = {}
    # Whoever is named best is served first: Cliente is the name where no other column is, else the number.
    for field in sorted(claims, key=lambda field: -claims[field][0][0]):
        left = [(confidence, place) for confidence, place in claims[field] if fields[place] is None]
        if not left or (field == "instalment_amount" and "amount_due" in fields):
            continue
        best = left[0][0]
        holders = [place for confidence, place in left if confidence == best]
        if len(holders) > 1 and (best == CERTAIN or field in vocabulary.unsure):
            doubled[field] = tuple(headers[place] for place in holders)
        if len(left) > 1:
            passed[field] = tuple(headers[place] for _, place in left[1:])
        fields[holders[0]], confidences[holders[0]] = field, best
    for family, names in REPEATED.items():
        _give_repeated(family, names, options, fields, confidences)
    _give_area_codes(options, fields, confidences)
    return Assignment(tuple(fields), tuple(confidences), doubled, passed)


def _of_names(options: Sequence[tuple[Recognised, ...]]) -> list[tuple[Recognised, ...]]:
    """What the headers may mean once it is known whether the name is in parts: only beside a surname.

    There Nombre is the given name, unless another header names it better, and Cliente is the number.
    """
    named = {one.field for found in options for one in found}
    if not named.issuperset(INSTEAD["debtor_name"]):
        return [tuple(one for one in found if one.field not in NAME_PARTS) for found in options]
    chances = [{one.field: one.confidence for one in found} for found in options]
    sure = max(one.get("given_name", 0.0) for one in chances) > _BARE
    weakest = min((one["debtor_name"] for one in chances if one.get("given_name") == _BARE), default=0.0)
    meant = []
    for found, chance in zip(options, chances, strict=True):
        is_bare = chance.get("given_name") == _BARE
        is_given = not sure and is_bare and chance["debtor_name"] == weakest
        no_more = {"debtor_name"} if is_given or chance.get("debtor_name", 1.0) <= _CUSTOMER else set()
        no_more |= {"given_name"} if is_bare and not is_given else set()
        meant.append(tuple(one for one in found if one.field not in no_more))
    return meant


def _claims(options: Sequence[tuple[Recognised, ...]], *, has_plan: bool) -> dict[str, list[tuple[float, int]]]:
    """The headers that may be each field, with their confidence, the best first."""
    claims: dict[str, list[tuple[float, int]]] = {}
    for place, found in enumerate(options):
        each = has_plan and "instalment_amount" in {one.field for one in found}
        for one in found:
            is_other = (one.field in PLAN_COLUMNS and not has_plan) or (one.field == "amount_due" and each)
            if one.field not in REPEATED and one.field != AREA_CODE and not is_other:
                claims.setdefault(one.field, []).append((one.confidence, place))
    return {field: sorted(found, key=lambda claim: (-claim[0], claim[1])) for field, found in claims.items()}


def _give_repeated(
    family: str,
    names: Sequence[str],
    options: Sequence[tuple[Recognised, ...]],
    fields: list[str | None],
    confidences: list[float],
) -> None:
    """Give the places of a repeated field that are free to the headers that name it, by their numbers and in order."""
    free = [name for name in names if name not in fields]
    claims = sorted(
        (one.place or 1, place, one.confidence)
        for place, found in enumerate(options)
        for one in found
        if one.field == family and fields[place] is None
    )
    for name, (_, place, confidence) in zip(free, claims, strict=False):
        fields[place], confidences[place] = name, confidence


def _give_area_codes(
    options: Sequence[tuple[Recognised, ...]], fields: list[str | None], confidences: list[float]
) -> None:
    """An area code is that of the first phone behind it that has none yet."""
    code_of = dict(zip(REPEATED["phone"], AREA_CODES, strict=True))
    for place, found in enumerate(options):
        confidence = max((one.confidence for one in found if one.field == AREA_CODE), default=None)
        free = (code_of[field] for field in fields[place:] if field in code_of and code_of[field] not in fields)
        if confidence is not None and (code := next(free, None)) is not None:
            fields[place], confidences[place] = code, confidence
