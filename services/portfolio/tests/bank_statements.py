"""Statements of banks as the standards describe them: camt.053 of ISO 20022, and MT940 of SWIFT."""

from collections.abc import Sequence

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def balance(kind: str, amount: str, side: str = "CRDT", currency: str = "MXN") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{amount}</Amt>"
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>2026-09-10</Dt></Dt></Bal>"
    )


def entry(
    amount: str,
    *details: str,
    side: str = "CRDT",
    status: str = "<Cd>BOOK</Cd>",
    reversal: str = "",
    reference: str = "",
    currency: str = "MXN",
    day: str = "2026-09-10",
) -> str:
    return (
        f"<Ntry><Amt Ccy='{currency}'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{reversal}<Sts>{status}</Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>2026-09-11</Dt></ValDt>"
        + (f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else "")
        + "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        + (f"<NtryDtls>{''.join(details)}</NtryDtls>" if details else "")
        + "</Ntry>"
    )


def transaction(
    amount: str = "",
    *,
    end_to_end: str = "NOTPROVIDED",
    bank: str = "",
    concept: str = "",
    structured: str = "",
    account: str = "",
    payer: str = "",
) -> str:
    refs = (f"<AcctSvcrRef>{bank}</AcctSvcrRef>" if bank else "") + f"<EndToEndId>{end_to_end}</EndToEndId>"
    parties = (f"<Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr>" if payer else "") + (
        f"<CdtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></CdtrAcct>" if account else ""
    )
    remittance = (f"<Ustrd>{concept}</Ustrd>" if concept else "") + (
        f"<Strd><CdtrRefInf><Ref>{structured}</Ref></CdtrRefInf></Strd>" if structured else ""
    )
    return (
        f"<TxDtls><Refs>{refs}</Refs>"
        + (f"<Amt Ccy='MXN'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>" if amount else "")
        + (f"<RltdPties>{parties}</RltdPties>" if parties else "")
        + (f"<RmtInf>{remittance}</RmtInf>" if remittance else "")
        + "</TxDtls>"
    )


def camt053(*entries: str, balances: Sequence[str] = (), summary: str = "", namespace: str = NAMESPACE) -> str:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><Document xmlns='{namespace}'><BkToCstmrStmt>"
        "<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-09-10T20:00:00</CreDtTm></GrpHdr>"
        "<Stmt><Id>S-2026-09-10</Id><CreDtTm>2026-09-10T20:00:00</CreDtTm><Acct><Id><Othr><Id>0123</Id></Othr></Id></Acct>"
        f"{''.join(balances)}{summary}{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    )


def mt940(*lines: str, opening: str = "C260909MXN1000,00", closing: str = "C260910MXN1150,50") -> str:
    """A statement with these lines :61: and :86:, and its balances :60F: and :62F:."""
    head = ("{1:F01BANKMXMMAXXX0000000000}{2:I940BANKMXMMXXXXN}{4:", ":20:STMT0910", ":25:0123456789", ":28C:00253/001")
    return "\r\n".join((*head, f":60F:{opening}", *lines, f":62F:{closing}", "-}")) + "\r\n"
