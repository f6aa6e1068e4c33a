"""The words for mistakes in a request, for the people who correct them. All of them stand here.

Each text completes a sentence whose subject is the field: ``/amount must be …``. A check of ours raises ``ValueError``
(or a ``PydanticCustomError``) with such a text, which is kept. Everything else that pydantic refuses has its text in
``TEXTS``, by the error's type. No text repeats the value that was sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

from chassis.problems import FieldError

UNCLEAR = "does not have the form that this field needs"
"""For an error without a text of its own."""

_NUMBER = "must be a whole number such as 12, without quotes"
_TRUTH = "must be true or false, without quotes"
_DAY = "must be a date such as 2026-01-31"
_MOMENT = "must be a moment with its time zone such as 2026-01-31T12:00:00Z"
_ID = "must be an id such as 0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"
_DECIMAL = "must be a number such as 12.50"
_LIST = "must be a list in square brackets"
_OBJECT = "must be an object with named fields, in braces"

TEXTS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "json_invalid": "is not valid JSON",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "string_type": "must be a text in quotes",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have at most {max_length} characters",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": "is too large a number",
    "int_from_float": _NUMBER,
    "float_type": "must be a number such as 12.5, without quotes",
    "float_parsing": "must be a number such as 12.5",
    "decimal_type": _DECIMAL,
    "decimal_parsing": _DECIMAL,
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} digits after the point",
    "decimal_whole_digits": "must have at most {whole_digits} digits before the point",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "timezone_aware": "must name its time zone",
    "uuid_type": _ID,
    "uuid_parsing": _ID,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have at most {max_length} entries",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
}

_EMPTY: Mapping[str, str] = {"string_too_short": "must not be empty", "too_short": "must not be empty"}
"""The texts where at least one character or entry is required."""


_OF_THE_LIBRARY = frozenset(get_args(ErrorType)) - {"value_error"}


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Return each mistake with a pointer to it. The values sent are not repeated."""
    return [FieldError(_pointer(error["loc"]), _text(error)) for error in errors]


def _pointer(location: Sequence[int | str]) -> str:
    steps = location[1:] if location and location[0] == "body" else location
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _text(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind not in _OF_THE_LIBRARY:
        return str(error["msg"]).removeprefix("Value error, ")
    if kind in ("too_short", "too_long") and isinstance(error.get("input"), str):
        kind = f"string_{kind}"
    if context.get("min_length") == 1 and kind in _EMPTY:
        return _EMPTY[kind]
    values = {name: _plain(value) for name, value in context.items()}
    return TEXTS.get(kind, UNCLEAR).format_map(values)


def _plain(value: Any) -> str:
    """Numbers with separators; ``'a', 'b' or 'c'`` without quotation marks."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("'", "")
