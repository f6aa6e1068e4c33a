"""A plain model of what the amounts of files, payments, charges, reversals and disputes do to one contract.

It follows the rules in ``docs/services/portfolio.md`` and knows neither SQL nor the service. In it the number of an
instalment says when it is due, so an instalment is known by its number alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, count

NOTHING = Decimal(0)
LOOKED_AT = 12
IDENTIFIED_DAYS = 30
Paid = dict[int, Decimal]
"""How much was paid of each instalment."""


@dataclass
class Payment:
    """``included_on`` is the day of the file whose figure includes the payment, and ``paid`` is what it includes.

    ``unposted``: no figure has it any more. ``credit`` is what exceeds the debt; it is kept for payments that are no
    longer on top.
    """

    sequence: int
    amount: Decimal
    paid_on: date
    channel: str
    included_on: date | None = None
    paid: Paid = field(default_factory=dict)
    reversed_on: date | None = None
    is_identified: bool = False
    unposted: bool = False
    credit: Decimal = NOTHING
    silent_until: date | None = None

    @property
    def is_reversed(self) -> bool:
        return self.reversed_on is not None

    @property
    def counts(self) -> Decimal:
        """What a file that knows the payment lowers its figures by."""
        return sum(self.paid.values(), NOTHING) if self.is_reversed else self.amount


@dataclass
class Charge:
    """A charge that raises what is owed, or lowers it. ``laid`` is what it changes of each instalment's amount.

    ``number`` is the instalment that a raising charge goes to. The other fields are those of a payment.
    """

    sequence: int
    kind: str
    amount: Decimal
    paid_on: date
    raises: bool
    number: int | None
    laid: Paid = field(default_factory=dict)
    included_on: date | None = None
    reversed_on: date | None = None
    unposted: bool = False

    @property
    def is_reversed(self) -> bool:
        return self.reversed_on is not None

    @property
    def is_on_top(self) -> bool:
        return not self.is_reversed and self.included_on is None

    @property
    def counts(self) -> Decimal:
        """What a file that knows the charge lowers its figures by; below 0 where it raises them."""
        amount = sum(map(abs, self.laid.values()), NOTHING) if self.is_reversed else self.amount
        return -amount if self.raises else amount


Money = Payment | Charge


@dataclass(frozen=True)
class Settings:
    lag_days: int
    reductions_are_payments: bool
    rows_are_whole: bool


@dataclass(frozen=True)
class Decision:
    """What files say of an instalment (``about``), and what is owed instead."""

    about: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Statement:
    """What a file says of the contract."""

    as_of: date
    rows: Mapping[int, Decimal]


@dataclass(frozen=True)
class _Line:
    """A stated instalment. ``amount`` is what counts of it; ``word`` is what repeats the value decided about."""

    said: Decimal
    amount: Decimal
    repeats: bool
    word: Decimal | None
    base: Decimal | None
    paid: Decimal

    @property
    def is_adopted(self) -> bool:
        return self.base is not None and self.said in (self.base, self.base - self.paid)


@dataclass(frozen=True)
class _Judgement:
    verdict: str
    excess: Decimal
    lines: Mapping[int, _Line]
    money: list[Money]
    lacking: list[Money]
    taken_back: list[Payment]

    @property
    def payments(self) -> list[Payment]:
        return [one for one in self.money if isinstance(one, Payment)]

    @property
    def charges(self) -> list[Charge]:
        return [one for one in self.money if isinstance(one, Charge)]


_sequence = count(1)


def oldest_first(amounts: Mapping[int, Decimal], amount: Decimal) -> Paid:
    """The part of each of these amounts that this amount pays."""
    paid: Paid = {}
    for number in sorted(amounts):
        part = min(amounts[number], amount)
        if part > 0:
            paid[number] = part
            amount -= part
    return paid


def without(amounts: Mapping[int, Decimal], paid: Mapping[int, Decimal]) -> Paid:
    return {number: amount - paid.get(number, NOTHING) for number, amount in amounts.items()}


class ModelContract:
    def __init__(self, first: Statement) -> None:
        self.base = dict(first.rows)
        self.stated_on = first.as_of
        self.payments: list[Payment] = []
        self.charges: list[Charge] = []
        self.decisions: dict[int, Decision] = {}
        self.waiting: Statement | None = None
        self.refused: Mapping[int, Decimal] | None = None

    # What is owed.

    @property
    def amounts(self) -> Paid:
        """What is owed of each instalment before payments: the creditor's figures with the charges on top of them."""
        return _whole(self.base, _sum(one.laid for one in self.charges if one.is_on_top))

    def lay_charges(self) -> None:
        """Put the charges on top into the amounts. Those that raise go first; the others come off the oldest."""
        live = [one for one in self.charges if one.is_on_top]
        amounts = dict(self.base)
        for charge in live:
            if charge.raises:
                number = charge.number if charge.number in amounts else min(amounts)
                charge.laid = {number: charge.amount}
                amounts[number] += charge.amount
        amounts = {number: max(NOTHING, amount) for number, amount in amounts.items()}
        for charge in live:
            if not charge.raises:
                charge.laid = {number: -part for number, part in oldest_first(amounts, charge.amount).items()}
                amounts = _whole(amounts, charge.laid)
        self._owe(amounts)

    def _owe(self, amounts: Mapping[int, Decimal]) -> None:
        """The charges on top stay as they are laid, so the figures below them follow."""
        laid = _sum(one.laid for one in self.charges if one.is_on_top)
        self.base = {number: amount - laid.get(number, NOTHING) for number, amount in amounts.items()}

    @property
    def on_top(self) -> list[Payment]:
        """The payments that the creditor's figures do not include, in the order of arrival."""
        return [one for one in self.payments if not one.is_reversed and one.included_on is None]

    def laid(self, last: Sequence[Payment] = ()) -> tuple[Paid, dict[int, Paid]]:
        """The unpaid amount of each instalment, and what each payment on top has paid, some after the others."""
        left, paid = self.amounts, {}
        for payment in sorted(self.on_top, key=lambda one: one in last):
            paid[payment.sequence] = oldest_first(left, payment.amount)
            left = without(left, paid[payment.sequence])
        return left, paid

    @property
    def unpaid(self) -> Paid:
        return self.laid()[0]

    @property
    def total(self) -> Decimal:
        return sum(self.unpaid.values(), NOTHING)

    @property
    def silent_until(self) -> date | None:
        days = [one.silent_until for one in self.payments if one.silent_until and not one.is_reversed]
        return max(days, default=None)

    # What happens.

    def pay(self, amount: Decimal, paid_on: date, business_date: date) -> Payment:
        payment = Payment(next(_sequence), amount, paid_on, "spei")
        stated = [
            one
            for one in self.payments
            if one.channel == "file"
            and not one.is_reversed
            and one.paid_on >= paid_on
            and business_date <= one.paid_on + timedelta(days=IDENTIFIED_DAYS)
        ]
        left = amount
        rests = []
        for one in sorted(stated, key=lambda one: (one.paid_on, one.sequence)):
            if left == 0:
                break
            taken = min(left, one.amount)
            left -= taken
            part = oldest_first(one.paid, taken)
            _add(payment.paid, part)
            payment.included_on = one.included_on
            one.reversed_on, one.is_identified = business_date, True
            if taken < one.amount:
                rest = {number: amount for number, amount in without(one.paid, part).items() if amount}
                rests.append(Payment(next(_sequence), one.amount - taken, one.paid_on, "file", one.included_on, rest))
        if payment.included_on is not None and left:
            part = oldest_first(self.unpaid, left)
            self.base = without(self.base, part)
            _add(payment.paid, part)
            payment.credit = left - sum(part.values(), NOTHING)
        self.payments += [payment, *rests]
        return payment

    def reverse(self, payment: Payment, reversed_on: date) -> None:
        if payment.included_on is None:
            self._take_off_top(payment)
        payment.reversed_on = reversed_on
        if payment.included_on is None or payment.unposted:
            return
        if self._has_counted(payment, reversed_on):
            return
        _add(self.base, payment.paid)

    def charge(self, kind: str, amount: Decimal, charged_on: date, number: int | None) -> Charge:
        """``number`` is the instalment of a charge that raises what is owed, which may be new."""
        charge = Charge(next(_sequence), kind, amount, charged_on, number is not None, number)
        if number is not None:
            self.base.setdefault(number, NOTHING)
        self.charges.append(charge)
        self.lay_charges()
        return charge

    def reverse_charge(self, charge: Charge, reversed_on: date) -> None:
        amounts = self.amounts
        charge.reversed_on = reversed_on
        is_in_figures = charge.included_on is not None and not charge.unposted
        if is_in_figures and not self._has_counted(charge, reversed_on):
            self._owe(_undone(amounts, charge))
        self.lay_charges()

    def _has_counted(self, one: Money, reversed_on: date) -> bool:
        """Whether the newest figures have counted the reversal already."""
        assert one.included_on is not None
        return reversed_on < self.stated_on or (reversed_on == self.stated_on and one.included_on < self.stated_on)

    def _take_off_top(self, payment: Payment) -> None:
        payment.paid = self.laid()[1][payment.sequence]
        payment.credit = payment.amount - sum(payment.paid.values(), NOTHING)

    def correct(self, number: int, amount: Decimal) -> None:
        """A dispute lowers what is owed of an instalment."""
        before = self.decisions.pop(number, None)
        amounts = self.amounts
        about = amounts[number] + (before.about - before.amount if before else NOTHING)
        if amount != about:
            self.decisions[number] = Decision(about, amount)
        self._owe(amounts | {number: amount})

    def repeats(self, statement: Statement) -> bool:
        """Whether the file says what was last said."""
        last = dict(self.base)
        for number, decision in self.decisions.items():
            if number in last:
                last[number] += decision.about - decision.amount
        return last == dict(statement.rows)

    def would_undo(self, statement: Statement, settings: Settings) -> bool:
        judged = self._judge(statement, settings.lag_days, rows_are_whole=settings.rows_are_whole)
        on_top = [one for one in judged.money if not one.is_reversed]
        return bool(on_top) and judged.verdict in ("differs", "unposted")

    def state(self, statement: Statement, settings: Settings, *, accepted: bool = False) -> Counter[str]:
        """Apply what a file states. Returns its findings about the contract."""
        judged = self._judge(statement, settings.lag_days, rows_are_whole=accepted or settings.rows_are_whole)
        if judged.verdict == "fewer":
            if self.refused == statement.rows:
                self.waiting = None
                return Counter(kept_decisions=1)
            self.waiting = statement
            return Counter(set_aside=1)
        found: Counter[str] = Counter()
        laid = self.laid()[1]
        unpaid_before = without(self.base, self._known_money(judged.money, laid))
        if judged.verdict == "less" and settings.reductions_are_payments and not accepted:
            lower = {n: max(NOTHING, amount - self._stated(judged, n)) for n, amount in unpaid_before.items()}
            paid = oldest_first(lower, -judged.excess)
            of_file = Payment(
                next(_sequence), -judged.excess, statement.as_of, "file", included_on=statement.as_of, paid=paid
            )
            self.payments.append(of_file)
            found["file_payments"] += 1
        found += self._include(judged, statement.as_of, settings.lag_days)
        found["kept_decisions"] += self._keep_decisions(judged)
        self.base = {number: line.amount for number, line in judged.lines.items()}
        for one in judged.taken_back:
            one.unposted = True
        for one in judged.payments:
            if one.is_reversed and one not in judged.lacking:
                _add(self.base, one.paid)
        self._include_charges(judged, statement.as_of, settings.lag_days)
        self.stated_on = statement.as_of
        self.waiting = self.refused = None
        return +found

    def _include_charges(self, judged: _Judgement, as_of: date, lag_days: int) -> None:
        for charge in judged.charges:
            is_recent = (as_of - charge.paid_on).days <= lag_days
            if not charge.is_reversed and not (charge in judged.lacking and is_recent):
                charge.included_on, charge.unposted = as_of, charge in judged.lacking
        for charge in judged.charges:
            if charge.is_reversed and charge not in judged.lacking:
                self.base = _undone(self.base, charge)
        for charge in self.charges:
            if charge.is_on_top:
                charge.laid = {}
        self.lay_charges()

    def refuse(self) -> None:
        """The contract keeps its figures, also when a file repeats what is refused here."""
        assert self.waiting is not None
        self.refused, self.waiting = self.waiting.rows, None

    # How a statement is judged.

    @staticmethod
    def _stated(judged: _Judgement, number: int) -> Decimal:
        return judged.lines[number].amount if number in judged.lines else NOTHING

    def _judge(self, statement: Statement, lag_days: int, *, rows_are_whole: bool) -> _Judgement:
        unpaid, laid = self.laid()
        facts: list[Money] = [*self.payments, *self.charges]
        money = [one for one in facts if one.paid_on <= statement.as_of and self._may_have(statement, one)]
        paid = self._known_money(money, laid)
        lines = {number: self._line(number, said, paid) for number, said in statement.rows.items()}
        once = set(self.base).union(*(one.paid for one in self.payments), *(one.laid for one in self.charges))
        stated = sum((line.amount for number, line in lines.items() if number in once), NOTHING)
        excess = stated - sum(self.base.values(), NOTHING) + sum((one.counts for one in money), NOTHING)
        if stated == 0:
            excess = min(NOTHING, excess)
        explicable = excess > 0 or (excess < 0 and any(one.counts < 0 for one in money))
        oldest_recent = statement.as_of - timedelta(days=lag_days)
        lacking = _lacking(money, excess, oldest_recent) if explicable else []
        taken_back = self._taken_back(lines, excess) if excess > 0 and not lacking else []
        if taken_back and (rest := excess - sum(taken_back[0].paid.values(), NOTHING)):
            lacking = _lacking(money, rest, oldest_recent)
        missing = any(unpaid[number] > 0 for number in self.base if number not in lines)
        if excess == 0:
            verdict = "agrees"
        elif lacking:
            verdict = "explained"
        elif missing and not rows_are_whole:
            verdict = "fewer"
        else:
            verdict = "less" if excess < 0 else "differs"
        old = any((statement.as_of - one.paid_on).days > lag_days for one in lacking if not one.is_reversed)
        return _Judgement("unposted" if old else verdict, excess, lines, money, lacking, taken_back)

    @staticmethod
    def _known_money(money: Iterable[Money], laid: Mapping[int, Paid]) -> Paid:
        """What a file that knows all of this money states less of each instalment."""
        parts = [laid.get(one.sequence, one.paid) for one in money if isinstance(one, Payment)]
        parts += [{n: -amount for n, amount in one.laid.items()} for one in money if isinstance(one, Charge)]
        return _sum(parts)

    @staticmethod
    def _may_have(statement: Statement, one: Money) -> bool:
        """Whether the figures may have this, though the known amounts do not have it: what is on top of them, or what
        was reversed after the file's day."""
        if one.reversed_on is None:
            return one.included_on is None
        gone = one.reversed_on > statement.as_of and one.counts != 0
        return gone and not one.unposted and not (isinstance(one, Payment) and one.is_identified)

    def _taken_back(self, lines: Mapping[int, _Line], excess: Decimal) -> list[Payment]:
        """The newest included payment, if the file states all that it had paid once more, by instalment and in all."""
        risen = {n: line.amount - max(NOTHING, self.base.get(n, NOTHING)) for n, line in lines.items()}
        taken_back = [
            one
            for one in self.payments
            if one.included_on is not None
            and not one.is_reversed
            and not one.unposted
            and one.credit < one.amount
            and one.paid
            and sum(one.paid.values(), NOTHING) <= excess
            and all(risen.get(number, NOTHING) >= amount for number, amount in one.paid.items())
        ]
        return sorted(taken_back, key=lambda one: (one.paid_on, one.sequence))[-1:]

    def _line(self, number: int, said: Decimal, paid: Mapping[int, Decimal]) -> _Line:
        decision = self.decisions.get(number)
        of_it = paid.get(number, NOTHING)
        if decision is None:
            return _Line(said, said, repeats=False, word=None, base=self.base.get(number), paid=of_it)
        base = self.base.get(number, decision.amount)
        word = decision.about + base - decision.amount
        repeats = said in (word, word - of_it)
        amount = max(NOTHING, base - (word - said)) if repeats else said
        return _Line(said, amount, repeats, word, base, of_it)

    def _include(self, judged: _Judgement, as_of: date, lag_days: int) -> Counter[str]:
        """Include in the creditor's figures the payments that these have. Returns the findings about them."""
        laid = self.laid()[1]
        recent = {one.sequence for one in judged.money if (as_of - one.paid_on).days <= lag_days}
        included = [one for one in judged.payments if not (one in judged.lacking and one.sequence in recent)]
        if any(one.amount > sum(laid[one.sequence].values()) for one in included if one in self.on_top):
            # What the figures include was owed before what stays on top of them.
            laid = self.laid([one for one in self.on_top if one not in included])[1]
        differs = judged.verdict == "differs"
        found: Counter[str] = Counter(differs=int(differs))
        missing = judged.excess if differs else NOTHING
        for charge in judged.charges:
            if charge in judged.lacking and not charge.is_reversed:
                found["in_posting" if charge.sequence in recent else "unposted"] = 1
        for one in sorted(judged.payments, key=lambda one: (one.paid_on, one.sequence), reverse=True):
            is_lacking = one in judged.lacking
            if not one.is_reversed:
                if one.sequence in recent:
                    found["in_posting"] |= int(is_lacking)
                    if is_lacking or differs:
                        one.silent_until = one.paid_on + timedelta(days=lag_days)
                    if is_lacking:
                        continue
                elif is_lacking or (differs and one.silent_until is not None):
                    found["unposted"] = 1
                one.paid = laid[one.sequence]
                one.credit = one.amount - sum(one.paid.values(), NOTHING)
            if one.included_on is None:
                missing = self._trim(one, missing)
            if not one.is_reversed:
                one.included_on, one.unposted = as_of, is_lacking
        return found

    @staticmethod
    def _trim(payment: Payment, missing: Decimal) -> Decimal:
        """Take what is missing in the file's figure off what the payment has paid. Returns what is still missing."""
        for number in sorted(payment.paid, reverse=True):
            lost = min(missing, payment.paid[number])
            missing -= lost
            payment.paid = {**payment.paid, number: payment.paid[number] - lost}
        payment.paid = {number: amount for number, amount in payment.paid.items() if amount}
        return missing

    def _keep_decisions(self, judged: _Judgement) -> int:
        listed = 0
        for number, line in judged.lines.items():
            if line.word is None:
                continue
            if line.repeats:
                self.decisions[number] = Decision(line.said, line.amount)
                listed += 1
            elif line.is_adopted:
                self.decisions[number] = Decision(line.word, line.said)
            else:
                del self.decisions[number]
                listed += 1
        return listed


def _lacking(money: Iterable[Money], excess: Decimal, oldest_recent: date) -> list[Money]:
    """The money that explains the excess: recent before old, few before many, new before older. Of one day, payments
    count as newer than charges."""
    newest = sorted(money, key=lambda one: (one.paid_on, isinstance(one, Payment), one.sequence), reverse=True)
    newest = newest[:LOOKED_AT]
    recent = [one for one in newest if one.is_reversed or one.paid_on >= oldest_recent]
    for allowed in (recent, newest):
        for size in range(1, len(allowed) + 1):
            for chosen in combinations(allowed, size):
                if sum((one.counts for one in chosen), NOTHING) == excess:
                    return list(chosen)
    return []


def _whole(amounts: Mapping[int, Decimal], changes: Mapping[int, Decimal]) -> Paid:
    return {number: amount + changes.get(number, NOTHING) for number, amount in amounts.items()}


def _undone(amounts: Mapping[int, Decimal], charge: Charge) -> Paid:
    """These amounts, which have the charge, without it. What it has added comes off its own instalments first."""
    left = dict(amounts)
    if not charge.raises:
        _add(left, {number: -part for number, part in charge.laid.items()})
        return left
    amount = sum(charge.laid.values(), NOTHING)
    for number in sorted(left, key=lambda number: (number not in charge.laid, number)):
        part = min(max(NOTHING, left[number]), amount)
        left[number] -= part
        amount -= part
    return left


def _add(to: dict[int, Decimal], amounts: Mapping[int, Decimal]) -> None:
    for number, amount in amounts.items():
        to[number] = to.get(number, NOTHING) + amount


def _sum(parts: Iterable[Mapping[int, Decimal]]) -> Paid:
    total: Paid = {}
    for part in parts:
        _add(total, part)
    return total
