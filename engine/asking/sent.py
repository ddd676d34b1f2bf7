"""What a reply without words is worth: a place, a file, a card. All of them are kept as texts."""

from __future__ import annotations

from engine.messages import Message

_FILES = {
    "photo": frozenset({"photo"}),
    "document": frozenset({"document"}),
    "voice": frozenset({"voice", "audio"}),
    "any": frozenset(
        {"photo", "document", "voice", "audio", "video", "sticker", "animation", "video_note"}
    ),
}
"""What `expect:` takes, to the kinds of messages that are it."""


WANTED = {
    "contact": "contact_wanted",
    "location": "location_wanted",
    "photo": "photo_wanted",
    "document": "document_wanted",
    "voice": "voice_wanted",
}
"""What a person is told who sends something else."""


def sent_value(message: Message, takes: str) -> str | None:
    """The text that stands for what was sent; None where it is not what the question takes.

    A place is "LAT,LON", as `say` sends it; a file its id on the channel, with which it can be
    sent again; a contact card (for `any`) its number. A picture that was sent as a file is a photo.
    """
    media = message.media
    if message.kind == "location" and takes in ("location", "any") and media:
        return f"{_degrees(media['latitude'])},{_degrees(media['longitude'])}"
    if message.kind == "contact" and takes == "any":
        return str(media.get("phone_number") or "") or None
    is_picture = str(media.get("mime_type") or "").startswith("image/")
    kind = "photo" if takes == "photo" and is_picture else message.kind
    if kind in _FILES.get(takes, ()):
        return str(media.get("file_id") or "") or None
    return None


def _degrees(value: float) -> str:
    """Six decimal places, which are centimetres, without trailing zeros."""
    rounded = round(value, 6) or 0.0  # never -0
    return f"{rounded:.6f}".rstrip("0").rstrip(".")
