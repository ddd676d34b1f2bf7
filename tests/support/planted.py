"""Made-up secrets that tests give to the program, and that nothing it writes may show.

Whatever a test of the suite prints or logs is searched for them (tests/conftest.py), and so is
what its commands and programs write.
"""

from __future__ import annotations

TOKEN = "100200300:AAE-test_token_of_the_test_bot_00000"
"""The token of the test Bot API server, whose bot has this id."""

PASSWORD = "pA55/w@rd é+1"
QUOTED_PASSWORD = "pA55%2Fw%40rd%20%C3%A9%2B1"

SETTINGS = {
    "RAPPORT_REDIS_URL": f"redis://default:{QUOTED_PASSWORD}@127.0.0.1:1/0",
    "RAPPORT_SECRET_KEY": "planted-secret-key-0001",
    "RAPPORT_PUBLIC_URL": "https://me:planted-public-0002@example.org",
    "TELEGRAM_BOT_TOKEN": TOKEN,
    "TELEGRAM_WEBHOOK_SECRET": "planted-webhook-0003",
    "INSTAGRAM_ACCESS_TOKEN": "planted-instagram-0004",
    "INSTAGRAM_APP_SECRET": "planted-app-0005",
    "INSTAGRAM_VERIFY_TOKEN": "planted-verify-0006",
    "INSTAGRAM_API_BASE": "http://me:planted-base-0007@127.0.0.1:1",
}
"""Every setting that can hold a secret, with one in it."""

SECRETS = (
    TOKEN.partition(":")[2],
    PASSWORD,
    QUOTED_PASSWORD,
    "planted-",
)
"""What must be found nowhere."""


def found_in(text: str) -> list[str]:
    """The secrets that a text shows, shortened, for a message that may be shown itself."""
    return [f"{secret[:12]}..." for secret in SECRETS if secret in text]
