"""Recognises the columns of a bank's file of payments by its headers.

The day and the amount are called ``due_date`` and ``amount_due`` here too, so that dates, amounts and totals are read
as in portfolio files.
"""

from collections.abc import Mapping, Sequence

from portfolio.tabular.headers import Vocabulary, concepts_of, names_of
from portfolio.tabular.profiles import OUR_COLUMNS, column_named, plain

REQUIRED = ("reference", "due_date", "amount_due")
SPANISH = {
    "contract_number": "No. Contrato",
    "reference": "Clave de rastreo",
    "due_date": "Fecha de pago",
    "amount_due": "Importe",
    "payment_reference": "Referencia de pago",
    "virtual_account": "CLABE",
    "end_to_end": "Clave del ordenante",
    "concept": "Concepto",
    "payer": "Ordenante",
    "reversal": "Reverso",
    "channel": "Canal",
}
"""The name of every column, in the usual order, and a header for it."""
CANONICAL = {
    "contract_number": "contract_number",
    "reference": "bank_reference",
    "due_date": "paid_on",
    "amount_due": "amount",
    "payment_reference": "payment_reference",
    "virtual_account": "virtual_account",
    "end_to_end": "end_to_end_id",
    "concept": "concept",
    "payer": "payer",
    "reversal": "reversal",
    "channel": "channel",
}
"""The English header of every column, which rejected rows of statements have."""

_WORDS = {
    "NUMBER": "no num numero nro nr n id clave cve codigo cod code number identificador ident key",
    "FOLIO": "folio consecutivo",
    "CONTRACT": "contrato contract credito credit cuenta conta account acct prestamo emprestimo loan operacion operacao"
    " poliza apolice cliente customer",
    "TRACE": "rastreo rastreio trace tracking endtoend e2e autorizacion autorizacao authorization authorisation nsu"
    " txid",
    "REFERENCE": "referencia reference ref",
    "NUMERIC": "numerica numeric",
    "BANK": "banco bank bancaria bancario bancarias movimiento movimento transaccion transacao transaction",
    "PAYMENT": "pago payment pagamento deposito deposit abono recebimento boleto cobro cobranza cobranca",
    "PAID": "paid pagado pagada",
    "DATE": "fecha data date fec fch dt dia day f",
    "VALUE": "valor value",
    "BOOKED": "contable aplicacion liquidacion operativa registro booking booked on lancamento credito",
    "AMOUNT": "importe monto amount imp mto montante cantidad quantia",
    "CLABE": "clabe",
    "VIRTUAL": "virtual beneficiaria beneficiario referenciada",
    "ACCOUNT": "cuenta conta account",
    "CONCEPT": "concepto conceito concept descripcion descricao description detalle detalhe leyenda historico narrative"
    " remittance",
    "PAYER": "ordenante pagador payer remitente remetente depositante debtor",
    "NAME": "nombre nome name",
    "REVERSAL": "reverso reversa reversal estorno devolucion devolucao contracargo chargeback cancelacion cancelamento",
    "MARK": "marca indicador indicator mark flag es is signo",
    "CHANNEL": "canal channel medio meio via",
}
_NAMES: Mapping[str, Sequence[tuple[float, str]]] = {
    "contract_number": ((0.95, "NUMBER CONTRACT|ACCOUNT"), (0.9, "CONTRACT|ACCOUNT"), (0.85, "FOLIO CONTRACT")),
    "reference": (
        (0.97, "NUMBER TRACE"),
        (0.95, "TRACE"),
        (0.95, "REFERENCE BANK NUMBER?"),
        (0.9, "NUMBER BANK"),
        (0.85, "FOLIO BANK|PAYMENT"),
        (0.7, "FOLIO"),
        (0.6, "REFERENCE NUMBER?"),
    ),
    "due_date": (
        (0.95, "DATE PAYMENT"),
        (0.95, "PAID BOOKED"),
        (0.9, "DATE PAID"),
        (0.85, "DATE VALUE"),
        (0.8, "DATE BOOKED|BANK|CONTRACT"),
        (0.75, "DATE"),
    ),
    "amount_due": (
        (0.95, "AMOUNT PAYMENT|PAID"),
        (0.9, "AMOUNT"),
        (0.85, "VALUE PAYMENT|PAID"),
        (0.6, "VALUE"),
        (0.55, "PAYMENT"),
    ),
    "payment_reference": (
        (0.95, "REFERENCE PAYMENT NUMBER?"),
        (0.9, "REFERENCE NUMERIC"),
        (0.9, "REFERENCE CONTRACT"),
        (0.55, "REFERENCE NUMBER?"),
    ),
    "virtual_account": (
        (0.97, "CLABE VIRTUAL?"),
        (0.95, "ACCOUNT VIRTUAL CLABE?"),
        (0.9, "ACCOUNT CLABE"),
    ),
    "concept": ((0.95, "CONCEPT PAYMENT? BANK?"),),
    "payer": ((0.95, "PAYER NAME?"), (0.9, "NAME PAYER")),
    "reversal": ((0.95, "REVERSAL MARK?"),),
    "channel": ((0.95, "CHANNEL PAYMENT?"),),
}
_COLUMN_OF = (
    {plain(name): column for column, name in CANONICAL.items()}
    | {plain(name): column for column, name in SPANISH.items()}
    | {plain("CLABE virtual"): "virtual_account", plain("Data de pagamento"): "due_date", plain("Valor"): "amount_due"}
)


def payment_column_named(header: str) -> str | None:
    """The column that a header of our own means, or None."""
    ours = column_named(header)
    return ours if ours in OUR_COLUMNS else _COLUMN_OF.get(plain(header))


PAYMENT_COLUMNS = Vocabulary(
    concepts_of(_WORDS),
    names_of(_NAMES),
    payment_column_named,
    tuple(SPANISH),
    REQUIRED,
    SPANISH,
    frozenset({"contract_number", "reference", "due_date", "amount_due", "payment_reference", "virtual_account"}),
)
