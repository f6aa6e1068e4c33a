"""I-JSON (RFC 7493) within bounds: no text that two parsers may read differently."""

import json
import math
from typing import Any, NoReturn

_MOST_DIGITS = 100


class NotStrict(ValueError):
    """The text is not JSON that we accept. The text of the error says why, as half a sentence."""


def loads(text: bytes, *, max_depth: int) -> Any:
    """Parse UTF-8 text. Raises ``NotStrict`` for a member that appears twice, a number that is not finite or has more
    than 100 digits, and a value nested deeper than ``max_depth`` levels.
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_int=_bounded,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise NotStrict(f"{error.msg} at character {error.pos}") from None
    except UnicodeDecodeError:
        raise NotStrict("it is not UTF-8") from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    _check_depth(value, max_depth)
    return value


def canonical(value: Any) -> bytes:
    """Return one text for all texts of this value."""
    return json.dumps(_with_plain_numbers(value), sort_keys=True, separators=(",", ":")).encode()


def _with_plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_plain_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_depth(value: Any, max_depth: int) -> None:
    """Check the depth level by level. A search for brackets in the text takes quadratic time on some texts."""
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(max_depth):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, list | dict)
        ]
    if level:
        raise _too_deep(max_depth)


def _too_deep(max_depth: int) -> NotStrict:
    return NotStrict(f"nested deeper than {max_depth} levels")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Which of the two counts differs between parsers, so one of them would be checked and the other one used.
        raise NotStrict("an object has the same name twice")
    return found


def _bounded(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise NotStrict("a number has too many digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrict("a number is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise NotStrict(f"{name} is not a JSON number")
