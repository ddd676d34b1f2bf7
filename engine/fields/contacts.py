"""Email addresses, phone numbers and web addresses, in the form in which they are stored.

phonenumbers and email_validator cost 150 ms to import each, more than a whole `rapport check`
may take, so they are imported by the first reply that needs them.
"""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import urlsplit

from engine.fields.clean import plain_line
from engine.fields.faults import FaultCode
from engine.fields.readings import Read, Refused, refuse

LONGEST_EMAIL = 254
"""The longest address that can be delivered to, in characters (RFC 5321, erratum 1690)."""

_SPACE = re.compile(r"\s")

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+"
    # The special-use names that email_validator refuses. Every other ending it takes.
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]+",
    re.ASCII | re.IGNORECASE,
)
_PLAIN_LENGTH = 64
"""Within it no part of an address can be too long."""


def read_email(text: str) -> Read | Refused:
    """An address by the rules of RFC 5321 and 5322, in small letters; the network is not asked."""
    address = plain_line(text).removeprefix("mailto:")
    # Nearly every address looks like this. The library agrees with it, a test says, and takes a
    # quarter of a turn to.
    if len(address) <= _PLAIN_LENGTH and _PLAIN_EMAIL.fullmatch(address):
        return Read(address.lower())
    return _read_any_email(address)


def _read_any_email(address: str) -> Read | Refused:
    from email_validator import EmailNotValidError, validate_email

    if _SPACE.search(address):
        return refuse(FaultCode.EMAIL_SPACES if "@" in address else FaultCode.NOT_EMAIL)
    if len(address) > LONGEST_EMAIL:
        return refuse(FaultCode.TOO_LONG, limit=LONGEST_EMAIL)
    try:
        valid = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return refuse(FaultCode.NOT_EMAIL)
    return Read(valid.normalized.lower())


def read_phone(text: str, country: str | None) -> Read | Refused:
    """A number that can be dialled, as E.164 (`+989123456789`).

    Local forms are read in `country` (ISO 3166); without one the country code must be written,
    after `+` or `00`. A number with an extension is refused: E.164 would lose it.
    """
    number = plain_line(text)
    if number.startswith("00"):
        number = "+" + number[2:]
    # Most numbers are mobile ones of the country. The library agrees, a test says, and takes the
    # time of half a turn to.
    if country and (plain := _plain_mobile(country)):
        found = plain[1].fullmatch(_PHONE_MARKS.sub("", number))
        if found:
            return Read(f"{plain[0]}{found[1]}")
    return _read_any_phone(number, country)


_PHONE_MARKS = re.compile(r"(?<=[0-9])[ -](?=[0-9])")


@cache
def _plain_mobile(country: str) -> tuple[str, re.Pattern[str]] | None:
    """The country code with its +, and mobile numbers of a country as they are mostly written.
    None where a number that looks like one may mean another."""
    import phonenumbers

    known = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    if known is None or known.national_prefix_for_parsing not in (None, "0"):
        return None
    mobile, every = known.mobile, known.general_desc
    if mobile is None or every is None or not mobile.national_number_pattern:
        return None
    code = f"+{known.country_code}"
    prefix = known.national_prefix_for_parsing or ""
    start = rf"(?:\{code}|{prefix})?" if prefix else rf"(?:\{code})?"
    number = rf"(?=(?:{every.national_number_pattern})\Z){mobile.national_number_pattern}"
    return code, re.compile(rf"{start}({number})", re.ASCII)


def _read_any_phone(number: str, country: str | None) -> Read | Refused:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return refuse(FaultCode.NOT_PHONE)
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        return refuse(FaultCode.NOT_PHONE)
    return Read(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]*:(?![0-9])")
_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])")
_NEVER_IN_URL = re.compile(r"[\s\\<>\"{}|^`]")


def read_url(text: str) -> Read | Refused:
    """An http or https address; `https` where no scheme is written, the host in small letters.

    The host is a name with a dot: `localhost` and bare IP addresses are refused, and so is an
    address with a user name in it, which mostly hides where it leads.
    """
    url = _normal_url(plain_line(text))
    return refuse(FaultCode.NOT_URL) if url is None else Read(url)


def _normal_url(text: str) -> str | None:
    if _NEVER_IN_URL.search(text) or (_OTHER_SCHEME.match(text) and not _SCHEME.match(text)):
        return None
    try:
        parts = urlsplit(text if _SCHEME.match(text) else f"https://{text}")
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    netloc = host if port is None else f"{host}:{port}"
    return parts._replace(netloc=netloc).geturl()
