"""Whether a webhook comes from its platform. What is not signed rightly must change nothing.

Comparing takes the same time wherever two texts differ, so that nobody can try a secret letter by
letter. Without a secret of our own nothing is genuine.
"""

from __future__ import annotations

import hashlib
import hmac

TELEGRAM_HEADER = "X-Telegram-Bot-Api-Secret-Token"
"""https://core.telegram.org/bots/api#setwebhook"""

INSTAGRAM_HEADER = "X-Hub-Signature-256"
"""https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications"""

_METHOD = "sha256="


def is_from_telegram(header: str | None, secret: str) -> bool:
    """header: TELEGRAM_HEADER of the request, None where there is none. secret: what was given to
    setWebhook."""
    if not header or not secret:
        return False
    return hmac.compare_digest(_bytes(header), _bytes(secret))


def is_from_instagram(header: str | None, body: bytes, app_secret: str) -> bool:
    """header: INSTAGRAM_HEADER of the request, None where there is none. body: its bytes as they
    came, before anything has read them."""
    if not header or not app_secret:
        return False
    signed = hmac.new(_bytes(app_secret), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(_bytes(header), _bytes(_METHOD + signed))


def is_instagrams_challenge(mode: str | None, token: str | None, verify_token: str) -> bool:
    """Whether a GET is Instagram making sure that the address is ours: hub.mode and
    hub.verify_token of its query."""
    if mode != "subscribe" or not token or not verify_token:
        return False
    return hmac.compare_digest(_bytes(token), _bytes(verify_token))


def _bytes(text: str) -> bytes:
    # Headers may hold anything, half letters too, which UTF-8 has no bytes for.
    return text.encode("utf-8", errors="surrogatepass")
