"""Reads camt.053 (BankToCustomerStatement of ISO 20022), of any version, by the names of its elements.

Source: the message definition reports "Bank-to-Customer Cash Management" of ISO 20022 (camt.053.001.02 and later).
Expat builds one entry at a time. A file with a document type is refused, so no entity is ever expanded or fetched.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from xml.parsers import expat

from portfolio.bank_files.reader.statements import Entry, Statement, differs, refuse_currency
from portfolio.tabular.records import FileProblem

_PIECE = 1024 * 1024
_MOST_DEPTH = 40
_MOST_ELEMENTS = 200_000
"""Of one entry: a batch of several thousand transactions has fewer."""
_MOST_TEXT = 20_000
_NOT_PROVIDED = frozenset({"NOTPROVIDED", "NONREF", ""})


@dataclass
class _Node:
    """An element with its texts. Names are without their namespaces, which differ by version."""

    name: str
    attributes: dict[str, str]
    children: list["_Node"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def all(self, *path: str) -> Iterator["_Node"]:
        """The elements at this path below."""
        first, *rest = path
        for child in self.children:
            if child.name == first:
                yield from child.all(*rest) if rest else (child,)

    def find(self, *path: str) -> "_Node | None":
        return next(self.all(*path), None)

    def said(self, *path: str) -> str | None:
        """The text of the first element at this path, or None without one."""
        found = self.find(*path)
        return found.text or None if found is not None else None


@dataclass
class _Totals:
    """What a statement says of itself, and what its entries add up to."""

    balances: dict[str, Decimal] = field(default_factory=dict)
    summary: _Node | None = None
    count: dict[str, int] = field(default_factory=lambda: {"CRDT": 0, "DBIT": 0})
    sums: dict[str, Decimal] = field(default_factory=lambda: {"CRDT": Decimal(0), "DBIT": Decimal(0)})

    @property
    def net(self) -> Decimal:
        return self.sums["CRDT"] - self.sums["DBIT"]

    def check(self) -> bool:
        """Raise ``FileProblem`` when the entries differ from the totals. Returns False when there are none."""
        opening, closing = self.balances.get("OPBD", self.balances.get("PRCD")), self.balances.get("CLBD")
        checked = opening is not None and closing is not None
        if opening is not None and closing is not None and opening + self.net != closing:
            raise differs("the closing balance", closing, opening + self.net)
        if self.summary is not None:
            found = {
                ("TtlNtries", "NbOfNtries"): Decimal(sum(self.count.values())),
                ("TtlNtries", "Sum"): sum(self.sums.values(), Decimal(0)),
                ("TtlCdtNtries", "NbOfNtries"): Decimal(self.count["CRDT"]),
                ("TtlCdtNtries", "Sum"): self.sums["CRDT"],
                ("TtlDbtNtries", "NbOfNtries"): Decimal(self.count["DBIT"]),
                ("TtlDbtNtries", "Sum"): self.sums["DBIT"],
            }
            for path, counted in found.items():
                said = self.summary.said(*path)
                checked = checked or said is not None
                if said is not None and _number(said) != counted:
                    raise differs("/".join(path), said, counted)
        return checked


class _Reader:
    """Takes the events of expat. Every entry is read when it ends, and then forgotten."""

    def __init__(self, currency: str) -> None:
        self.statement = Statement()
        self._currency = currency
        self._stack: list[_Node] = []
        self._elements = 0
        self._totals: _Totals | None = None
        self._id = ""
        self._entries = 0
        self.is_statement = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition("}")[2]
        self._elements += 1
        if len(self._stack) >= _MOST_DEPTH or self._elements > _MOST_ELEMENTS:
            raise FileProblem("bomb", "An entry of the statement is far too large. Ask the bank for a plain statement.")
        node = _Node(name, attributes)
        if name == "BkToCstmrStmt":
            self.is_statement = True
        elif name == "Stmt":
            self._totals, self._id, self._entries = _Totals(), "", 0
        if self._stack:
            self._stack[-1].children.append(node)
        self._stack.append(node)

    def text(self, text: str) -> None:
        if self._stack:
            node = self._stack[-1]
            node.texts.append(text)
            if len(node.texts) > _MOST_TEXT:
                raise FileProblem(
                    "bomb", "An entry of the statement is far too large. Ask the bank for a plain statement."
                )

    def end(self, _: str) -> None:
        node = self._stack.pop()
        parent = self._stack[-1] if self._stack else None
        if self._totals is None or parent is None or parent.name != "Stmt":
            if node.name == "Stmt":
                self._end_of_statement()
            return
        self._part(node, self._totals)
        parent.children.remove(node)
        self._elements = len(self._stack)

    def _part(self, node: _Node, totals: _Totals) -> None:
        """A part of the statement has ended."""
        if node.name == "Id":
            self._id = node.text
        elif node.name == "Bal":
            kind = node.said("Tp", "CdOrPrtry", "Cd") or ""
            # Of several pages, the first has the opening balance and the last the closing one.
            if kind in ("OPBD", "PRCD", "CLBD") and (amount := node.find("Amt")) is not None:
                refuse_currency(amount.attributes.get("Ccy", self._currency), self._currency)
                totals.balances[kind] = _signed(_number(amount.text), node)
        elif node.name == "TxsSummry":
            totals.summary = node
        elif node.name == "Ntry":
            self._entries += 1
            self._entry(node, totals)

    def _end_of_statement(self) -> None:
        assert self._totals is not None
        if not self._totals.check():
            self.statement.without_totals += 1
        self._totals = None

    def _entry(self, node: _Node, totals: _Totals) -> None:
        state = node.said("Sts", "Cd") or node.said("Sts") or "BOOK"
        if state != "BOOK":
            self.statement.left_out += 1
            return
        amount = node.find("Amt")
        side = node.said("CdtDbtInd")
        if amount is None or side not in totals.sums:
            raise _unreadable("an entry without an amount or a side")
        refuse_currency(amount.attributes.get("Ccy", self._currency), self._currency)
        total = _number(amount.text)
        totals.count[side] += 1
        totals.sums[side] += total
        is_reversal = node.said("RvslInd") in ("true", "1")
        # A debit that reverses takes a credit back. A credit that reverses gives a debit back, which was no payment.
        if (side == "DBIT") != is_reversal:
            self.statement.left_out += 1
            return
        for entry in self._payments(node, total, is_reversal=is_reversal):
            self.statement.add(entry)

    def _payments(self, node: _Node, total: Decimal, *, is_reversal: bool) -> Iterator[Entry]:
        """The transactions of an entry. An entry without any is one itself."""
        details = list(node.all("NtryDtls", "TxDtls"))
        parts = [_amount_of(one) for one in details]
        if len(details) == 1 and parts[0] is None:
            parts = [total]
        if len(details) < 2 and parts and parts[0] != total:
            # The payer's amount may be of another currency; what was booked counts.
            parts = [total]
        if len(details) > 1:
            found = sum((part for part in parts if part is not None), Decimal(0))
            if None in parts or found != total:
                raise differs("the amount of an entry with several transactions", total, found)
        own = node.said("AcctSvcrRef")
        paid_on = _day_of(node)
        for place, (one, part) in enumerate(zip(details or [node], parts or [total], strict=True), start=1):
            alone = own if len(details) < 2 else own and f"{own}/{place}"
            named = _known(one.said("Refs", "AcctSvcrRef")) or _known(one.said("Refs", "TxId"))
            yield Entry(
                amount=part if part is not None else total,
                paid_on=paid_on,
                reference=named or _known(alone) or f"{self._id}/{self._entries}/{place}",
                is_reversal=is_reversal,
                payment_reference=one.said("RmtInf", "Strd", "CdtrRefInf", "Ref"),
                virtual_account=one.said("RltdPties", "CdtrAcct", "Id", "Othr", "Id")
                or one.said("RltdPties", "CdtrAcct", "Id", "IBAN"),
                end_to_end=_known(one.said("Refs", "EndToEndId")),
                concept=" ".join(line.text for line in one.all("RmtInf", "Ustrd"))
                or one.said("AddtlTxInf")
                or node.said("AddtlNtryInf"),
                payer=one.said("RltdPties", "Dbtr", "Nm") or one.said("RltdPties", "Dbtr", "Pty", "Nm"),
            )


def _known(reference: str | None) -> str | None:
    return None if reference is None or reference.upper() in _NOT_PROVIDED else reference


def _amount_of(transaction: _Node) -> Decimal | None:
    for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt")):
        if (said := transaction.said(*path)) is not None:
            return _number(said)
    return None


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _unreadable(f"the number {text[:40]!r}") from None
    if not number.is_finite() or not 0 <= number < Decimal(10) ** 18:
        raise _unreadable(f"the number {text[:40]!r}")
    return number


def _signed(amount: Decimal, node: _Node) -> Decimal:
    return -amount if node.said("CdtDbtInd") == "DBIT" else amount


def _day_of(entry: _Node) -> date:
    """The earlier of the day of the booking and that of the value: the debtor had paid by then."""
    texts = [entry.said(name, "Dt") or entry.said(name, "DtTm") for name in ("BookgDt", "ValDt")]
    try:
        found = [date.fromisoformat(text[:10]) for text in texts if text is not None]
    except ValueError:
        raise _unreadable("the day of an entry") from None
    if not found:
        raise _unreadable("an entry without a day")
    return min(found)


def _unreadable(what: str) -> FileProblem:
    return FileProblem("bad_statement", f"The statement cannot be read: {what}. Nothing was applied.")


def _no_document_type(*_: object) -> None:
    raise FileProblem("bomb", "The XML file has a document type, which no statement has. Ask the bank for a plain one.")


def read(path: Path, currency: str) -> Statement:
    """Return the booked credits of the file and the reversals of credits.

    Raises ``FileProblem`` for a file that is no camt.053, in another currency, or does not add up.
    """
    reader = _Reader(currency)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_document_type
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                parser.Parse(piece)
            parser.Parse(b"", True)  # noqa: FBT003 - the end, as expat wants it
    except expat.ExpatError as error:
        raise _unreadable(f"line {error.lineno} is no XML") from None
    if not reader.is_statement:
        raise FileProblem("unsupported-type", "The XML file is no statement of the kind camt.053.")
    return reader.statement
