"""The figures that the services compute: the columns of their tables, what their charts draw, and what rows lead to.

A figure is computed by the service that owns it. Its formula and the source of the formula stand here in English and in
``sentences.json``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal[
    "text", "word", "stage", "day", "moment", "number", "money", "percent", "agency", "portfolio", "contract", "call"
]
_NUMBERS = frozenset({"number", "money", "percent"})


@dataclass(frozen=True)
class Column:
    """A column: the field of the row, its title in English, and how its values are written."""

    field: str
    title: str
    kind: Kind = "number"

    @property
    def is_number(self) -> bool:
        return self.kind in _NUMBERS


@dataclass(frozen=True)
class Figure:
    """A figure: where it comes from, what a row says, what the chart draws.

    ``label`` names the fields that name a row in the chart, ``drawn`` the field of its height. With ``curve_of`` the
    chart has a line for each value of that field, over the numbers of the only field in ``label``.
    """

    service: str
    path: str
    title: str
    formula: str
    source: str
    columns: tuple[Column, ...]
    label: tuple[str, ...]
    drawn: str
    by: tuple[str, ...] = ()
    curve_of: str | None = None
    of_portfolio: bool = True
    of_agency: bool = False


_PORTFOLIO = Column("portfolio_id", "Portfolio", "portfolio")
_COMPARED = (Column("agency_id", "Agency", "agency"),)

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "waterfall": Figure(
            "portfolio",
            "/v1/insight/waterfall",
            "Waterfall",
            "Opening + new + reopened + rolled in − rolled out + cured in − cured out − settled − closed = closing. "
            "Amounts also change by time, payments, reversals and corrections.",
            "the roll-forward of balances in loan-loss reporting",
            (
                _PORTFOLIO,
                Column("stage", "Stage", "stage"),
                Column("step", "Step", "word"),
                Column("contracts", "Contracts"),
                Column("overdue", "Overdue", "money"),
                Column("total", "Total balance", "money"),
            ),
            ("stage", "step"),
            "overdue",
        ),
        "roll-rates": Figure(
            "portfolio",
            "/v1/insight/roll-rates",
            "Roll rates",
            "Contracts that began the period in the first stage and ended it in the second / contracts that began it "
            "in the first stage. The same for the overdue balance.",
            "roll-rate analysis: flow rates, the transition matrix of delinquency",
            (
                _PORTFOLIO,
                Column("begin", "Since", "day"),
                Column("from_stage", "From the stage", "stage"),
                Column("to_stage", "To the stage", "stage"),
                Column("contracts", "Contracts"),
                Column("opening_contracts", "At the beginning"),
                Column("rate", "Rate", "percent"),
                Column("overdue_rate", "Rate of the balance", "percent"),
            ),
            ("from_stage", "to_stage", "begin"),
            "rate",
            by=("month", "day"),
        ),
        "cure-rates": Figure(
            "portfolio",
            "/v1/insight/cure-rates",
            "Cure rates",
            "(Contracts of a stage that ended the month current + those paid in full) / contracts of the stage when "
            "the month began.",
            "the usual cure rate of credit risk, by number",
            (
                _PORTFOLIO,
                Column("begin", "Since", "day"),
                Column("stage", "Stage", "stage"),
                Column("opening_contracts", "At the beginning"),
                Column("cured", "Cured"),
                Column("settled", "Paid in full"),
                Column("cure_rate", "Cure rate", "percent"),
            ),
            ("stage", "begin"),
            "cure_rate",
        ),
        "recovery": Figure(
            "portfolio",
            "/v1/insight/recovery",
            "Recovery",
            "Recovered = received − reversed, on the business date on which it was entered. By stage, the rate is "
            "recovered / what was overdue in the stage when the period began. Age counts the days past due that the "
            "payment met.",
            "the liquidation rate of collections, in the usual ageing buckets",
            (
                _PORTFOLIO,
                Column("key", "Of", "text"),
                Column("payments", "Payments"),
                Column("received", "Received", "money"),
                Column("reversed", "Reversed", "money"),
                Column("recovered", "Recovered", "money"),
                Column("recovery_rate", "Recovery rate", "percent"),
            ),
            ("key",),
            "recovered",
            by=("age", "stage", "day", "month"),
        ),
        "vintages": Figure(
            "portfolio",
            "/v1/insight/vintages",
            "Recovery by vintage",
            "All that was recovered until so many months after the month of the hand-over / the total balance that "
            "was handed over in that month.",
            "vintage (static pool) analysis",
            (
                _PORTFOLIO,
                Column("vintage", "Handed over in", "day"),
                Column("contracts", "Contracts"),
                Column("handed_over", "Handed over", "money"),
                Column("months", "Months later"),
                Column("recovered", "Recovered", "money"),
                Column("recovered_to_date", "Recovered to date", "money"),
                Column("recovery_rate", "Recovery rate", "percent"),
            ),
            ("months",),
            "recovery_rate",
            curve_of="vintage",
        ),
        "promises": Figure(
            "promises",
            "/v1/insight/promises",
            "Kept rates",
            "Kept / (kept + partly kept + broken), of the promises that were due in the period. Open and cancelled "
            "promises are not rated. The paid rate is what was paid for them / what they promised.",
            "the usual kept rate of promises to pay (PTP)",
            (
                *_COMPARED,
                Column("agent", "Agent", "text"),
                Column("week", "Week of", "day"),
                Column("made_in", "Made by", "word"),
                Column("promises", "Promises"),
                Column("kept", "Kept"),
                Column("partly_kept", "Partly kept"),
                Column("broken", "Broken"),
                Column("promised", "Promised", "money"),
                Column("paid", "Paid", "money"),
                Column("kept_rate", "Kept rate", "percent"),
                Column("paid_rate", "Paid rate", "percent"),
            ),
            ("agency_id", "agent", "week", "made_in"),
            "kept_rate",
            by=("agency", "agent", "week", "made_in"),
            of_agency=True,
        ),
        "calls": Figure(
            "dialer-feed",
            "/v1/insight/calls",
            "Calls",
            "Connect rate = connected / calls. Right-party rate = the debtor answered / connected. Promise rate = "
            "promises / the debtor answered.",
            "the usual rates of call centres: connects, right-party contacts (RPC), promises to pay per contact",
            (
                *_COMPARED,
                Column("agent", "Agent", "text"),
                Column("day", "Day", "day"),
                Column("calls", "Calls"),
                Column("connected", "Connected"),
                Column("right_party", "With the debtor"),
                Column("promises", "Promises"),
                Column("wrongful", "Wrongful"),
                Column("breached", "Against the rules"),
                Column("connect_rate", "Connect rate", "percent"),
                Column("right_party_rate", "Right-party rate", "percent"),
                Column("promise_rate", "Promise rate", "percent"),
            ),
            ("agency_id", "agent", "day"),
            "right_party_rate",
            by=("agency", "agent", "day"),
            of_portfolio=False,
            of_agency=True,
        ),
        "productivity": Figure(
            "dialer-feed",
            "/v1/productivity",
            "Productivity",
            "A payment counts for the last call with the debtor about its contract, on its day or in the 7 days before;"
            " a promise for the last such call of the day on which it was made. Each counts once, over all agencies.",
            "the usual figures of call centres, with the attribution that the answer states",
            (
                *_COMPARED,
                Column("agent", "Agent", "text"),
                Column("campaign", "Campaign", "text"),
                Column("product", "Product", "text"),
                Column("contract_number", "Contract", "text"),
                Column("hour", "Hour", "text"),
                Column("day", "Day", "day"),
                Column("attempts", "Calls out"),
                Column("connected", "Connected"),
                Column("right_party", "With the debtor"),
                Column("promises", "Promises"),
                Column("kept", "Kept"),
                Column("amount_promised", "Promised", "money"),
                Column("recovered", "Recovered", "money"),
                Column("talk_seconds", "Seconds of talk"),
            ),
            ("agency_id", "agent", "campaign", "product", "contract_number", "hour", "day"),
            "recovered",
            by=("agent", "agency", "campaign", "product", "contract", "hour", "day"),
            of_portfolio=False,
            of_agency=True,
        ),
        "visits": Figure(
            "field-visits",
            "/v1/insight/visits",
            "What visits reached",
            "Met rate = the debtor was met / visits with a result. Refusal rate = refused / met. Promise rate = "
            "promises / met.",
            "the usual contact rate of field collections",
            (
                *_COMPARED,
                Column("visitor", "Visitor", "text"),
                Column("day", "Day", "day"),
                Column("visits", "Visits"),
                Column("made", "Made"),
                Column("met", "Debtor met"),
                Column("third_party", "A third party"),
                Column("nobody", "Nobody"),
                Column("refused", "Refused"),
                Column("promises", "Promises"),
                Column("cancelled", "Cancelled"),
                Column("met_rate", "Met rate", "percent"),
                Column("promise_rate", "Promise rate", "percent"),
            ),
            ("agency_id", "visitor", "day"),
            "met_rate",
            by=("agency", "visitor", "day"),
            of_portfolio=False,
            of_agency=True,
        ),
    }
)

_CONTRACT = Column("contract_number", "Contract", "contract")

BEHIND: Mapping[tuple[str, str], tuple[Column, ...]] = MappingProxyType(
    {
        ("portfolio", "/v1/insight/movements"): (
            _CONTRACT,
            Column("day", "Day", "day"),
            Column("cause", "Cause", "word"),
            Column("from_stage", "From the stage", "stage"),
            Column("to_stage", "To the stage", "stage"),
            Column("from_overdue", "Overdue before", "money"),
            Column("to_overdue", "Overdue after", "money"),
        ),
        ("portfolio", "/v1/insight/moved-contracts"): (
            _CONTRACT,
            Column("from_stage", "From the stage", "stage"),
            Column("to_stage", "To the stage", "stage"),
            Column("from_overdue", "Overdue before", "money"),
            Column("to_overdue", "Overdue after", "money"),
        ),
        ("portfolio", "/v1/insight/payments"): (
            _CONTRACT,
            Column("day", "Day", "day"),
            Column("stage", "Stage", "stage"),
            Column("received", "Received", "money"),
            Column("reversed", "Reversed", "money"),
        ),
        ("portfolio", "/v1/contracts"): (
            _CONTRACT,
            Column("name", "Debtor", "text"),
            Column("stage", "Stage", "stage"),
            Column("overdue_balance", "Overdue", "money"),
        ),
        ("promises", "/v1/promises"): (
            _CONTRACT,
            Column("due_on", "Due", "day"),
            Column("amount", "Promised", "money"),
            Column("paid", "Paid", "money"),
            Column("state", "Status", "word"),
        ),
        ("dialer-feed", "/v1/calls"): (
            _CONTRACT,
            Column("started_at", "When", "moment"),
            Column("agent", "Agent", "text"),
            Column("disposition", "Result", "word"),
            Column("call_id", "Evidence", "call"),
        ),
        ("field-visits", "/v1/visits"): (
            _CONTRACT,
            Column("visit_on", "Day", "day"),
            Column("visitor", "Visitor", "text"),
            Column("state", "Status", "word"),
        ),
    }
)
"""The lists that rows of figures lead to, by service and path. No other path is asked for on behalf of a link."""
