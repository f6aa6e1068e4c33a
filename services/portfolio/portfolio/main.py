"""The portfolio process: relays, consumers, the loader of files, the stager, the judge of segments and steps, HTTP."""

from functools import partial

from chassis import Program, Role, create_app
from chassis.background import polled
from chassis.storage import FileStorage
from documents.press import Press
from fastapi import FastAPI
from recobro_events import Database, Runtime

from portfolio.agreements import follower
from portfolio.api import ROUTERS
from portfolio.bank_files.loader import BankLoader
from portfolio.desk import filling
from portfolio.documents import TEMPLATES
from portfolio.files.loader import Loader
from portfolio.handlers import consumer
from portfolio.ladder import receipts
from portfolio.republishing import SOURCE
from portfolio.settings import PortfolioSettings
from portfolio.stages import stager as staging
from portfolio.strategy import judge

SERVICE = "portfolio"
_POLL_SECONDS = 60.0
_TAGS = {
    "portfolios": "Creditors, their portfolios, and how much is in which stage.",
    "files": "Portfolio files, from the upload to the rejected rows.",
    "payment files": "Banks' files of payments, from the upload to the rejected rows.",
    "contracts": "Contracts, payments, clarifications, pauses, debtors and contact points.",
    "people": "Customers of a creditor who are one person.",
    "staging": "The business date moves, and contracts change their stages.",
    "reports": "What agencies reported about contracts that were not with them.",
    "strategy": "Segments and steps of contracts: the rules that give them, and what they would change.",
    "desk": "The next person for the creditor's own people, and the outcome of their work.",
    "insight": "Figures of a day and of a period, each with the way to what it counts.",
}


def build_app(
    settings: PortfolioSettings,
    database: Database,
    runtime: Runtime | None,
    loader: Loader,
    role: Role = Role.ALL,
    *,
    bank_loader: BankLoader | None = None,
    poll_seconds: float = judge.POLL_SECONDS,
) -> FastAPI:
    """Build the app. The database must be migrated already. ``loader`` loads the uploaded files, ``bank_loader`` those
    of banks. The judge, the follower of agreements and the desk's filling look for work every ``poll_seconds``, the
    stager not more often than every second."""
    stager = staging.Stager(database, max(poll_seconds, staging.POLL_SECONDS))
    press = Press(TEMPLATES)
    storage = FileStorage(settings.receipts_url)
    deleting = partial(receipts.delete_erased, database, storage)
    bank_loader = bank_loader or BankLoader(database)
    app = create_app(
        service=SERVICE,
        title="Recobro portfolio",
        description="What is owed, how late it is, and what has happened to it.",
        tags=_TAGS,
        settings=settings,
        database=database,
        runtime=runtime,
        routers=ROUTERS,
        lifespan=[
            press.running,
            polled("erased receipts", deleting, max(poll_seconds, _POLL_SECONDS)),
        ],
        background=[
            *loader.kept(),
            *bank_loader.kept(),
            *stager.kept(),
            judge.kept(database, poll_seconds),
            follower.kept(database, poll_seconds),
            filling.kept(database, poll_seconds),
        ],
        role=role,
    )
    app.state.loader = loader
    app.state.bank_loader = bank_loader
    app.state.stager = stager
    app.state.press = press
    app.state.receipts = storage
    return app


def _build(settings: PortfolioSettings, database: Database, runtime: Runtime, role: Role) -> FastAPI:
    return build_app(settings, database, runtime, Loader(database), role)


PROGRAM = Program(SERVICE, "portfolio.migrations", PortfolioSettings, _build, consumer, source=SOURCE)
