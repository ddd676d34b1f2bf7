"""What the bot says to the staff that works in Telegram (rapport.runtime.staff_desk)."""

from __future__ import annotations

from collections.abc import Mapping

STAFF_WORDINGS: Mapping[str, Mapping[str, str]] = {
    "desk_taken": {
        "en": "You talk with {name} now. Reply to this message or to what they write; "
        "/release as a reply gives them back to the bot.",
        "fa": "اکنون شما با {name} صحبت می‌کنید. به همین پیام یا به نوشته‌های مشتری پاسخ دهید؛ "
        "برای سپردن او به ربات، در پاسخ بنویسید: /release",
    },
    "desk_released": {
        "en": "The bot talks with {name} again.",
        "fa": "ربات دوباره با {name} صحبت می‌کند.",
    },
    "desk_bot_talks": {
        "en": "The bot talks with {name}: nobody has taken over.",
        "fa": "ربات با {name} صحبت می‌کند و کسی گفتگو را به دست نگرفته است.",
    },
    "desk_no_talk": {
        "en": "You talk with nobody now.",
        "fa": "اکنون با کسی صحبت نمی‌کنید.",
    },
    "desk_which_talk": {
        "en": "Whom do you mean? Write the number behind the command.",
        "fa": "منظورتان کدام است؟ شماره را پس از فرمان بنویسید.",
    },
    "desk_not_a_talk": {
        "en": "This was not sent: it replies to no message of a customer. "
        "To write to {name}: {command}",
        "fa": "این پیام ارسال نشد: پاسخ به نوشتهٔ مشتری نیست. برای نوشتن به {name}: {command}",
    },
    "desk_text_only": {
        "en": "This was not sent: only texts can be passed on to {name}.",
        "fa": "این پیام ارسال نشد: تنها متن را می‌توان به {name} رساند.",
    },
    "desk_no_command": {
        "en": "This was not sent: there is no such command. There are {commands}.",
        "fa": "این پیام ارسال نشد: چنین فرمانی وجود ندارد. فرمان‌ها: {commands}",
    },
    "desk_unreachable": {
        "en": "{name} cannot be written to now.",
        "fa": "اکنون نمی‌توان به {name} پیام داد.",
    },
    "desk_unknown": {
        "en": "I know no customer '{ref}'. Write a number, phone or email; "
        "/find shows the numbers.",
        "fa": "مشتری «{ref}» را نمی‌شناسم. شماره، تلفن یا ایمیل بنویسید؛ "
        "/find شماره‌ها را نشان می‌دهد.",
    },
    "desk_many": {
        "en": "'{ref}' may be any of these:",
        "fa": "«{ref}» می‌تواند هر یک از این‌ها باشد:",
    },
    "desk_not_allowed": {
        "en": "Your role does not allow that.",
        "fa": "نقش شما اجازهٔ این کار را نمی‌دهد.",
    },
    "desk_refused": {
        "en": "That was not done. {reason}",
        "fa": "انجام نشد. {reason}",
    },
    "desk_failed": {
        "en": "Something went wrong, and nothing was done.",
        "fa": "مشکلی پیش آمد و کاری انجام نشد.",
    },
    "desk_usage": {
        "en": "Write it like this: {usage}\n"
        "As a reply to news of a customer, leave the number out.",
        "fa": "این‌طور بنویسید: {usage}\nدر پاسخ به خبری از مشتری، شماره لازم نیست.",
    },
    "desk_found_none": {"en": "Nobody is found.", "fa": "کسی پیدا نشد."},
    "desk_more": {
        "en": "There are more: write more of the name.",
        "fa": "موارد بیشتری هست: بخش بیشتری از نام را بنویسید.",
    },
    "desk_talks_with": {"en": "Talks with: {who}", "fa": "در گفتگو با: {who}"},
    "desk_tags": {"en": "Tags: {tags}", "fa": "برچسب‌ها: {tags}"},
    "desk_noted": {"en": "Noted for {name}.", "fa": "یادداشت برای {name} ثبت شد."},
    "desk_tagged": {"en": "{name} has now: {tags}", "fa": "برچسب‌های {name} اکنون: {tags}"},
    "desk_task": {
        "en": "Task {number} about {name}: {title}",
        "fa": "کار {number} دربارهٔ {name}: {title}",
    },
    "desk_nothing_today": {"en": "Nothing is to be done today.", "fa": "امروز کاری نیست."},
    "desk_waiting": {"en": "Wait for an answer:", "fa": "منتظر پاسخ:"},
    "desk_tasks": {"en": "Tasks:", "fa": "کارها:"},
    "desk_follow_ups": {"en": "Follow-ups:", "fa": "پیگیری‌ها:"},
    "desk_birthdays": {"en": "Birthdays:", "fa": "تولدها:"},
    "desk_hot": {"en": "Hot leads:", "fa": "مشتریان داغ:"},
    "desk_overdue": {"en": "{title} (overdue)", "fa": "{title} (دیرشده)"},
}
"""By key, then language, as in engine.wording; `name` is a customer with their number."""
