"""Our short way to an address agrees with email_validator, which knows the standards."""

from __future__ import annotations

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from engine.fields.contacts import read_email
from engine.fields.readings import Read, Refused

_LOCAL = st.text("abzABZ059._+-'\"!\u0131\u212a", min_size=1, max_size=66)
_LABEL = st.text("abzAZ09-_\u00e9\u212a", max_size=5) | st.sampled_from(
    ["example", "co-op", "xn--p1ai", "a" * 63, "a" * 64]
)
_ENDING = _LABEL | st.sampled_from(["com", "IR", "museum", "c0", *SPECIAL_USE_DOMAIN_NAMES])
_ADDRESS = st.builds("{}@{}".format, _LOCAL, st.builds("{}.{}".format, _LABEL, _ENDING))


@given(_ADDRESS | st.from_regex(r"[a-z]{1,3}@[a-z-]{1,4}\.[a-z.-]{1,4}", fullmatch=True))
@example("sara@" + "a" * 60 + ".ir")
@example("Sara@Example.COM")
@example("sara@mail.test")
@example("sara@localhost.LOCAL")
def test_an_address_is_read_as_email_validator_reads_it(written: str) -> None:
    reading = read_email(written)
    try:
        known = validate_email(written, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        assert isinstance(reading, Refused)
    else:
        assert reading == Read(known)
