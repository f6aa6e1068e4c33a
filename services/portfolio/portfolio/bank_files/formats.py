"""What a bank's file is: a table, or a statement of a standard. Its content decides, unless its sender overrules it."""

import re
from enum import StrEnum

from portfolio.tabular.heads import BOM, PACKED, encoding_of_head


class PaymentFormat(StrEnum):
    """``table``: CSV, XLSX or Parquet. ``camt.053``: ISO 20022 XML. ``mt940``: SWIFT."""

    TABLE = "table"
    CAMT_053 = "camt.053"
    MT940 = "mt940"


_MT940 = re.compile(r"(?:^|[\r\n]|\{4:\s*):20:[^\r\n]*(?s:.{0,2000}?)[\r\n]:(?:25|28C|60[FM])P?:")


def format_of(first_bytes: bytes) -> PaymentFormat:
    """The format that the first bytes show. Packed files other than gzip and ZIP archives are tables."""
    if first_bytes.startswith(PACKED):
        return PaymentFormat.TABLE
    text = first_bytes.removeprefix(BOM).decode(encoding_of_head(first_bytes) or "latin-1", errors="replace")
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith(("<?xml", "<Document", "<!DOCTYPE", "<ns", "<camt")) or re.match(r"<[\w:]*Document\b", text):
        return PaymentFormat.CAMT_053
    return PaymentFormat.MT940 if _MT940.search(text[:10_000]) else PaymentFormat.TABLE
