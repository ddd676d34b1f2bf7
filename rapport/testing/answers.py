"""Requests in a test: none leaves the machine, each is answered by what the test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from engine.http_request import Request, filled
from engine.transcript import HttpReply
from rapport.runtime.calls import Stored


class UnexpectedCall(AssertionError):
    """A request that the test does not answer; the text is its method and address."""


class Answers:
    """The answers of each address, one time after the other, the last for ever."""

    def __init__(self, replies: Mapping[str, Sequence[HttpReply]]) -> None:
        self._replies = {_address(written): tuple(given) for written, given in replies.items()}
        self._asked: Counter[str] = Counter()

    def __call__(self, stored: Stored) -> Mapping[str, Any]:
        """Raises UnexpectedCall."""
        return self.answer(stored.request)

    def answer(self, request: Request) -> Mapping[str, Any]:
        """What the answer to a request is. Raises UnexpectedCall."""
        url = shown(request)
        for address in (f"{request.method} {url}", url, *_without_query(request.method, url)):
            replies = self._replies.get(address)
            if replies:
                self._asked[address] += 1
                return replies[min(self._asked[address], len(replies)) - 1].answer
        raise UnexpectedCall(f"{request.method} {url}")


def shown(request: Request) -> str:
    """The address, secrets in it as a flow writes them: a test knows none."""
    plain = tuple(
        part if isinstance(part, str) else f"{{{{ secret.{part.name} }}}}" for part in request.url
    )
    return filled(plain, str)


def _without_query(method: str, url: str) -> tuple[str, ...]:
    """A test may leave out what stands behind '?'."""
    path, mark, _ = url.partition("?")
    return (f"{method} {path}", path) if mark else ()


def _address(written: str) -> str:
    method, blank, url = written.strip().partition(" ")
    return f"{method.upper()} {url.strip()}" if blank and method.isalpha() else written.strip()
