"""Parses the cells of a bank's file of payments, and lists every reason to refuse a row."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from portfolio.files.reader.amounts import amounts, decimal_in
from portfolio.files.reader.checks import TYPED, Check, amount_checks, day_checks, identifier_checks, text_checks
from portfolio.files.reader.days import days, form_of, is_day_first
from portfolio.files.reader.series import cleaned, mapped, without_type
from portfolio.tabular.cells import text_of, value_of
from portfolio.tabular.layouts import Layout
from portfolio.tabular.payment_headers import CANONICAL
from portfolio.tabular.profiles import plain
from portfolio.tabular.records import FileHead

COLUMNS = tuple(CANONICAL)
_TEXTS = frozenset({"concept", "payer"})
_MOST_TEXT = 500
_IDENTIFIERS = ("contract_number", "reference", "payment_reference", "virtual_account")
_REVERSALS = frozenset(
    [
        "si",
        "s",
        "sim",
        "yes",
        "y",
        "1",
        "true",
        "verdadero",
        "verdadeiro",
        "x",
        "r",
        "rc",
        "rev",
        "reverso",
        "reversa",
        "revertido",
        "reversal",
        "reversed",
        "devolucion",
        "devolucao",
        "devuelto",
        "devuelta",
        "devolvido",
        "estorno",
        "estornado",
        "cancelacion",
        "cancelamento",
        "cancelado",
        "cancelada",
        "cancelled",
        "contracargo",
        "chargeback",
        "rechazo",
        "rechazado",
        "rejeitado",
        "debito",
        "debit",
        "d",
        "cargo",
    ]
)
_PAYMENTS = frozenset(
    [
        "no",
        "n",
        "nao",
        "0",
        "false",
        "falso",
        "pago",
        "pagado",
        "pagamento",
        "payment",
        "abono",
        "credito",
        "credit",
        "c",
        "cr",
        "deposito",
        "recebimento",
        "aplicado",
        "liquidado",
        "normal",
    ]
)


class PaymentReading(NamedTuple):
    """How the cells of a bank's file are read: by the country and the currency of the portfolio. ``channels`` are those
    that the portfolio takes, ``channel`` that of rows without one. ``latest`` is the last day that a payment may have.
    """

    jurisdiction: str
    currency: str
    channels: Sequence[str]
    channel: str
    latest: date
    layout: Layout = Layout(is_of_payments=True)


def parse(raw: pl.DataFrame, head: FileHead, reading: PaymentReading) -> pl.DataFrame:
    """Clean the cells (an empty cell is null), and parse them into ``due_on``, ``amount``, ``is_reversal``.

    The amount of a reversal may be written as negative. Raises ``FileProblem`` when a column can be read in two ways.
    """

    def clean(column: str) -> pl.Series:
        cells = raw[column] if column in TYPED else without_type(raw[column])
        return cleaned(cells, text_of if column in _TEXTS else value_of)

    absent = (pl.lit(None, pl.String).alias(column) for column in COLUMNS if column not in head.columns)
    cells = raw.select("row_number", *map(clean, head.known)).with_columns(*absent)
    mark = mapped(cells["reversal"], _marked)
    channel = mapped(cells["channel"], str.lower).fill_null(reading.channel)
    cells = cells.with_columns(mark.alias("mark"), channel.alias("channel_read"))
    is_reversal = (pl.col("mark") == "reversal").fill_null(value=False)
    whose, layout = (reading.jurisdiction, reading.currency), reading.layout
    amount = amounts(cells, *whose, layout.decimal or decimal_in(cells, head, *whose) or ".")
    form = form_of(cells, head, days_first=is_day_first(head, reading.jurisdiction), order=layout.dates)
    day = days(cells, form, order=layout.dates)
    return cells.with_columns(
        day.alias("due_on"), amount.alias("amount"), is_reversal.alias("is_reversal")
    ).with_columns(
        pl.when("is_reversal").then(pl.col("amount").abs()).otherwise("amount").alias("amount"),
        *(pl.col(column).str.head(_MOST_TEXT) for column in _TEXTS),
    )


def _marked(text: str) -> str:
    """What a mark says: that the row is a reversal, that it is a payment, or nothing that is known."""
    word = plain(text)
    return "reversal" if word in _REVERSALS else "payment" if word in _PAYMENTS else "unknown"


def checks(head: FileHead, reading: PaymentReading) -> list[Check]:
    """Every reason to refuse a row with all its fields, in the order in which reasons are listed."""
    mark = "says neither yes nor no: write yes for a reversal, or leave the cell empty"
    allowed = f"is no channel of the portfolio, which takes {', '.join(reading.channels)}"
    return [
        *text_checks([column for column in head.known if column not in _TEXTS]),
        *identifier_checks(head.known, _IDENTIFIERS),
        Check("reference", "no_reference", "is empty", pl.col("reference").is_null()),
        *day_checks(),
        Check("due_date", "bad_date", f"is later than {reading.latest}", pl.col("due_on") > reading.latest),
        *amount_checks(),
        Check("reversal", "bad_reversal", mark, pl.col("mark") == "unknown"),
        Check("channel", "bad_channel", allowed, ~pl.col("channel_read").is_in(list(reading.channels))),
    ]
