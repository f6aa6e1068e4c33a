"""The checks of a file's first bytes at its upload."""

import pytest
from portfolio.tabular.heads import HEAD_BYTES, inspect_head
from portfolio.tabular.profiles import FILE_COLUMNS, SPANISH_HEADERS
from portfolio.tabular.records import FileProblem

SPANISH = ",".join(SPANISH_HEADERS.values())


@pytest.mark.parametrize(
    ("first_bytes", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"%PDF-1.7\n", "unsupported-type"),
        (b"\x7fELF\x02\x01\x01\0\0\0\n", "unsupported-type"),
        (b"\0\x01\x02\x03 and so on\n", "unsupported-type"),
        (b"No. Contrato,Raz\x81n\xff\n", "missing_columns"),
        (b"No. Contrato," + b"x" * HEAD_BYTES, "bad_header"),
        (b'{"contract_number": 1}\n', "unsupported-type"),
        (b"<html>\n", "unsupported-type"),
        (b"1,2,3\n", "no_header"),
        (b"\r\nNo. Contrato\n", "missing_columns"),
        (f'"{SPANISH}\n'.encode(), "no_header"),
        (f"{SPANISH},{','.join(map(str, range(500)))}\n".encode(), "too_wide"),
        (b"contract_number,debtor_name,due_date\n", "missing_columns"),
        (f"{SPANISH},contract_number\n".encode(), "repeated_columns"),
        (f"{SPANISH},calle\n".encode(), "repeated_columns"),
    ],
)
def test_a_file_that_is_not_a_portfolio_file_is_recognised_by_its_first_bytes(first_bytes: bytes, code: str) -> None:
    with pytest.raises(FileProblem) as problem:
        inspect_head(first_bytes)
    assert problem.value.code == code
    assert problem.value.detail


def test_the_detail_names_the_wrong_columns() -> None:
    with pytest.raises(FileProblem, match=r"'Importe vencido' \(amount_due\)"):
        inspect_head(b"contract_number,debtor_name,due_date\n")
    with pytest.raises(FileProblem, match=r"columns more than once: 'Calle' \(street\): 'Calle', 'street'\."):
        inspect_head(f"{SPANISH},street\n".encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_header_of_the_sample_is_understood(encoding: str, ending: str) -> None:
    head = inspect_head((SPANISH + ending).encode(encoding))
    assert head.columns == FILE_COLUMNS
    assert head.header == tuple(SPANISH_HEADERS.values())


def test_a_quoted_header_is_understood() -> None:
    quoted = ";".join(f'"{header}"' for header in SPANISH_HEADERS.values())
    assert inspect_head(quoted.encode()).delimiter == ";"


def test_first_bytes_that_end_inside_a_character_are_accepted() -> None:
    head = inspect_head(f"{SPANISH}\nC-1,D-1,Íñigo".encode() + "é".encode()[:1])
    assert head.columns == FILE_COLUMNS


def test_foreign_columns_are_left_alone() -> None:
    head = inspect_head(f"Sucursal,{SPANISH},\n".encode())
    assert head.columns == (None, *FILE_COLUMNS, None)
