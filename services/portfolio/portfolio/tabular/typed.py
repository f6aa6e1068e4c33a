"""Numbers that a workbook or a Parquet file holds as numbers. Their text cannot be misread as 1.234 can."""

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal

NUMBER_SIGN = "\ue000"
"""Stands before a number that had a type. People never see it."""
_LINE_BREAKS = re.compile(r"[\r\n]+")
_MOST_EXACT = 10**15
"""Excel keeps 15 digits. Of a longer number the last ones are lost."""


def text_of_cell(value: object) -> str:
    """The text of a typed cell. Dates are ISO dates; a number starts with ``NUMBER_SIGN``."""
    if value is None:
        return ""
    if isinstance(value, str):
        # A person breaks the line within a cell. No row can hide behind that in a workbook.
        return _LINE_BREAKS.sub(" ", value.replace(NUMBER_SIGN, ""))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _text_of_float(value)
    if isinstance(value, (int, Decimal)):
        return f"{NUMBER_SIGN}{value:f}" if isinstance(value, Decimal) else f"{NUMBER_SIGN}{value}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _text_of_float(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= _MOST_EXACT:
        return f"{value:.14E}"
    if value.is_integer():
        return f"{NUMBER_SIGN}{int(value)}"
    # Sums in a workbook leave 99.99999999999999 for 100.00.
    return f"{NUMBER_SIGN}{round(value, 6):.6f}".rstrip("0").rstrip(".")
