"""Instagram's events as they are documented, and as nobody should send them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channel import Inbound, Undecodable
from bots.instagram_decode import decode, message_key
from bots.instagram_webhook import InstagramWebhook
from tests.support.graphapi import ACCOUNT, APP_SECRET, VERIFY_TOKEN
from tests.support.graphapi.server import signed

SARA = "7000000000000001"
WEBHOOK = InstagramWebhook(ACCOUNT, APP_SECRET, VERIFY_TOKEN)


def brought(*events: Any, field: str = "messaging", account: str = ACCOUNT) -> list[Inbound]:
    """The events of one batch, through the webhook and decode."""
    entry = {"id": account, "time": 1_790_000_000, field: list(events)}
    body, _ = signed({"object": "instagram", "entry": [entry]})
    return [decode(raw, ACCOUNT) for raw in WEBHOOK.updates(body)]


def from_sara(what: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "sender": {"id": SARA},
        "recipient": {"id": ACCOUNT},
        "timestamp": 1_790_000_000_123,
        **what,
        **more,
    }


def one(what: dict[str, Any], **more: Any) -> Inbound:
    (found,) = brought(from_sara(what, **more))
    return found


def message(**content: Any) -> Inbound:
    return one({"message": {"mid": "m1", **content}})


def test_a_text_is_from_its_writer_and_has_its_moment() -> None:
    said = message(text="سلام / hi")
    assert (said.kind, said.peer, said.sender, said.private) == ("text", SARA, SARA, True)
    assert said.payload == {"text": "سلام / hi", "message_id": "m1"}
    assert said.dedup_key == f"ig:{ACCOUNT}:m1"
    assert said.provider_seq == 1_790_000_000_123
    assert said.sent_at is not None
    assert said.sent_at.timestamp() == 1_790_000_000


def test_a_command_is_a_command_here_too() -> None:
    said = message(text="/Stop now")
    assert (said.kind, said.payload["command"], said.payload["argument"]) == (
        "command", "stop", "now",
    )  # fmt: skip


def test_a_tapped_quick_reply_is_a_press() -> None:
    said = message(text="Yes", quick_reply={"payload": "w1.0"})
    assert (said.kind, said.payload["token"], said.payload["text"]) == ("press", "w1.0", "Yes")


def test_a_postback_is_a_press_with_or_without_an_id() -> None:
    said = one({"postback": {"title": "Prices", "payload": "f:prices", "mid": "m9"}})
    assert (said.kind, said.payload["token"]) == ("press", "f:prices")
    assert said.dedup_key == f"ig:{ACCOUNT}:m9"
    bare = {"postback": {"title": "Prices", "payload": "f:prices"}}
    assert one(bare).dedup_key == one(bare).dedup_key
    assert one(bare).dedup_key != one(bare, timestamp=1_790_000_000_124).dedup_key


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"referral": {"ref": "spring", "source": "SHORTLINK"}}, "/start spring"),
        ({"postback": {"title": "Go", "payload": "x", "referral": {"ref": "spring"}}}, "Go"),
        ({"message": {"mid": "m", "text": "Hi", "referral": {"ref": "spring"}}}, "Hi"),
    ],
    ids=["link", "postback", "ad"],
)
def test_a_reference_is_the_argument_of_start(event: dict[str, Any], text: str) -> None:
    said = one(event)
    assert said.kind == "command"
    assert said.payload.items() >= {
        "command": "start", "argument": "spring", "text": text,
    }.items()  # fmt: skip


def test_an_ad_without_a_reference_takes_no_words_away() -> None:
    said = message(text="Hi", referral={"ad_id": "6", "source": "ADS", "type": "OPEN_THREAD"})
    assert (said.kind, said.payload["text"]) == ("text", "Hi")
    assert one({"referral": {"source": "ADS"}}).kind == "other"


def test_an_answer_to_a_story_is_a_text_that_names_it() -> None:
    story = {"id": "s1", "url": "https://cdn.example.com/s"}
    said = message(text="Price?", reply_to={"story": story})
    assert (said.kind, said.payload["story"]) == ("text", story)
    assert message(text="Yes", reply_to={"mid": "m0"}).payload["reply_to"] == "m0"


def test_a_mention_in_a_story_is_one() -> None:
    link = {"url": "https://cdn.example.com/s"}
    said = message(attachments=[{"type": "story_mention", "payload": link}])
    assert (said.kind, said.payload["media"]["url"]) == ("story_mention", link["url"])


@pytest.mark.parametrize(
    ("what", "kind"),
    [("image", "photo"), ("video", "video"), ("audio", "voice"), ("file", "document"),
     ("ig_reel", "video"), ("ig_post", "other"), ("share", "other"), ("hologram", "other")],
)  # fmt: skip
def test_a_file_has_its_kind_and_address(what: str, kind: str) -> None:
    link = {"url": "https://cdn.example.com/1"}
    said = message(attachments=[{"type": what, "payload": link}])
    assert (said.kind, said.payload["media"]["url"]) == (kind, link["url"])


def test_several_files_of_one_message_are_an_album() -> None:
    files = [
        {"type": "image", "payload": {"url": f"https://cdn.example.com/{n}"}} for n in (1, 2, 3)
    ]
    found = brought(from_sara({"message": {"mid": "m1", "text": "look", "attachments": files}}))
    assert [one.payload["album"] for one in found] == ["m1"] * 3
    assert [one.payload["text"] for one in found] == ["look", "", ""]
    assert [one.payload["media"]["url"][-1] for one in found] == ["1", "2", "3"]
    assert len({one.dedup_key for one in found}) == 3


def test_what_the_business_says_is_an_echo_to_whom_it_is_said() -> None:
    (said,) = brought(
        {
            "sender": {"id": ACCOUNT},
            "recipient": {"id": SARA},
            "timestamp": 1_790_000_000_123,
            "message": {"mid": "m5", "text": "I am here now", "is_echo": True},
        }
    )
    assert (said.kind, said.peer, said.sender) == ("echo", SARA, ACCOUNT)
    assert said.payload == {"text": "I am here now", "message_id": "m5", "content": "text"}


def test_what_was_taken_back_names_its_message_and_is_no_copy_of_it() -> None:
    said = message(is_deleted=True)
    assert (said.kind, said.payload) == ("deleted", {"message_id": "m1"})
    assert said.dedup_key != message(text="hi").dedup_key


def test_what_instagram_cannot_show_is_other() -> None:
    assert message(is_unsupported=True).payload["what"] == "unsupported"
    assert message().kind == "other"


def test_reactions_and_reads_name_their_message() -> None:
    given = one({"reaction": {"mid": "m3", "action": "react", "reaction": "love", "emoji": "❤"}})
    taken = one({"reaction": {"mid": "m3", "action": "unreact", "reaction": "love"}})
    assert (given.kind, given.payload) == ("reaction", {"message_id": "m3", "emoji": ["❤"]})
    assert taken.payload["emoji"] == []
    assert given.dedup_key != taken.dedup_key
    assert one({"read": {"mid": "m3"}}).payload == {"message_id": "m3"}


def test_a_comment_is_answered_under_its_own_id() -> None:
    value = {"id": "c1", "text": "price?", "from": {"id": SARA, "username": "sara"},
             "media": {"id": "p1"}, "parent_id": "c0"}  # fmt: skip
    (said,) = brought({"field": "comments", "value": value}, field="changes")
    assert (said.kind, said.peer, said.sender, said.private) == (
        "comment", "comment:c1", SARA, False,
    )  # fmt: skip
    assert said.payload["profile"] == {"username": "sara"}
    assert said.payload["parent_id"] == "c0"
    (own,) = brought(
        {"field": "comments", "value": {**value, "from": {"id": ACCOUNT}}}, field="changes"
    )
    assert own.sender == ""


def test_a_batch_of_a_thousand_is_taken_apart() -> None:
    found = brought(*[from_sara({"message": {"mid": f"m{n}", "text": "x"}}) for n in range(1000)])
    assert len({one.dedup_key for one in found}) == 1000


def test_what_is_about_another_account_or_object_is_left_out() -> None:
    assert brought(from_sara({"message": {"mid": "m", "text": "x"}}), account="0") == []
    assert list(WEBHOOK.updates(b'{"object":"page","entry":[]}')) == []
    assert list(WEBHOOK.updates(b'{"object":"instagram"}')) == []
    assert list(WEBHOOK.updates(b"[]")) == []


def test_test_events_of_the_dashboard_have_their_time_as_a_text() -> None:
    assert one({"message": {"mid": "m", "text": "x"}}, timestamp="1790000000123").provider_seq == (
        1_790_000_000_123
    )
    assert one({"message": {"mid": "m", "text": "x"}}, timestamp="soon").provider_seq is None


def test_what_the_platform_adds_tomorrow_is_other() -> None:
    assert one({"telepathy": {"a": 1}}).payload == {"what": "telepathy"}
    (standby,) = brought(from_sara({"message": {"mid": "m"}}), field="standby")
    assert (standby.kind, standby.payload) == ("other", {"what": "standby"})
    (change,) = brought({"field": "story_insights", "value": 1}, field="changes")
    assert change.payload == {"what": "story_insights"}


@pytest.mark.parametrize(
    "event",
    [
        5,
        {"message": {"mid": "m"}},
        from_sara({"message": {"text": "no id"}}),
        from_sara({"message": {"mid": "m", "text": 5}}),
        from_sara({"message": {"mid": "m", "attachments": [{"payload": {}}]}}),
        from_sara({"message": "hi"}),
        from_sara({"reaction": {"action": "react"}}),
        from_sara({"message": {"mid": "m", "text": "x"}}, sender={"id": 7}),
    ],
)
def test_what_breaks_the_format_is_undecodable_under_a_key_of_its_own(event: Any) -> None:
    with pytest.raises(Undecodable) as caught:
        brought(event)
    assert caught.value.dedup_key.startswith(f"ig:{ACCOUNT}:sha256:")


def test_a_long_id_is_kept_as_its_digest() -> None:
    long = "aWdfZAG1f" * 25
    said = one({"message": {"mid": long, "text": "x"}})
    assert said.payload["message_id"] == message_key(long)
    assert len(said.dedup_key) < 200
    assert len(message_key(long)) < 100


def test_what_no_database_stores_is_replaced() -> None:
    assert message(text="a\0b\ud800c").payload["text"] == "a\ufffdb\ufffdc"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["sender", "recipient", "id", "message", "mid", "text", "attachments", "payload",
                 "type", "postback", "reaction", "read", "referral", "ref", "value", "field"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(_JSON, max_size=3), st.sampled_from(["messaging", "changes", "standby"]))
def test_no_event_brings_anything_but_an_update_or_undecodable(events: list[Any], to: str) -> None:
    body = json.dumps({"object": "instagram", "entry": [{"id": ACCOUNT, to: events}]}).encode()
    for raw in WEBHOOK.updates(body):
        try:
            found = decode(raw, ACCOUNT)
        except Undecodable:
            continue
        assert json.dumps(found.payload)
        assert len(found.dedup_key) <= 200


def test_the_webhook_knows_the_platform_by_its_signature_over_the_bytes() -> None:
    body, signature = signed({"object": "instagram", "entry": [], "who": "سارا/"})
    headers = {"x-hub-signature-256": signature}
    assert WEBHOOK.may_be_genuine(headers)
    assert WEBHOOK.is_genuine(headers, body)
    assert not WEBHOOK.is_genuine(headers, json.dumps(json.loads(body)).encode())
    assert not WEBHOOK.may_be_genuine({})
    assert not WEBHOOK.is_genuine({}, body)


def test_the_challenge_comes_back_bare_to_who_knows_the_token() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158"}
    assert WEBHOOK.challenge(query) == "1158"
    assert WEBHOOK.challenge({**query, "hub.verify_token": "guess"}) is None
    assert WEBHOOK.challenge({}) is None
