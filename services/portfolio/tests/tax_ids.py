"""Tax ids with a true check digit."""

from stdnum.mx.rfc import calc_check_digit


def rfc(letters: str, day: str, homonym: str = "AB") -> str:
    """The RFC of a person (four letters) or a company (three), born on this day (yymmdd)."""
    number = f"{letters}{day}{homonym}"
    return number + calc_check_digit(number)
