"""What the tests of channels share."""

import functools
import ssl
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_tls_context() -> Iterator[None]:
    """aiogram reads all root certificates for every session, also for HTTP: do it once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield
