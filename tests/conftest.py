"""What every test stands on."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from rapport import redaction
from tests.support import planted

# How long an example takes depends on what else the machine does; the speed that matters is
# measured in benchmarks/. Everything else is as hypothesis has it, where CI is set too.
settings.register_profile(
    "rapport", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("rapport")


@pytest.fixture(autouse=True)
def nobodys_secrets() -> Iterator[None]:
    """What one test told as a secret is an ordinary word in the next."""
    yield
    redaction.forget_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails whose output or logs show one of the secrets that tests plant."""
    report: Any = yield
    leaked = planted.found_in("\n".join(text for _, text in report.sections))
    if leaked and not report.failed:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} ({call.when}) shows a secret: {', '.join(leaked)}"
    return report  # type: ignore[no-any-return]  # what the others made
