"""Makes a portfolio file as a Mexican creditor exports it, with some faulty rows, and a key with its expected content.

    python bench/make_portfolio.py big.csv --rows 250000 --seed 3 --as-of 2026-11-22 --faults 3900

writes big.csv (Spanish headers, Windows-1252, dd/mm/yyyy) and big.key.json. The same arguments make the same bytes.
All people in it are invented.
"""

import argparse
import csv
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HEADER = (
    "No. Contrato",
    "No. Cliente",
    "Nombre / Razón social",
    "Tipo de persona",
    "RFC",
    "Producto",
    "No. Mensualidad",
    "Fecha de vencimiento",
    "Importe vencido",
    "Teléfono 1",
    "Teléfono 2",
    "Correo electrónico",
    "Tipo de domicilio",
    "Calle",
    "Núm. ext.",
    "Núm. int.",
    "Colonia",
    "C.P.",
    "Municipio",
    "Estado",
)
CONTRACT, NAME, DUE_DATE, AMOUNT = (
    HEADER.index(header)
    for header in ("No. Contrato", "Nombre / Razón social", "Fecha de vencimiento", "Importe vencido")
)
PLACES = (
    # municipality, state, area code, first digits of the postal code, neighbourhoods
    ("Toluca", "Estado de México", "722", "50", ("Centro", "Universidad")),
    ("León", "Guanajuato", "477", "37", ("Jardines del Moral", "San Juan de Dios")),
    ("Tijuana", "Baja California", "664", "22", ("Zona Río", "Libertad")),
    ("La Paz", "Baja California Sur", "612", "23", ("Esterito", "Pueblo Nuevo")),
    ("Juárez", "Chihuahua", "656", "32", ("Melchor Ocampo", "Chaveña")),
    ("Chihuahua", "Chihuahua", "614", "31", ("San Felipe", "Santo Niño")),
    ("Hermosillo", "Sonora", "662", "83", ("Pitic", "Villa Satélite")),
    ("Culiacán", "Sinaloa", "667", "80", ("Chapultepec", "Guadalupe")),
    ("Benito Juárez", "Quintana Roo", "998", "77", ("Supermanzana 50", "Alfredo V. Bonfil")),
    ("Mérida", "Yucatán", "999", "97", ("Santiago", "Montecristo")),
    ("Reynosa", "Tamaulipas", "899", "88", ("Rodríguez", "Longoria")),
    ("Coyoacán", "Ciudad de México", "55", "04", ("Del Carmen", "Ajusco")),
    ("Guadalajara", "Jalisco", "33", "44", ("Americana", "Analco")),
    ("Monterrey", "Nuevo León", "81", "64", ("Mitras Centro", "Cumbres")),
)
GIVEN_NAMES = (
    "Sofía",
    "José",
    "Lucía",
    "Martín",
    "Inés",
    "Andrés",
    "Nuria",
    "Óscar",
    "Pilar",
    "Tomás",
    "Rocío",
    "Hugo",
    "Elena",
    "Raúl",
    "Beatriz",
    "Íñigo",
)
FAMILY_NAMES = (
    "Peña",
    "Núñez",
    "Ibarra",
    "Solís",
    "Güereña",
    "Cárdenas",
    "Ríos",
    "Muñiz",
    "Lara",
    "Ochoa",
    "Treviño",
    "Yáñez",
    "Cantú",
    "Zúñiga",
    "Mora",
)
COMPANIES = ("Ferretería {} S.A. de C.V.", "Transportes {} S.A. de C.V.", "Panadería {} S. de R.L.")
PRODUCTS = ("tarjeta", "crédito simple", "nómina", "arrendamiento", "internet")
STREETS = ("Calle Hidalgo", "Av. Juárez", "Blvd. Las Américas", "Privada Jazmín", "Calle 16 de Septiembre")
AMOUNTS = ("39.90", "149.00", "399.00", "899.00", "1250.50", "3100.00", "12500.00", "45750.25")
ADDRESS_KINDS = ("Particular", "Comercial", "Fiscal")
DELAYS = ((21, -29, 0), (37, 1, 30), (24, 31, 90), (18, 91, 400))
"""Shares of the contracts in percent, each with the least and the most days past due."""
MAX_INSTALMENTS = 14
MIN_DIALLED = Decimal(100)
SAMPLED_CONTRACTS = 30


@dataclass(frozen=True)
class Contract:
    number: str
    cells: list[str]
    due_dates: list[date]
    amount: Decimal
    phones: list[str]
    """Phone numbers in E.164."""


def make_contracts(dice: random.Random, seed: int, as_of: date) -> Iterator[Contract]:
    debtors = 0
    while True:
        city, state, area, postal_prefix, neighbourhoods = dice.choice(PLACES)
        is_company = dice.random() < 0.25
        amount = Decimal(dice.choice(AMOUNTS)) if dice.random() < 0.97 else Decimal(dice.randrange(1000, 9999)) / 100
        phones = [
            area + _digits(dice, 10 - len(area), first="2345678")
            for _ in range(dice.choices((0, 1, 2), (3, 62, 35))[0])
        ]
        written = [_written(dice, phone, len(area)) for phone in phones] + ["", ""]
        family = dice.choice(FAMILY_NAMES)
        name = (
            dice.choice(COMPANIES).format(family)
            if is_company
            else f"{dice.choice(GIVEN_NAMES)} {family} {dice.choice(FAMILY_NAMES)}"
        )
        owner = debtors if debtors == 0 or dice.random() < 0.91 else dice.randrange(debtors)
        number = f"REC-{seed:02d}{debtors:07d}"
        cells = [
            number,
            f"D{seed:02d}{owner:07d}",
            name,
            "Moral" if is_company else "Física",
            _tax_id(dice, is_company=is_company),
            dice.choice(PRODUCTS),
            *written[:2],
            f"cliente{debtors}@ejemplo.mx" if dice.random() < 0.72 else "",
            dice.choice(ADDRESS_KINDS),
            dice.choice(STREETS),
            str(dice.randrange(1, 3000)) if dice.random() < 0.97 else "S/N",
            dice.choice(("", "", "3-B", "Int. 204")),
            dice.choice(neighbourhoods),
            dice.choice(("", "AB123", "1234")) if dice.random() < 0.02 else postal_prefix + _digits(dice, 3),
            city,
            state,
        ]
        yield Contract(number, cells, _due_dates(dice, as_of), amount, [f"+52{phone}" for phone in phones])
        debtors += 1


def _digits(dice: random.Random, how_many: int, first: str = "0123456789") -> str:
    return dice.choice(first) + "".join(dice.choices("0123456789", k=how_many - 1))


def _written(dice: random.Random, phone: str, area: int) -> str:
    forms = (phone, f"+52 {phone}", f"+52 1 {phone}", f"044{phone}", f"01 {phone}", f"({phone[:area]}) {phone[area:]}")
    return dice.choice(forms)


def _tax_id(dice: random.Random, *, is_company: bool) -> str:
    born = date(1955, 1, 1) + timedelta(days=dice.randrange(18_000))
    letters = "".join(dice.choices("BCDFGHJKLMPRSTVZ", k=3 if is_company else 4))
    return f"{letters}{born:%y%m%d}{dice.choice('ABCXYZ')}{_digits(dice, 2)}"


def _due_dates(dice: random.Random, as_of: date) -> list[date]:
    """Return the due dates, every 30 days from the oldest unpaid one to the first that is not due yet."""
    _, least, most = dice.choices(DELAYS, [share for share, _, _ in DELAYS])[0]
    due_dates = [as_of - timedelta(days=dice.randint(least, most))]
    while due_dates[-1] < as_of and len(due_dates) < MAX_INSTALMENTS:
        due_dates.append(due_dates[-1] + timedelta(days=30))
    return due_dates


def spoil(dice: random.Random, row: list[str]) -> str:
    """Put one fault into ``row``, and return the fault's name."""
    fault = dice.choice(("no_contract", "no_name", "bad_date", "amount_text", "negative_amount", "ragged", "nul_char"))
    match fault:
        case "no_contract":
            row[CONTRACT] = ""
        case "no_name":
            row[NAME] = " "
        case "bad_date":
            row[DUE_DATE] = dice.choice(("31/02/2026", "2026-13-40", "", "mañana"))
        case "amount_text":
            row[AMOUNT] = dice.choice(("mil pesos", "NaN", "N/A", "1e400"))
        case "negative_amount":
            row[AMOUNT] = "-150.00"
        case "ragged":
            row.extend(("sobra", "sobra"))
        case "nul_char":
            row[NAME] = row[NAME][:3] + "\0" + row[NAME][3:]
    return fault


def stage_of(days_past_due: int) -> str:
    return next(
        stage for least, stage in ((91, "legal"), (31, "late"), (1, "early"), (0, "current")) if days_past_due >= least
    )


class Key:
    """The expected result of loading the file, counted while the file is made."""

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        self.rejects: list[dict[str, Any]] = []
        self.accepted = 0
        self.amount = Decimal(0)
        self.contracts = 0
        self.dialled = 0
        self.stages: dict[str, tuple[int, Decimal]] = dict.fromkeys(
            ("current", "early", "late", "legal"), (0, Decimal(0))
        )
        self.sample: dict[str, Any] = {}

    def count(self, contract: Contract, loaded: list[date]) -> None:
        """Count a contract. ``loaded`` are the due dates of its rows without a fault."""
        if not loaded:
            return
        total = contract.amount * len(loaded)
        overdue = contract.amount * sum(due_on < self.as_of for due_on in loaded)
        days_past_due = max(0, (self.as_of - min(loaded)).days)
        stage = stage_of(days_past_due)
        self.accepted += len(loaded)
        self.amount += total
        self.contracts += 1
        contracts, overdue_so_far = self.stages[stage]
        self.stages[stage] = contracts + 1, overdue_so_far + overdue
        self.dialled += stage in ("early", "late") and overdue > MIN_DIALLED and bool(contract.phones)
        if len(self.sample) < SAMPLED_CONTRACTS:
            self.sample[contract.number] = {
                "name": contract.cells[NAME],
                "state": contract.cells[-1],
                "instalments": len(loaded),
                "overdue": str(overdue),
                "total": str(total),
                "days_past_due": days_past_due,
                "stage": stage,
                "phones": contract.phones,
            }

    def document(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.isoformat(),
            "rows": self.accepted + len(self.rejects),
            "rejected": len(self.rejects),
            "accepted": self.accepted,
            "contracts": self.contracts,
            "amount_accepted": str(self.amount),
            "stages": {
                stage: {"contracts": contracts, "overdue": str(overdue)}
                for stage, (contracts, overdue) in self.stages.items()
            },
            "blaster_over_100_early_or_late_with_phone": self.dialled,
            "rejects": self.rejects,
            "sample": self.sample,
        }


def make(file: io.TextIOBase, rows: int, seed: int, as_of: date, faults: int) -> dict[str, Any]:
    """Write the file and return its key."""
    dice = random.Random(seed)
    faulty = set(dice.sample(range(2, rows + 2), faults))
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(HEADER)
    key = Key(as_of)
    row_number = 1
    for contract in make_contracts(dice, seed, as_of):
        loaded = []
        for instalment, due_on in enumerate(contract.due_dates[: rows + 1 - row_number], start=1):
            row_number += 1
            amount = dice.choice((f"{contract.amount:.2f}", f"${contract.amount:,.2f}"))
            row = [*contract.cells[:6], str(instalment), f"{due_on:%d/%m/%Y}", amount, *contract.cells[6:]]
            if row_number in faulty:
                key.rejects.append({"row": row_number, "fault": spoil(dice, row)})
            else:
                loaded.append(due_on)
            writer.writerow(row)
        key.count(contract, loaded)
        if row_number > rows:
            return key.document()
    raise AssertionError("make_contracts never ends")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 11, 22))
    parser.add_argument("--faults", type=int, default=None, help="faulty rows (default: 1.5 %%)")
    given = parser.parse_args()
    faults = given.rows * 15 // 1000 if given.faults is None else given.faults
    given.path.parent.mkdir(parents=True, exist_ok=True)
    with given.path.open("w", encoding="cp1252", newline="") as file:
        key = make(file, given.rows, given.seed, given.as_of, faults)
    given.path.with_suffix(".key.json").write_text(json.dumps(key, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{given.path}: {key['rows']:,} rows, {key['rejected']:,} faulty, {key['contracts']:,} contracts")


if __name__ == "__main__":
    main()
