"""Only what a platform has signed with our secret is genuine."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bots.webhook_signatures import (
    is_from_instagram,
    is_from_telegram,
    is_instagrams_challenge,
)

SECRET = "a-secret-of-ours"
BODY = b'{"object":"instagram","entry":[{"id":"1"}]}'

ANYTHING = st.one_of(st.none(), st.text(), st.characters().map(lambda sign: SECRET + sign))


def signed(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def test_what_the_platforms_send_is_genuine() -> None:
    assert is_from_telegram(SECRET, SECRET)
    assert is_from_instagram(signed(BODY), BODY, SECRET)
    assert is_instagrams_challenge("subscribe", SECRET, SECRET)


def test_the_signature_of_the_platforms_own_example_is_right() -> None:
    """HMAC-SHA256 of RFC 4231, test case 2, in the platform's form."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert is_from_instagram(f"sha256={digest}", b"what do ya want for nothing?", "Jefe")


@pytest.mark.parametrize("secret", ["", SECRET])
@pytest.mark.parametrize("header", [None, "", " ", "sha256=", "sha1=00", "é", "\ud800"])
def test_without_a_signature_or_a_secret_nothing_is_genuine(
    header: str | None, secret: str
) -> None:
    assert not is_from_telegram(header, secret)
    assert not is_from_instagram(header, BODY, secret)
    assert not is_instagrams_challenge("subscribe", header, secret)


def test_a_signature_by_an_empty_secret_is_not_genuine() -> None:
    assert not is_from_instagram(signed(BODY, ""), BODY, "")


@pytest.mark.parametrize("mode", [None, "", "unsubscribe", "SUBSCRIBE"])
def test_another_mode_is_no_challenge(mode: str | None) -> None:
    assert not is_instagrams_challenge(mode, SECRET, SECRET)


@given(ANYTHING)
def test_no_other_header_is_telegrams(header: str | None) -> None:
    assume(header != SECRET)

    assert not is_from_telegram(header, SECRET)
    assert not is_instagrams_challenge("subscribe", header, SECRET)


@given(ANYTHING, st.binary())
def test_no_made_up_signature_is_instagrams(header: str | None, body: bytes) -> None:
    assert not is_from_instagram(header, body, SECRET)


@given(st.binary(), st.integers(min_value=0), st.integers(0, 7))
def test_one_bit_of_the_body_changed_is_another_body(body: bytes, place: int, bit: int) -> None:
    assume(body)
    changed = bytearray(body)
    changed[place % len(body)] ^= 1 << bit

    assert is_from_instagram(signed(body), body, SECRET)
    assert not is_from_instagram(signed(body), bytes(changed), SECRET)
    assert not is_from_instagram(signed(body).upper(), body, SECRET)
    assert not is_from_instagram(signed(body, SECRET + "x"), body, SECRET)
