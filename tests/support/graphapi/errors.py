"""Errors as the Graph API answers them: status and body."""

from typing import Any

Answer = tuple[int, dict[str, Any]]


def error(status: int, code: int, subcode: int = 0, message: str = "Nope", **more: Any) -> Answer:
    body = {"message": message, "type": "IGApiException", "code": code, "fbtrace_id": "A", **more}
    if subcode:
        body["error_subcode"] = subcode
    return status, {"error": body}


FAULTS: dict[str, Answer] = {
    "throttled": error(400, 613, message="Calls to this api have exceeded the rate limit."),
    "server_error": error(500, 2, is_transient=True),
    "unauthorized": error(400, 190, 463, "Session has expired"),
    "window": error(403, 10, 2534022, "Diese Nachricht wird außerhalb des Zeitfensters gesendet"),
    "window_of_a_page": error(400, 10, 2018278),
    "nobody": error(400, 100, 2534014, "The requested user cannot be found."),
    "unavailable": error(400, 551, 1545041, "This person isn't available right now."),
    "no_permission": error(403, 200),
    "abuse": error(400, 368),
    "error_with_200": error(200, 190, 463),
    "unknown_with_500": (500, {"error": {"message": "?"}}),
    "a_text_for_an_error": (500, {"error": "something"}),
}
