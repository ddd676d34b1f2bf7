"""The methods of the Bot API that a bot like ours calls, and what each does."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.botapi import params
from tests.support.botapi.content import (
    CAPTION_MOST,
    TEXT_MOST,
    check_entities,
    check_markup,
    parsed,
)
from tests.support.botapi.errors import ApiError, bad_request
from tests.support.botapi.params import Reader
from tests.support.botapi.state import BOT, Chat, State

Given = dict[str, Any]
_CALLBACK_TEXT_MOST = 200
_POLL_MOST = 50


@dataclass(frozen=True, slots=True)
class Method:
    """`readers` names every parameter; `does` gets those that were given."""

    readers: Mapping[str, Reader]
    does: Callable[[State, Given], Awaitable[Any]]


def _needed(given: Given, name: str) -> Any:
    if name not in given:
        raise bad_request(f"parameter {name} is required")
    return given[name]


async def _get_me(state: State, given: Given) -> Any:
    return BOT


async def _get_updates(state: State, given: Given) -> Any:
    if state.webhook:
        reason = "Conflict: can't use getUpdates method while webhook is active"
        raise ApiError(409, f"{reason}; use deleteWebhook to delete the webhook first")
    if "allowed_updates" in given:
        state.updates.allowed = given["allowed_updates"]
    waits = min(given.get("timeout", 0), _POLL_MOST)
    return await state.updates.get(given.get("offset", 0), given.get("limit", 100), waits)


async def _set_webhook(state: State, given: Given) -> Any:
    state.webhook = _needed(given, "url")
    state.webhook_secret = given.get("secret_token", "")
    state.updates.allowed = given.get("allowed_updates", state.updates.allowed)
    return True


async def _delete_webhook(state: State, given: Given) -> Any:
    state.webhook = ""
    if given.get("drop_pending_updates"):
        state.updates.pending.clear()
    return True


async def _webhook_info(state: State, given: Given) -> Any:
    return {
        "url": state.webhook,
        "has_custom_certificate": False,
        "pending_update_count": len(state.updates.pending),
    }


async def _set_commands(state: State, given: Given) -> Any:
    commands = _needed(given, "commands")
    if len(commands) > 100:
        raise bad_request("too much commands specified")
    for one in commands:
        if not re.fullmatch("[a-z0-9_]{1,32}", one["command"]):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(one["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    state.commands[given.get("language_code", "")] = commands
    return True


def _markup(given: Given) -> Given:
    if "reply_markup" not in given:
        return {}
    check_markup(given["reply_markup"])
    return {"reply_markup": given["reply_markup"]}


def _text(given: Given) -> str:
    text = parsed(_needed(given, "text"), given.get("parse_mode"), TEXT_MOST, "message")
    if not text:
        raise bad_request("message text is empty")
    check_entities(given.get("entities", []), text)
    return text


async def _send_message(state: State, given: Given) -> Any:
    chat = state.chat(_needed(given, "chat_id"))
    return state.deliver(chat, {"text": _text(given), **_markup(given)})


def _sends_file(kind: str) -> Callable[[State, Given], Awaitable[Any]]:
    async def send(state: State, given: Given) -> Any:
        chat = state.chat(_needed(given, "chat_id"))
        source = _needed(given, kind)
        if not source or source.startswith("/"):
            raise bad_request("wrong remote file identifier specified: Wrong string length")
        caption = given.get("caption", "")
        shown = parsed(caption, given.get("parse_mode"), CAPTION_MOST, "message caption")
        file = {"file_id": source, "file_unique_id": source}
        content = {kind: [file] if kind == "photo" else file, **_markup(given)}
        return state.deliver(chat, {**content, "caption": shown} if shown else content)

    return send


async def _send_location(state: State, given: Given) -> Any:
    chat = state.chat(_needed(given, "chat_id"))
    place = {name: _needed(given, name) for name in ("latitude", "longitude")}
    return state.deliver(chat, {"location": place, **_markup(given)})


async def _chat_action(state: State, given: Given) -> Any:
    state.chat(_needed(given, "chat_id"))
    _needed(given, "action")
    return True


async def _answer_callback(state: State, given: Given) -> Any:
    if len(given.get("text", "")) > _CALLBACK_TEXT_MOST:
        raise bad_request("MESSAGE_TOO_LONG")
    if state.presses.pop(_needed(given, "callback_query_id"), None) is None:
        expired = "query is too old and response timeout expired or query ID is invalid"
        raise bad_request(expired)
    state.answered.append(given)
    return True


def _own_message(chat: Chat, message_id: int) -> dict[str, Any]:
    for message in chat.sent:
        if message["message_id"] == message_id:
            return message
    raise bad_request("message to edit not found")


async def _edit_text(state: State, given: Given) -> Any:
    message = _own_message(state.chat(_needed(given, "chat_id")), _needed(given, "message_id"))
    return _edited(message, {"text": _text(given), **_markup(given)})


async def _edit_markup(state: State, given: Given) -> Any:
    message = _own_message(state.chat(_needed(given, "chat_id")), _needed(given, "message_id"))
    return _edited(message, {"text": message.get("text"), **_markup(given)})


def _edited(message: dict[str, Any], content: dict[str, Any]) -> Any:
    if all(message.get(key) == content.get(key) for key in ("text", "reply_markup")):
        raise bad_request("message is not modified")
    message.pop("reply_markup", None)
    message.update(content)
    return message


_ADDRESSED: Mapping[str, Reader] = {
    "chat_id": params.integer,
    "disable_notification": params.flag,
    "protect_content": params.flag,
    "reply_markup": params.mapping,
}
_WRITTEN: Mapping[str, Reader] = {
    "text": params.text,
    "parse_mode": params.text,
    "entities": params.array,
    "link_preview_options": params.mapping,
}
_CAPTIONED: Mapping[str, Reader] = {"caption": params.text, "parse_mode": params.text}
_EDITS: Mapping[str, Reader] = {
    "chat_id": params.integer,
    "message_id": params.integer,
    "reply_markup": params.mapping,
}

METHODS: Mapping[str, Method] = {
    "getme": Method({}, _get_me),
    "getupdates": Method(
        {
            "offset": params.integer,
            "limit": params.integer,
            "timeout": params.integer,
            "allowed_updates": params.array,
        },
        _get_updates,
    ),
    "setwebhook": Method(
        {
            "url": params.text,
            "secret_token": params.text,
            "allowed_updates": params.array,
            "drop_pending_updates": params.flag,
        },
        _set_webhook,
    ),
    "setmycommands": Method(
        {"commands": params.array, "scope": params.mapping, "language_code": params.text},
        _set_commands,
    ),
    "deletewebhook": Method({"drop_pending_updates": params.flag}, _delete_webhook),
    "getwebhookinfo": Method({}, _webhook_info),
    "sendmessage": Method({**_ADDRESSED, **_WRITTEN}, _send_message),
    "sendphoto": Method({**_ADDRESSED, **_CAPTIONED, "photo": params.text}, _sends_file("photo")),
    "sendvideo": Method({**_ADDRESSED, **_CAPTIONED, "video": params.text}, _sends_file("video")),
    "sendvoice": Method({**_ADDRESSED, **_CAPTIONED, "voice": params.text}, _sends_file("voice")),
    "senddocument": Method(
        {**_ADDRESSED, **_CAPTIONED, "document": params.text}, _sends_file("document")
    ),
    "sendlocation": Method(
        {**_ADDRESSED, "latitude": params.number, "longitude": params.number}, _send_location
    ),
    "sendchataction": Method({"chat_id": params.integer, "action": params.text}, _chat_action),
    "answercallbackquery": Method(
        {"callback_query_id": params.text, "text": params.text, "show_alert": params.flag},
        _answer_callback,
    ),
    "editmessagetext": Method({**_EDITS, **_WRITTEN}, _edit_text),
    "editmessagereplymarkup": Method(_EDITS, _edit_markup),
}
"""By their names in lower case: Telegram does not care how a method is written."""
