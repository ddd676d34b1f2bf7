"""Messages as Instagram shows them: nothing is cut off, and every answer can be given."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channel import Outgoing, Rejected
from bots.instagram_render import parts, request
from engine.limits import measure
from engine.messages import Button, Media, Rows

SARA = "7"
SITE = Button("Our site", url="https://example.com")


def shown(text: str, *rows: Rows, media: Media | None = None) -> list[dict[str, Any]]:
    """The `message` of each request."""
    buttons: Rows = tuple(row for given in rows for row in given)
    return [request(one)["message"] for one in parts(Outgoing(SARA, text, buttons, media))]


def choices(*labels: str) -> Rows:
    return tuple((Button(label, f"t{n}"),) for n, label in enumerate(labels))


def test_a_text_goes_to_its_person_as_an_answer() -> None:
    assert request(Outgoing(SARA, "<b>hi</b>")) == {
        "recipient": {"id": "7"},
        "messaging_type": "RESPONSE",
        "message": {"text": "<b>hi</b>"},
    }


def test_a_comment_is_answered_privately() -> None:
    assert request(Outgoing("comment:c1", "hi"))["recipient"] == {"comment_id": "c1"}


def test_buttons_are_quick_replies() -> None:
    assert shown("Right?", choices("Yes", "No")) == [
        {
            "text": "Right?",
            "quick_replies": [
                {"content_type": "text", "title": "Yes", "payload": "t0"},
                {"content_type": "text", "title": "No", "payload": "t1"},
            ],
        }
    ]


@pytest.mark.parametrize(
    "labels",
    [[f"Option {n}" for n in range(1, 15)], ["Yes", "x" * 21]],
    ids=["fourteen", "a long label"],
)
def test_what_quick_replies_cannot_show_is_a_list_with_numbers(labels: list[str]) -> None:
    lines = "\n".join(f"{n}. {label}" for n, label in enumerate(labels, 1))
    assert shown("Which?", choices(*labels)) == [{"text": f"Which?\n\n{lines}"}]


def test_thirteen_of_twenty_characters_are_quick_replies() -> None:
    (message,) = shown("Which?", choices(*["ب" * 20] * 13))
    assert len(message["quick_replies"]) == 13


def test_links_are_buttons_of_a_template() -> None:
    (message,) = shown("See", ((SITE,),))
    (element,) = message["attachment"]["payload"]["elements"]
    assert element == {
        "title": "See",
        "buttons": [{"type": "web_url", "title": "Our site", "url": "https://example.com"}],
    }


@pytest.mark.parametrize(
    ("text", "rows"),
    [("x" * 81, ((SITE,),)), ("See", ((SITE,),) * 4), ("See", ((Button("x" * 21, url="u"),),))],
    ids=["long", "many", "label"],
)
def test_links_that_fit_no_template_are_lines(text: str, rows: Rows) -> None:
    (message,) = shown(text, rows)
    assert message["text"].startswith(f"{text}\n\n")
    assert message["text"].count(": ") == len(rows)


def test_links_beside_answers_are_lines_above_the_quick_replies() -> None:
    (message,) = shown("See", ((SITE,),), choices("Yes"))
    assert message["text"] == "See\n\nOur site: https://example.com"
    assert [one["title"] for one in message["quick_replies"]] == ["Yes"]


@pytest.mark.parametrize(
    ("kind", "type_"),
    [("photo", "image"), ("video", "video"), ("document", "file"), ("voice", "audio")],
)
def test_a_file_goes_before_its_text(kind: str, type_: str) -> None:
    media = Media(kind, "https://example.com/a")
    file, text = shown("look", choices("Yes"), media=media)
    assert file["attachment"] == {"type": type_, "payload": {"url": "https://example.com/a"}}
    assert (text["text"], len(text["quick_replies"])) == ("look", 1)
    assert len(shown("", media=media)) == 1


def test_a_place_is_a_link_to_the_map() -> None:
    link = "https://www.google.com/maps/search/?api=1&query=35.7,51.4"
    assert shown("Here", media=Media("location", "35.7, 51.4")) == [{"text": f"Here\n{link}"}]


@pytest.mark.parametrize(
    "media",
    [Media("location", "north"), Media("sticker", "https://e.com/s"), Media("photo", "/etc/x")],
)
def test_what_instagram_cannot_show_is_rejected_when_it_is_sent(media: Media) -> None:
    (piece,) = parts(Outgoing(SARA, "", media=media))
    with pytest.raises(Rejected):
        request(piece)


@pytest.mark.parametrize("token", ["", "x" * 1001])
def test_a_button_without_a_token_that_fits_is_rejected(token: str) -> None:
    with pytest.raises(Rejected):
        shown("Right?", ((Button("Yes", token),),))


def test_a_persian_text_is_measured_in_bytes() -> None:
    assert len(shown("س" * 500)) == 1
    assert [len(one["text"]) for one in shown("س" * 501)] == [500, 1]


def test_the_buttons_are_under_the_last_piece() -> None:
    pieces = shown("word " * 500, choices("Yes"))
    assert ["quick_replies" in one for one in pieces] == [False] * (len(pieces) - 1) + [True]


@given(
    st.text(st.sampled_from("ab .\n😀\u200d\u0301ی؟"), min_size=1).map(lambda part: part * 300),
    st.integers(0, 20),
)
def test_pieces_fit_and_lose_nothing_but_blanks(text: str, count: int) -> None:
    labels = [f"Option {n}" for n in range(count)]
    pieces = parts(Outgoing(SARA, text, choices(*labels)))
    assert all(measure(piece.text, "bytes") <= 1000 for piece in pieces)
    said = "".join("".join(piece.text for piece in pieces).split())
    assert said.startswith("".join(text.split()))
    if not pieces[-1].buttons:
        assert all(label.replace(" ", "") in said for label in labels)
