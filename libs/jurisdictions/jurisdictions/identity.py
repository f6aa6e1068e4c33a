"""Checks phone numbers and tax ids."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType

import phonenumbers
from phonenumbers import PhoneNumberType
from stdnum import exceptions
from stdnum.br import cnpj, cpf
from stdnum.mx import curp, rfc
from stdnum.us import ein

from jurisdictions.profiles import PhoneNumbers, TaxIdForm, codes, profile

_PUNCTUATION = re.compile(r"[\s().\-/]+")
_DIGITS = re.compile(r"\+?[0-9]{6,20}")
# A spreadsheet has read the number as an amount: nobody knows whether it changed digits too.
_DECIMAL = re.compile(r"\+?[0-9]{6,}[.,]0+")
_REACHES_A_PERSON = frozenset(
    {PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP}
)
"""Kinds of numbers that may be dialled. Premium, shared-cost, toll-free and service numbers never are."""


@cache
def _phone_rule(code: str) -> tuple[PhoneNumbers, re.Pattern[str] | None]:
    """Return the rule, and a pattern that removes prefixes of former numbering plans, if the country has any."""
    rule = profile(code).phone.value
    if rule is None:
        raise ValueError(f"the profile of {code} has no rule for phone numbers")
    if not rule.old_prefixes:
        return rule, None
    prefixes = "|".join(re.escape(prefix) for prefix in rule.old_prefixes)
    lengths = "|".join(f"[0-9]{{{digits}}}" for digits in rule.national_digits)
    return rule, re.compile(rf"(?:(?:\+|00)?{rule.calling_code})?(?:{prefixes})?({lengths})")


def dialable_phone(raw: str, code: str) -> str | None:
    """Return the number in E.164, or None if it is not a number of the jurisdiction that may be dialled.

    Premium, toll-free, service, short and emergency numbers may not, and neither may one that a spreadsheet has made
    decimal (5512345678.0).
    """
    rule, old_forms = _phone_rule(code)
    if _DECIMAL.fullmatch(raw.strip()):
        return None
    number = _PUNCTUATION.sub("", raw)
    if not _DIGITS.fullmatch(number):
        return None
    if old_forms is not None:
        form = old_forms.fullmatch(number)
        if form is None:
            return None
        number = f"+{rule.calling_code}{form[1]}"
    try:
        parsed = phonenumbers.parse(number, code)
    except phonenumbers.NumberParseException:
        return None
    national = phonenumbers.national_significant_number(parsed)
    if parsed.country_code != rule.calling_code or len(national) not in rule.national_digits:
        return None
    # The type of a number that is not valid is unknown.
    if phonenumbers.number_type(parsed) not in _REACHES_A_PERSON:
        return None
    return f"+{rule.calling_code}{national}"


@cache
def forms_of_numbers() -> tuple[str, str]:
    """Return regular expressions for numbers in E.164: those of mobile phones, and those of fixed lines.

    In some countries, such as Mexico and the US, a number may be either, and fits both.
    """
    mobile: list[str] = []
    fixed: list[str] = []
    for code in codes():
        calling_code = _phone_rule(code)[0].calling_code
        known = phonenumbers.PhoneMetadata.metadata_for_region(code)
        for forms, kind in ((mobile, known.mobile), (fixed, known.fixed_line)) if known is not None else ():
            if kind is not None:
                forms.append(f"{calling_code}(?:{kind.national_number_pattern})")
    return rf"^\+(?:{'|'.join(mobile)})$", rf"^\+(?:{'|'.join(fixed)})$"


_CHECKS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"RFC": partial(rfc.validate, validate_check_digits=True), "CPF": cpf.validate, "CNPJ": cnpj.validate}
)
_TAX_ID_PROBLEMS = {
    exceptions.InvalidLength: "bad_length",
    exceptions.InvalidFormat: "bad_format",
    exceptions.InvalidChecksum: "bad_check_digit",
    exceptions.InvalidComponent: "bad_part",
}


def tax_id_problem(code: str, value: str) -> str | None:
    """Return why ``value`` is not a tax id there: bad_length, bad_format, bad_check_digit or bad_part.

    None if it may be a tax id, or if the jurisdiction has no rule.
    """
    rule = profile(code).tax_id.value
    if rule is None:
        return None
    problems = [_problem(form, value) for form in (rule.person, rule.company)]
    return None if None in problems else next((one for one in problems if one != "bad_length"), "bad_length")


def _problem(form: TaxIdForm, value: str) -> str | None:
    try:
        number = _CHECKS[form.check](value)
    except exceptions.ValidationError as wrong:
        return _TAX_ID_PROBLEMS.get(type(wrong), "bad_format")
    return None if len(number) == form.characters else "bad_length"


_MARKED: Mapping[str, Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "MX": {"RFC": _CHECKS["RFC"], "CURP": curp.validate},
        "BR": {"CPF": cpf.validate, "CNPJ": cnpj.validate},
        "US": {"EIN": ein.validate},
    }
)
"""The identifiers that files give as a tax id. Not every one links customers."""


def tax_id_mark(code: str, value: str) -> tuple[str | None, str | None]:
    """Return which identifier the value is (RFC, CURP, CPF, CNPJ, EIN), and what is wrong with it.

    The problems are those of ``tax_id_problem``, and ``generic`` for one that stands for nobody. Both are None in a
    country without a rule. A US EIN has no check digit: only its form and its prefix are checked.
    """
    if tax_id_is_nobodys(code, value):
        return None, "generic"
    wrong: list[tuple[str | None, str]] = []
    for name, check in _MARKED.get(code[:2], {}).items():
        try:
            check(value)
        except exceptions.ValidationError as error:
            problem = _TAX_ID_PROBLEMS.get(type(error), "bad_format")
            wrong.append((None if problem == "bad_length" else name, problem))
        else:
            return name, None
    return next((one for one in wrong if one[1] != "bad_length"), wrong[0] if wrong else (None, None))


def tax_id_is_nobodys(code: str, value: str) -> bool:
    """Whether the value stands for an unknown tax id: a generic one, or one repeated character."""
    rule = profile(code).tax_id.value
    return len(set(value)) < 2 or (rule is not None and value in rule.generic)


def tax_id_kind(code: str, value: str) -> str | None:
    """Return whether the tax id is that of a ``person`` or a ``company``.

    None if it proves neither: its check digit is not true, it is nobody's, or the jurisdiction has no rule.
    """
    rule = profile(code).tax_id.value
    if rule is None or tax_id_is_nobodys(code, value):
        return None
    kinds = {"person": rule.person, "company": rule.company}
    return next((kind for kind, form in kinds.items() if _problem(form, value) is None), None)


def tax_id_has_check_digit(code: str) -> bool:
    return profile(code).tax_id.value is not None


def generic_tax_ids(code: str) -> tuple[str, ...]:
    rule = profile(code).tax_id.value
    return rule.generic if rule is not None else ()
