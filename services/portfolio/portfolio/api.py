"""The routers of all subjects of the portfolio."""

from portfolio.bank_files import api as bank_files
from portfolio.charges import api as charges
from portfolio.clarifications import api as clarifications
from portfolio.contracts import api as contracts
from portfolio.debtors import api as debtors
from portfolio.desk import api as desk
from portfolio.documents import api as documents
from portfolio.files import api as files
from portfolio.insight import api as insight
from portfolio.ladder import api as ladder
from portfolio.payments import api as payments
from portfolio.people import api as people
from portfolio.portfolios import api as portfolios
from portfolio.reports import api as reports
from portfolio.segments import api as segments
from portfolio.stages import api as stages

ROUTERS = tuple(
    subject.router
    for subject in (
        *(
            portfolios,
            files,
            bank_files,
            stages,
            segments,
            ladder,
            contracts,
            payments,
            charges,
            clarifications,
            debtors,
            documents,
            people,
            reports,
            insight,
            desk,
        ),
    )
)
