"""Headers that lenders write are recognised by their words, and nothing is guessed between two of them."""

import pytest
from portfolio.tabular.headers import assigned, recognised
from portfolio.tabular.heads import inspect_head
from portfolio.tabular.records import FileProblem

KNOWN = {
    "contract_number": "Contrato; No. de crédito; Núm. préstamo; ID_CREDITO; Account no.; Loan ID; Folio;"
    " Contract reference",
    "debtor_number": "Clave cliente; Customer ID; Código do cliente; idCliente",
    "debtor_name": "Cliente; Nombre y apellidos; NOMBRE_COMPLETO; Nome do cliente; Borrower name; Titular;"
    " Razón social",
    "tax_id": "RFC del cliente; R.F.C.; CPF/CNPJ; CNPJ; CURP; Tax ID; EIN",
    "due_date": "Fecha de vto.; FEC_VENC; Vencimento; Dt. Vencimento; Due on; Payment due date; Fecha límite de pago",
    "amount_due": "Saldo vencido; Monto total adeudado; Valor em aberto; Saldo devedor; Past due amount; Total a pagar;"
    " Importe ($); Saldo (MXN); Saldo actual; Adeudo",
    "instalment_number": "No. de mensualidad; Nº parcela; Installment number",
    "phone": "Celular; Tel. casa; Fone; Mobile number; Cell phone; TEL1",
    "email": "Correo; E-mail do cliente; Email address",
    "guarantor_name": "Nombre del aval; Nome do avalista; Guarantor name; Nombre fiador 1",
    "guarantor_phone": "Teléfono aval; Tel. fiador; Celular del avalista; Tel aval 1",
    "guarantor_tax_id": "RFC aval; CPF do fiador",
    "joint_obligor_name": "Nombre obligado solidario; Nome do devedor solidário; Nombre codeudor",
    "joint_obligor_phone": "Tel. obligado solidario; Telefone do coobrigado",
    "reference_name": "Nombre referencia; Nome da referência; Nombre referencia personal",
    "reference_phone": "Tel. referencia 1; Tel. referencia 2; Ref 3 tel; Teléfono de referencia",
    "employer_name": "Empleador; Nombre del empleador; Employer name",
    "employer_phone": "Teléfono de oficina; Tel. trabajo; Telefone do trabalho; Work phone; Tel. empleador",
    "employer_email": "Correo del trabajo; Work e-mail",
    "postal_code": "Código postal (CP); ZIP; CEP; Postcode",
    "city": "Ciudad; Alcaldía / Municipio; Town",
    "state": "Entidad federativa; UF; Província",
    "first_due_date": "Primer vencimiento; Fecha de primer pago; Data do primeiro vencimento",
    "instalment_count": "Número de pagos; Qtd parcelas; Number of payments",
    "frequency": "Periodicidad; Frecuencia de pago; Payment frequency",
}
FOREIGN = (
    "Fecha de último pago; Fecha de pago; Monto original; Límite de crédito; Sucursal; Tel. referencia 4;"
    " Domicilio del aval; Referencia; Estado de cuenta; Días de atraso; Saldo anterior; Intereses; Nº; Fecha; ; 123"
)


@pytest.mark.parametrize(
    ("header", "field"), [(header.strip(), field) for field, headers in KNOWN.items() for header in headers.split(";")]
)
def test_a_header_means_its_field(header: str, field: str) -> None:
    meant = recognised(header)[0].field
    assert meant.startswith(field), meant


@pytest.mark.parametrize("header", [header.strip() for header in FOREIGN.split(";")])
def test_a_header_with_another_meaning_is_foreign(header: str) -> None:
    assert recognised(header) == ()


def test_the_better_name_wins_and_customers_are_numbers_beside_names() -> None:
    headers = ("Cuenta", "Contrato nº", "Cliente", "Nombre", "Saldo total", "Saldo vencido", "Vence")
    fields = (None, "contract_number", "debtor_number", "debtor_name", None, "amount_due", "due_date")
    assert assigned(headers).fields == fields


def test_two_amounts_refuse_the_file_and_two_phones_do_not() -> None:
    with pytest.raises(FileProblem, match="'Importe', 'Monto'") as problem:
        inspect_head(b"Contrato,Cliente,Vence,Importe,Monto\n")
    assert problem.value.code == "repeated_columns"
    head = inspect_head(b"Contrato,Cliente,Vence,Importe,Celular 2,Tel,Tel,Tel referencia\n")
    assert head.columns[4:] == ("phone_3", "phone_1", "phone_2", "reference_phone")
