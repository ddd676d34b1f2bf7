"""Long texts are cut where a reader would cut them, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channel import Outgoing
from bots.telegram_render import parts, request
from engine.limits import measure
from engine.messages import Button, Media

ROWS = ((Button("Yes", token="t"),),)


def cut(text: str) -> list[str]:
    return [piece.text for piece in parts(Outgoing("7", text))]


def test_what_fits_is_one_message_and_untouched() -> None:
    message = Outgoing("7", " a " + "x" * 4093, ROWS)
    assert list(parts(message)) == [message]


def test_the_buttons_are_under_the_last_piece() -> None:
    pieces = parts(Outgoing("7", "word " * 2000, ROWS))
    assert [piece.buttons for piece in pieces] == [(), (), ROWS]


@pytest.mark.parametrize(
    ("place", "left", "right"),
    [
        ("\n\n", "a line\nof a paragraph. ", "the next"),
        ("\n", "some words. ", "the next"),
        (". ", "some words ", "The next"),
        ("؟ ", "چند کلمه ", "بعدی"),
        (" ", "word", "next"),
    ],
)
def test_the_best_place_in_the_second_half_is_taken(place: str, left: str, right: str) -> None:
    head = "x" * 3000 + left
    first, rest = cut(head + place + right + "y" * 3000)
    assert first == (head + place).rstrip()
    assert rest == right + "y" * 3000


def test_a_text_without_any_place_is_cut_at_the_limit() -> None:
    assert [len(piece) for piece in cut("x" * 9000)] == [4096, 4096, 808]


def test_an_emoji_is_two_units_and_never_torn() -> None:
    assert [len(piece) for piece in cut("x" + "😀" * 4096)] == [2048, 2048, 1]


def test_a_joined_emoji_is_not_torn() -> None:
    family = "👨‍👩‍👧"
    pieces = cut(family * 600)
    assert all(piece.startswith("👨") and piece.endswith("👧") for piece in pieces)


@given(st.text(st.sampled_from("ab .\n😀\u200d\u0301ی؟"), min_size=1).map(lambda part: part * 900))
def test_pieces_fit_and_lose_nothing_but_the_blanks_between_them(text: str) -> None:
    pieces = cut(text)
    assert all(measure(piece, "utf16") <= 4096 for piece in pieces)
    if len(pieces) > 1:
        assert all(pieces)
        assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_caption_that_does_not_fit_follows_its_photo() -> None:
    photo = Media("photo", "https://example.com/a.png")
    first, second = parts(Outgoing("7", "x" * 1025, ROWS, photo))
    assert first == Outgoing("7", "", media=photo)
    assert second == Outgoing("7", "x" * 1025, ROWS)


def test_a_caption_that_fits_stays_with_its_photo() -> None:
    message = Outgoing("7", "x" * 1024, ROWS, Media("photo", "https://example.com/a.png"))
    assert list(parts(message)) == [message]


def test_a_location_has_no_caption() -> None:
    place = Media("location", "35.7,51.4")
    assert [piece.media for piece in parts(Outgoing("7", "our shop", media=place))] == [place, None]


def test_a_text_is_sent_without_markup() -> None:
    link = Button("Site", url="https://example.com")
    message = Outgoing("7", "<b>hi</b>", (*ROWS, (link,)))
    assert request(message) == (
        "sendMessage",
        {
            "chat_id": "7",
            "text": "<b>hi</b>",
            "reply_markup": {
                "inline_keyboard": [
                    [{"text": "Yes", "callback_data": "t"}],
                    [{"text": "Site", "url": "https://example.com"}],
                ]
            },
        },
    )
