"""A customer's own code, which others bring: `/start ref_4fr0zq2`.

It is made of the customer's number, so nothing has to be stored or looked up, and no code is ever
given twice. Numbers are mixed, so that a code does not tell how many customers there are.
"""

from __future__ import annotations

PREFIX = "ref_"

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: nothing that is read as something else, https://www.crockford.com/base32.html"""
_READ_AS = str.maketrans("oil", "011")
_LENGTH = 7
_SPACE = len(_LETTERS) ** _LENGTH
_FACTOR = 25_214_903_917
"""Odd, so that numbers below `_SPACE`, a power of two, are mixed without two becoming one."""
_BACK = pow(_FACTOR, -1, _SPACE)


def referral_code(customer_id: int) -> str:
    """Seven small letters and digits. Raises ValueError beyond 34,359,738,367 customers."""
    if not 0 <= customer_id < _SPACE:
        raise ValueError(f"no code for {customer_id}")
    mixed, code = customer_id * _FACTOR % _SPACE, ""
    for _ in range(_LENGTH):
        mixed, place = divmod(mixed, len(_LETTERS))
        code = _LETTERS[place] + code
    return code


def customer_of(code: str) -> int | None:
    """The number of the customer whose code it is; None for what is no code."""
    letters = code.strip().lower().translate(_READ_AS)
    if len(letters) != _LENGTH or any(letter not in _LETTERS for letter in letters):
        return None
    mixed = 0
    for letter in letters:
        mixed = mixed * len(_LETTERS) + _LETTERS.index(letter)
    return int(mixed * _BACK % _SPACE)


def code_in(ref: str) -> str:
    """The code that a deep link brings; '' where its `ref` is of another kind."""
    return ref[len(PREFIX) :] if ref.lower().startswith(PREFIX) else ""
