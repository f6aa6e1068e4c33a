"""The ``recobro`` command and its subcommands."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from recobro_platform import DEFAULT_PORT_BASE, SERVICE_NAMES, VERSION

from recobro import (
    agencies,
    attempts,
    audit,
    backups,
    bank_files,
    campaigns,
    console_links,
    contracts,
    daily,
    dead_letters,
    debtor_links,
    demo_removal,
    disputes,
    doctor,
    erasing,
    files,
    lag,
    loading,
    migrate,
    outbox,
    payments,
    pending,
    portfolios,
    promising,
    rebuild,
    reentering,
    report,
    session,
    shutdown,
    status,
    token_commands,
    topics,
    unsent,
    visiting,
    watch,
)
from recobro.client import agencies_of, connect, second_person_of
from recobro.data import DataFolder, PlatformState
from recobro.demo import Demo
from recobro.embedded import Platform, stop_on_signals
from recobro.kafka import LocalKafka, fetch
from recobro.language import tr
from recobro.story import Story
from recobro.terminal import (
    DEFAULT_DATA,
    AsJson,
    Data,
    PlainGroup,
    Url,
    err,
    out,
    print_json,
    show_table,
    table_of,
)

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Recobro loads portfolios, publishes dialing lists, and withdraws a contract from them once its debtor pays.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def recobro(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version, and nothing else."),
    ] = False,
    lang: Annotated[
        Literal["en", "es", "pt"] | None,
        typer.Option(help="The language; it may stand anywhere. Default: that of the variable LANG, else English."),
    ] = None,
) -> None:
    """Options of the command itself. ``PlainGroup`` takes ``--lang`` before, for it is needed to print help."""


_DAY = "The day"
_FILES = "Portfolios and files"
_CONTRACTS = "Contracts"
_VISITS = "Visits and agencies"
_PLATFORM = "The platform"
_OPERATIONS = "Operations"

_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    _DAY: {
        "waiting": pending.waiting,
        "report": report.report,
        "stage": daily.stage,
        "list": daily.publish_list,
        "create-campaign": campaigns.create_campaign,
        "check-promises": daily.check_promises,
    },
    _FILES: {
        "portfolios": portfolios.portfolios,
        "create-portfolio": portfolios.create_portfolio,
        "load": loading.load,
        "files": files.files,
        "confirm": files.confirm,
        "findings": files.findings,
    },
    _CONTRACTS: {
        "pay": payments.pay,
        "reverse": payments.reverse,
        "bank-file": bank_files.bank_file,
        "unidentified": bank_files.unidentified,
        "allocate": bank_files.allocate,
        "give-back": bank_files.give_back,
        "attempt": attempts.attempt,
        "dispute": disputes.dispute,
        "disputes": disputes.disputes,
        "resolve": disputes.resolve,
        "promise": promising.promise,
        "promises": promising.promises,
        "cancel-promise": promising.cancel_promise,
        "link": debtor_links.link,
        "pause": contracts.pause,
        "resume": contracts.resume,
        "erase": erasing.erase,
        "erasures": erasing.erasures,
    },
    _VISITS: {
        "visits": visiting.visits,
        "visit": visiting.visit,
        "visited": visiting.visited,
        "cancel-visit": visiting.cancel_visit,
        "agencies": agencies.agencies,
        "recall": agencies.recall,
        "objection": agencies.objection,
        "decide": agencies.decide,
    },
    _PLATFORM: {"watch": watch.watch, "console-link": console_links.console_link},
    _OPERATIONS: {
        "rebuild": rebuild.rebuild,
        "backup": backups.backup,
        "restore": backups.restore,
        "reenter": reentering.reenter,
        "doctor": doctor.doctor,
        "outbox": outbox.outbox,
        "lag": lag.lag,
        "migrate": migrate.migrate,
    },
}

for panel, commands in _COMMANDS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(contracts.commands, name="contract", rich_help_panel=_CONTRACTS)
app.add_typer(token_commands.commands, name="token", rich_help_panel=_PLATFORM)
app.add_typer(dead_letters.commands, name="dead-letters", rich_help_panel=_OPERATIONS)
app.add_typer(unsent.commands, name="unsent", rich_help_panel=_OPERATIONS)
app.add_typer(audit.commands, name="audit", rich_help_panel=_OPERATIONS)
app.add_typer(topics.commands, name="topics", rich_help_panel=_OPERATIONS)


PortBase = Annotated[
    int,
    typer.Option(
        metavar="PORT",
        min=1024,
        max=65000,
        envvar="RECOBRO_PORT_BASE",
        help="The base of the port numbers: portfolio listens on base + 1, dialer-feed on base + 3.",
    ),
]


@app.command(rich_help_panel=_PLATFORM)
def up(
    data: Data = DEFAULT_DATA,
    port_base: PortBase = DEFAULT_PORT_BASE,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors.")] = False,
) -> None:
    """Start the platform and keep it running until Ctrl-C.

    Everything runs on this machine and keeps its data in DIR. If RECOBRO_KAFKA_BOOTSTRAP is set, events go through that
    Kafka instead of the embedded log.

    Example: recobro up --data .recobro --port-base 9000
    """
    bootstrap = os.environ.get("RECOBRO_KAFKA_BOOTSTRAP") or None
    folder = DataFolder(data)
    platform = Platform(
        folder,
        port_base,
        bootstrap,
        announce=lambda text: err.print(text, markup=False),
        on_ready=_nothing if quiet else lambda state: _greet(folder, state),
        on_stopping=_nothing if quiet else lambda: out.print(tr("Stopping: the services finish the work in progress.")),
    )
    platform.run(stop_on_signals())


def _nothing(*_: object) -> None:
    """Print nothing, for --quiet."""


def _greet(folder: DataFolder, state: PlatformState) -> None:
    through = (
        tr("Kafka at {address}", address=state.kafka_bootstrap)
        if state.kafka_bootstrap
        else tr("the embedded log in PostgreSQL")
    )
    out.print(tr("Recobro is running; its events go through {through}.", through=through))
    for service in state.services:
        if service.name in SERVICE_NAMES:
            out.print(f"  {service.name:<12} {service.url}/docs")
    out.print(tr("The console opens once with this link, within 15 minutes; recobro console-link makes another:"))
    out.print(console_links.link(folder, console_links.address(state), "supervisor"), soft_wrap=True)
    out.print(tr("Ctrl-C stops the platform."))


@app.command(rich_help_panel=_PLATFORM)
def down(data: Data = DEFAULT_DATA) -> None:
    """Stop the platform that runs on DIR, wherever it was started.

    Example: recobro down --data .recobro
    """
    stopped = shutdown.stop(DataFolder(data))
    out.print(tr("Stopped.") if stopped else tr("No platform is running on {data}.", data=data))


@app.command("status", rich_help_panel=_PLATFORM)
def show_status(
    data: Data = DEFAULT_DATA,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Wait until all services are ready, for at most this long.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show which services run and whether they are ready.

    Exit code 0 if every service is ready, else 1.

    Example: recobro status --wait 30 --json
    """
    seen = status.wait(DataFolder(data), wait)
    if as_json:
        print_json(seen.as_json())
    elif not seen.running:
        out.print(tr("No platform is running on {data}.", data=data))
    else:
        table = table_of(tr("service"), tr("process"), "URL", tr("ready"))
        for service in seen.services:
            table.add_row(service.name, str(service.pid or "–"), service.url, tr("yes") if service.ready else tr("no"))
        table.add_row("postgres", str(seen.postgres_pid or "–"), "", "")
        show_table(table)
        out.print(tr("Events go through {log}.", log="Kafka" if seen.transport == "kafka" else tr("the embedded log")))
    raise typer.Exit(0 if seen.ready else 1)


@app.command(rich_help_panel=_PLATFORM)
def demo(
    data: Data = DEFAULT_DATA,
    url: Url = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take what the demo has created out of the work, and play nothing.")
    ] = False,
) -> None:
    """Play the main job on a running platform and check each step.

    Exit code 0 if everything is as expected.

    Example: recobro demo --data .recobro
    """
    folder = DataFolder(data)
    with connect(folder, url) as client:
        if remove:
            demo_removal.remove(client, agencies_of(folder, client))
            return
        good = Demo(
            client, Story(), agencies_of(folder, client), second_person_of(folder, client), folder.root / "demo"
        ).play()
    raise typer.Exit(0 if good else 1)


@app.command(rich_help_panel=_PLATFORM)
def run(
    data: Data = DEFAULT_DATA,
    port_base: PortBase = DEFAULT_PORT_BASE,
    once: Annotated[bool, typer.Option("--once", help="Use a temporary platform and stop it after the demo.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="With --once: use a real Apache Kafka.")] = False,
) -> None:
    """Start the platform, play the main job on it, and keep serving until Ctrl-C.

    Example: recobro run --once
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if once:
        good = session.play_once(kafka=kafka, jars=_jars(DEFAULT_KAFKA))
    else:
        good = session.play_and_serve(DataFolder(data), port_base)
    raise typer.Exit(0 if good else 1)


kafka_app = typer.Typer(no_args_is_help=True, help="Run a real Apache Kafka broker on this machine, without Docker.")
app.add_typer(kafka_app, name="kafka", rich_help_panel=_PLATFORM)
DEFAULT_KAFKA = Path(".kafka")
KafkaData = Annotated[Path, typer.Option("--data", metavar="DIR", help="Where the broker keeps its data and jars.")]


def _jars(folder: Path) -> Path:
    return folder / "lib"


@kafka_app.command("start")
def start_kafka(
    data: KafkaData = DEFAULT_KAFKA,
    port: Annotated[int, typer.Option(metavar="PORT", min=1024, max=65535, help="The port of the broker.")] = 9092,
) -> None:
    """Start the broker if it does not run. Fetch its jars first if they are missing.

    Example: recobro kafka start --port 9092
    """
    fetch(_jars(DEFAULT_KAFKA))
    broker = LocalKafka(data, port, _jars(DEFAULT_KAFKA), stays=True)
    broker.start()
    out.print(tr("Apache Kafka is running at {bootstrap} (process {pid}).", bootstrap=broker.bootstrap, pid=broker.pid))


@kafka_app.command("stop")
def stop_kafka(data: KafkaData = DEFAULT_KAFKA) -> None:
    """Stop the broker.

    Example: recobro kafka stop
    """
    broker = LocalKafka(data, 0, _jars(DEFAULT_KAFKA))
    out.print(tr("Stopped.") if broker.pid else tr("No broker is running here."))
    broker.stop()
