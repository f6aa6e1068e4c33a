"""Rules of offers in words, for who reads them before they hold."""

from collections.abc import Callable, Mapping
from typing import Any

from recobro_console.language import Reader

Rule = Mapping[str, Any]


def terms(rule: Rule, reader: Reader) -> list[str]:
    """What the offer gives, for how many payments and how long, a sentence a line."""
    lines = [_step(rule["kind"], step, reader) for step in rule["steps"]]
    if rule["instalments"] == 1:
        lines.append(reader.tr("In one payment"))
    else:
        every = reader.word(f"every {rule['frequency']}")
        lines.append(reader.tr("In {number} payments, one each {every}", number=rule["instalments"], every=every))
    if rule["first_payment_percent"] is not None:
        first = reader.typed(rule["first_payment_percent"])
        lines.append(reader.tr("The first payment is {percent} % of all", percent=first))
    if rule["incentive"]:
        lines.append(reader.tr("Beside it: {what}", what=rule["incentive"]))
    lines.append(reader.tr("Valid for {days} days", days=rule["valid_days"]))
    if rule["kind"] != "plan":
        needed = reader.tr("A second person approves each agreement")
        lines.append(needed if rule["needs_approval"] else reader.tr("Approved beforehand"))
    return lines


def _step(kind: str, step: Rule, reader: Reader) -> str:
    days = step["pay_within_days"]
    if kind == "plan":
        return reader.tr("First payment within {days} days", days=days)
    percent = reader.typed(step["discount_percent"])
    return reader.tr("{percent} % less if the first payment comes within {days} days", percent=percent, days=days)


def conditions(rule: Rule, reader: Reader, segments: Mapping[str, str]) -> list[str]:
    """Which contracts get the offer, a condition a line."""
    when = rule["when"]
    said: list[tuple[str, str | None]] = [
        (reader.tr("Stage"), _list(when["stages"], reader.word)),
        (reader.tr("Segment"), _list(when["segments"], lambda code: segments.get(code, code))),
        (reader.tr("Product"), _list(when["products"], str)),
        (reader.tr("Asked in"), _list(when["channels"], lambda code: reader.word(f"asked {code}"))),
        (reader.tr("Days past due"), _range(when, "days_past_due", reader, reader.number)),
        (reader.tr("Total balance"), _range(when, "balance", reader, reader.money)),
        (reader.tr("Days on which it is made"), _days(rule, reader)),
    ]
    return [f"{name}: {text}" for name, text in said if text]


def _list(codes: list[str] | None, word: Callable[[str], str]) -> str | None:
    return ", ".join(map(word, codes)) if codes else None


def _range(when: Rule, of: str, reader: Reader, written: Callable[[Any], str]) -> str | None:
    least, most = when[f"min_{of}"], when[f"max_{of}"]
    if least is None and most is None:
        return None
    if most is None:
        return reader.tr("{least} or more", least=written(least))
    if least is None:
        return reader.tr("{most} or less", most=written(most))
    return reader.tr("{least} to {most}", least=written(least), most=written(most))


def _days(rule: Rule, reader: Reader) -> str | None:
    first, last = rule["starts_on"], rule["ends_on"]
    if first and last:
        return reader.tr("{least} to {most}", least=reader.day(first), most=reader.day(last))
    if first:
        return reader.tr("from {day} on", day=reader.day(first))
    return reader.tr("until {day}", day=reader.day(last)) if last else None
