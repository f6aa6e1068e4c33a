"""What the services' metrics say, and events with their personal data masked."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
MASK = "•••"
# Names of fields whose values say nothing about a person. Every other text is masked.
_OPEN_NAME = re.compile(
    r"(?:.*_)?(?:id|ids|at|on|from|until|to|of|by|date|day|days|balance|amount|paid|credit|count|version|episode|number"
    r"|instalment|type|kind|state|stage|status|cause|reason|channel|currency|jurisdiction|timezone|work|outcome|medium"
    r"|change|lane|mode|approach|disposition|position|cursor|sequence|round|service)"
)
_CODE = re.compile(r"[A-Za-z0-9_.:+-]{1,60}", re.ASCII)
_PERSONAL = re.compile(r".*(?:phone|mail|tax|name|value|customer|street|address|birth|latitude|longitude).*")


def samples(text: str, name: str, **labels: str) -> Iterator[float]:
    """The values of a metric whose labels have these values. A value that ends in ``*`` is a beginning."""
    for known, value in labelled(text, name):
        if all(_fits(known.get(label, ""), wanted) for label, wanted in labels.items()):
            yield value


def labelled(text: str, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """The values of a metric, each with its labels."""
    for line in text.splitlines():
        if line.startswith(name) and (found := _SAMPLE.fullmatch(line)) and found[1] == name:
            yield dict(_LABEL.findall(found[2] or "")), float(found[3])


def _fits(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted


def largest(text: str, name: str, **labels: str) -> float | None:
    """The largest value of a metric, or None if the process does not measure it."""
    return max(samples(text, name, **labels), default=None)


def total(text: str, name: str, **labels: str) -> int | None:
    """The sum of a metric, or None if the process does not measure it."""
    values = list(samples(text, name, **labels))
    return int(sum(values)) if values else None


def masked(body: str | None) -> str | None:
    """The event as indented JSON in which every text that may say something about a person is masked."""
    if body is None:
        return None
    try:
        value = json.loads(body)
    except ValueError:
        return MASK
    return json.dumps(_masked(value, ""), indent=2, ensure_ascii=False)


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(each, str(key).lower()) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, name) for each in value]
    if value is None or isinstance(value, bool):
        return value
    is_open = _OPEN_NAME.fullmatch(name) and not _PERSONAL.fullmatch(name) and _CODE.fullmatch(str(value))
    return value if is_open else MASK
