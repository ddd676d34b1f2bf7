"""Every kind of update becomes an Inbound that the runtime can store, or says why it cannot."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channel import Inbound, Undecodable
from bots.telegram_decode import ALLOWED_UPDATES, decode

PRIVATE = {"id": 7, "type": "private", "first_name": "Sara"}
GROUP = {"id": -100200, "type": "supergroup", "title": "Shop talk"}
SARA = {
    "id": 7,
    "is_bot": False,
    "first_name": "Sara",
    "username": "sara_k",
    "language_code": "fa",
}
PROFILE = {"first_name": "Sara", "username": "sara_k", "language": "fa"}


def message(content: dict[str, Any], kind: str = "message", **envelope: Any) -> dict[str, Any]:
    body = {"message_id": 5, "from": SARA, "chat": PRIVATE, "date": 1_790_000_000}
    return {"update_id": 31, kind: {**body, **envelope, **content}}


def read(raw: object, username: str = "shop_bot") -> Inbound:
    return decode(raw, "99", username)


def test_a_text_is_decoded_with_all_that_telegram_tells_of_its_sender() -> None:
    assert read(message({"text": "banana"})) == Inbound(
        dedup_key="tg:99:31",
        provider_seq=31,
        kind="text",
        peer="7",
        sender="7",
        private=True,
        payload={"text": "banana", "message_id": "5", "profile": PROFILE},
        sent_at=datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/start", "start", ""),
        ("/start spring_24", "start", "spring_24"),
        ("/Start@Shop_Bot  spring_24 ", "start", "spring_24"),
        ("/note first line\nsecond", "note", "first line\nsecond"),
    ],
)
def test_a_command_brings_its_name_and_its_argument(text: str, command: str, argument: str) -> None:
    inbound = read(message({"text": text}))
    assert inbound.kind == "command"
    assert (inbound.payload["command"], inbound.payload["argument"]) == (command, argument)
    assert inbound.payload["text"] == text


@pytest.mark.parametrize("text", ["/", "/سلام", "/1/2", "a /start", " /start", "/a-b"])
def test_what_only_looks_like_a_command_is_a_text(text: str) -> None:
    assert read(message({"text": text})).kind == "text"


def test_a_command_for_another_bot_is_not_ours() -> None:
    raw = message({"text": "/start@other_bot"}, chat=GROUP)
    assert read(raw).kind == "other"
    assert read(raw, username="").kind == "command"


@pytest.mark.parametrize("text", ["\u200b\u200c\u200d", "😀" * 4096, "\t\x07\x1b[31m"])
def test_strange_texts_arrive_as_they_are(text: str) -> None:
    assert read(message({"text": text})).payload["text"] == text


def test_what_no_database_can_store_is_replaced() -> None:
    raw = json.loads(json.dumps(message({"text": "a\x00b\ud800c"})))
    assert read(raw).payload["text"] == "a\ufffdb\ufffdc"


def test_a_press_brings_its_token_and_where_the_button_was() -> None:
    raw = {
        "update_id": 31,
        "callback_query": {
            "id": "4382",
            "from": SARA,
            "message": {"message_id": 9, "chat": PRIVATE, "date": 0},
            "chat_instance": "1",
            "data": "t0ken",
        },
    }
    inbound = read(raw)
    assert (inbound.kind, inbound.peer, inbound.sent_at) == ("press", "7", None)
    assert inbound.payload == {
        "token": "t0ken",
        "callback_id": "4382",
        "message_id": "9",
        "profile": PROFILE,
    }


def test_a_press_without_a_chat_can_still_be_acknowledged() -> None:
    raw = {"update_id": 31, "callback_query": {"id": "4382", "from": SARA, "data": "x"}}
    inbound = read(raw)
    assert (inbound.kind, inbound.peer) == ("other", "")
    assert inbound.payload["callback_id"] == "4382"


def test_an_edited_message_says_what_it_is_now_and_when() -> None:
    raw = message({"text": "1990-05-15"}, kind="edited_message", edit_date=1_790_000_060)
    inbound = read(raw)
    assert inbound.kind == "edited"
    assert inbound.payload["content"] == "text"
    assert inbound.payload["text"] == "1990-05-15"
    assert inbound.sent_at == datetime(2026, 9, 21, 14, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("sticker", {"file_id": "F", "emoji": "👍", "width": 512, "height": 512}),
        ("voice", {"file_id": "F", "duration": 3, "mime_type": "audio/ogg"}),
        ("audio", {"file_id": "F", "duration": 3}),
        ("video", {"file_id": "F", "duration": 3, "width": 1, "height": 1}),
        ("video_note", {"file_id": "F", "duration": 3}),
        ("document", {"file_id": "F", "file_name": "a.pdf", "file_size": 2**32}),
    ],
)
def test_files_keep_what_is_needed_to_fetch_them(kind: str, file: dict[str, Any]) -> None:
    inbound = read(message({kind: {**file, "thumbnail": {"file_id": "small"}}}))
    assert inbound.kind == kind
    assert inbound.payload["media"] == {"kind": kind, **file}


def test_a_photo_of_an_album_is_its_largest_size_with_caption_and_album() -> None:
    sizes = [{"file_id": "small"}, {"file_id": "large"}]
    raw = message({"photo": sizes, "caption": "our cat"}, media_group_id="1314")
    inbound = read(raw)
    assert inbound.payload["media"] == {"kind": "photo", "file_id": "large"}
    assert (inbound.payload["text"], inbound.payload["album"]) == ("our cat", "1314")


def test_an_animation_is_not_taken_for_the_document_that_comes_with_it() -> None:
    raw = message({"document": {"file_id": "D"}, "animation": {"file_id": "A"}})
    assert read(raw).payload["media"] == {"kind": "animation", "file_id": "A"}


@pytest.mark.parametrize(("user_id", "own"), [(7, True), (8, False), (None, False)])
def test_a_contact_says_whether_it_is_the_senders_own(user_id: int | None, own: bool) -> None:
    card: dict[str, Any] = {"phone_number": "+989121234567", "first_name": "Sara"}
    if user_id is not None:
        card["user_id"] = user_id
    assert read(message({"contact": card})).payload["contact"] == {
        "phone_number": "+989121234567",
        "first_name": "Sara",
        "own": own,
    }


def test_a_location_is_two_numbers() -> None:
    raw = message({"location": {"latitude": 35, "longitude": 51.5, "heading": 3}})
    assert read(raw).payload["location"] == {"latitude": 35.0, "longitude": 51.5}


def test_a_channel_post_has_no_sender() -> None:
    chat = {"id": -1001, "type": "channel", "title": "News"}
    body = {"message_id": 5, "chat": chat, "date": 1_790_000_000, "text": "Sale!"}
    inbound = read({"update_id": 31, "channel_post": body})
    assert (inbound.kind, inbound.sender, inbound.private) == ("post", "", False)
    assert inbound.payload["content"] == "text"


def test_group_chatter_is_not_private() -> None:
    inbound = read(message({"text": "hello all"}, chat=GROUP))
    assert (inbound.kind, inbound.peer, inbound.private) == ("text", "-100200", False)


def test_an_answer_names_the_message_it_answers() -> None:
    raw = message({"text": "yes"}, reply_to_message={"message_id": 4, "chat": PRIVATE})
    assert read(raw).payload["reply_to"] == "4"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("kicked", "blocked"), ("left", "blocked"), ("member", "unblocked")],
)
def test_blocking_and_unblocking_the_bot_is_told(status: str, kind: str) -> None:
    body = {"chat": PRIVATE, "from": SARA, "date": 1, "new_chat_member": {"status": status}}
    inbound = read({"update_id": 31, "my_chat_member": body})
    assert (inbound.kind, inbound.peer) == (kind, "7")


def test_a_reaction_lists_its_emoji() -> None:
    given_now = [{"type": "emoji", "emoji": "👍"}, {"type": "custom_emoji", "custom_emoji_id": "1"}]
    body = {"chat": PRIVATE, "message_id": 4, "user": SARA, "date": 1, "new_reaction": given_now}
    inbound = read({"update_id": 31, "message_reaction": body})
    assert inbound.kind == "reaction"
    assert (inbound.payload["message_id"], inbound.payload["emoji"]) == ("4", ["👍"])


def test_a_service_message_says_what_it_is_about() -> None:
    inbound = read(message({"pinned_message": {"message_id": 1}}))
    assert (inbound.kind, inbound.payload["what"]) == ("other", "pinned_message")


def test_an_update_of_an_unknown_kind_is_other() -> None:
    inbound = read({"update_id": 31, "telepathy": {"thought": "shoes"}})
    assert (inbound.kind, inbound.peer, inbound.payload) == ("other", "", {"what": "telepathy"})


def test_fields_that_nobody_knows_yet_disturb_nothing() -> None:
    raw = message({"text": "hi", "aura": {"colour": 3}}, chat={**PRIVATE, "mood": []})
    assert read({"version": 2, **raw}).kind == "text"


@pytest.mark.parametrize(
    "raw",
    [
        message({"text": 5}),
        message({"text": "hi"}, chat=None),
        message({"text": "hi"}, chat={"type": "private"}),
        message({"text": "hi"}, message_id="5"),
        message({"text": "hi", "from": {"id": True}}),
        message({"photo": []}),
        message({"voice": {"duration": 3}}),
        message({"location": {"latitude": float("nan"), "longitude": 0}}),
        message({"location": {"latitude": 10**400, "longitude": 0}}),
        {"update_id": 31, "message": "hi"},
        {"update_id": 31, "my_chat_member": {"chat": PRIVATE}},
        {"update_id": 31, "message_reaction": {"chat": PRIVATE, "message_id": 1}},
    ],
)
def test_a_malformed_update_is_undecodable_under_its_own_key(raw: object) -> None:
    with pytest.raises(Undecodable) as caught:
        read(raw)
    assert caught.value.dedup_key == "tg:99:31"


@pytest.mark.parametrize("raw", [None, [], "hi", {}, {"update_id": "31"}, {"update_id": 2**63}])
def test_without_an_id_the_same_content_has_the_same_key(raw: object) -> None:
    keys = set()
    for _ in range(2):
        with pytest.raises(Undecodable) as caught:
            read(raw)
        keys.add(caught.value.dedup_key)
    assert len(keys) == 1
    assert keys.pop().startswith("tg:99:sha256:")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    [
        "message_id",
        "from",
        "chat",
        "date",
        "text",
        "id",
        "type",
        "photo",
        "voice",
        "contact",
        "location",
        "caption",
        "data",
        "message",
        "reply_to_message",
        "media_group_id",
        "new_chat_member",
        "status",
        "new_reaction",
        "user",
        "emoji",
        "file_id",
        "file_size",
        "phone_number",
        "user_id",
        "latitude",
        "longitude",
    ]
)
BODY = st.recursive(
    JSON | st.sampled_from([5, "private", "/start", 1_790_000_000]),
    lambda inner: st.dictionaries(NAMES, inner, max_size=6) | st.lists(inner, max_size=2),
    max_leaves=20,
)
UPDATE = st.fixed_dictionaries(
    {"update_id": st.integers(0, 2**40)},
    optional=dict.fromkeys((*ALLOWED_UPDATES, "poll"), BODY),
)


@given(JSON | UPDATE)
def test_any_json_decodes_to_something_storable_or_is_undecodable(raw: object) -> None:
    try:
        inbound = read(raw)
    except Undecodable:
        return
    written = json.dumps(inbound.payload, ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in written
    written.encode("utf-8")
