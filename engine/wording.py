"""Every text that the product itself says to a person, in English and Persian.

What a business writes is in its flows; the messages of broken rules are beside the rules
(engine.fields.faults).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.bidi import isolated, runs_right
from engine.fields.places import base_language
from engine.staff_wording import STAFF_WORDINGS

WORDINGS: Mapping[str, Mapping[str, str]] = {
    **STAFF_WORDINGS,
    "yes": {"en": "Yes", "fa": "بله"},
    "no": {"en": "No", "fa": "خیر"},
    "skip": {"en": "Skip", "fa": "رد کردن"},
    "back": {"en": "Back", "fa": "بازگشت"},
    "done": {"en": "Done", "fa": "تمام"},
    "chosen": {"en": "Chosen: {items}", "fa": "انتخاب شد: {items}"},
    "none_chosen": {"en": "Nothing is chosen.", "fa": "چیزی انتخاب نشده است."},
    "nothing_before": {
        "en": "This is the first question.",
        "fa": "این نخستین پرسش است.",
    },
    "which_day": {
        "en": "Which day of {year}? Choose it, or write day and month.",
        "fa": "کدام روز از {year}؟ انتخاب کنید یا روز و ماه را بنویسید.",
    },
    "other_day": {"en": "Another day", "fa": "روز دیگر"},
    "write_day": {
        "en": "Then please write which day of {year} it is.",
        "fa": "پس لطفاً بنویسید کدام روز از {year} است.",
    },
    "what_time": {"en": "At what time on {day}?", "fa": "{day}، چه ساعتی؟"},
    "which_time": {"en": "Which time do you mean?", "fa": "منظورتان کدام ساعت است؟"},
    "which_date": {"en": "Which date do you mean?", "fa": "منظورتان کدام تاریخ است؟"},
    "keep_value": {
        "en": "{label}: {value}\nIs that still right?",
        "fa": "{label}: {value}\nهنوز درست است؟",
    },
    "keep": {"en": "Yes, keep it", "fa": "بله، همین بماند"},
    "change": {"en": "Change it", "fa": "تغییر می‌دهم"},
    "all_correct": {"en": "All correct", "fa": "همه درست است"},
    "no_value": {"en": "—", "fa": "—"},
    "choose_button": {
        "en": "Please choose one of the buttons.",
        "fa": "لطفاً یکی از دکمه‌ها را انتخاب کنید.",
    },
    "not_unique": {
        "en": "That is already in use. Please give another one.",
        "fa": "این مورد قبلاً ثبت شده است. لطفاً مورد دیگری بنویسید.",
    },
    "not_own_contact": {
        "en": "That is somebody else's contact. Please share your own.",
        "fa": "این مخاطب متعلق به شخص دیگری است. لطفاً مخاطب خودتان را بفرستید.",
    },
    "contact_wanted": {
        "en": "Please share a contact card.",
        "fa": "لطفاً یک کارت مخاطب بفرستید.",
    },
    "location_wanted": {
        "en": "Please share a location.",
        "fa": "لطفاً یک موقعیت مکانی بفرستید.",
    },
    "photo_wanted": {"en": "Please send a photo.", "fa": "لطفاً یک عکس بفرستید."},
    "document_wanted": {"en": "Please send a file.", "fa": "لطفاً یک فایل بفرستید."},
    "voice_wanted": {
        "en": "Please send a voice message.",
        "fa": "لطفاً یک پیام صوتی بفرستید.",
    },
    "text_wanted": {"en": "Please answer with text.", "fa": "لطفاً با متن پاسخ دهید."},
    "unknown_command": {
        "en": "I do not know that command.",
        "fa": "این دستور را نمی‌شناسم.",
    },
    "template_failed": {
        "en": "Something went wrong on our side. We have made a note of it.",
        "fa": "مشکلی از سمت ما پیش آمد. آن را یادداشت کردیم.",
    },
    "stale_press": {
        "en": "That button belongs to an earlier question.",
        "fa": "این دکمه مربوط به پرسش قبلی است.",
    },
    "cancelled": {"en": "Cancelled.", "fa": "لغو شد."},
    "nothing_to_cancel": {"en": "There is nothing to cancel.", "fa": "چیزی برای لغو نیست."},
    "flooded": {
        "en": "Too many messages came at once, so they were not read. Please send the last again.",
        "fa": "پیام‌های زیادی هم‌زمان رسید و خوانده نشد. لطفاً آخرین پیام را دوباره بفرستید.",
    },
    "opted_out": {
        "en": "You will get no more automatic messages from us. Write /start to undo this.",
        "fa": "دیگر پیام خودکاری از ما دریافت نمی‌کنید. برای بازگشت /start را بفرستید.",
    },
    "opted_in": {
        "en": "Welcome back. You will hear from us again.",
        "fa": "خوش برگشتید. دوباره از ما پیام می‌گیرید.",
    },
    "handed_over": {
        "en": "Somebody of our team will answer you here.",
        "fa": "یک نفر از همکاران ما همین‌جا پاسخ شما را می‌دهد.",
    },
    "handed_back": {
        "en": "You are talking with our bot again.",
        "fa": "دوباره با ربات ما گفتگو می‌کنید.",
    },
    "asks_for_staff": {
        "en": "🙋 {name} waits for somebody to talk with.",
        "fa": "🙋 {name} منتظر گفتگو با یکی از همکاران است.",
    },
    "own_known": {
        "en": "This is what we know of you:",
        "fa": "این چیزهایی است که از شما می‌دانیم:",
    },
    "own_nothing": {
        "en": "We know nothing of you yet.",
        "fa": "هنوز چیزی از شما نمی‌دانیم.",
    },
    "own_bought": {
        "en": "Purchases: {count}, {amount} in all.",
        "fa": "تعداد خرید: {count}، در مجموع {amount}.",
    },
    "own_last": {
        "en": "Last heard of you: {at}.",
        "fa": "آخرین پیام شما: {at}.",
    },
    "own_correct": {
        "en": "Correct something",
        "fa": "اصلاح اطلاعات",
    },
    "own_messages": {
        "en": "Which messages I get",
        "fa": "پیام‌هایی که می‌گیرم",
    },
    "own_data": {
        "en": "Give me my data",
        "fa": "داده‌های من را بفرست",
    },
    "own_forget": {
        "en": "Forget me",
        "fa": "مرا فراموش کن",
    },
    "own_which": {
        "en": "What is to be corrected?",
        "fa": "کدام را اصلاح کنیم؟",
    },
    "own_ask": {
        "en": "{field}: what is it? Write /cancel to leave it as it is.",
        "fa": "{field}: مقدار درست چیست؟ برای انصراف /cancel را بفرستید.",
    },
    "own_noted": {
        "en": "Thank you, it is noted.",
        "fa": "سپاس، ثبت شد.",
    },
    "own_preferences": {
        "en": "Which messages may we send you? Press one to change it.",
        "fa": "کدام پیام‌ها را برایتان بفرستیم؟ برای تغییر، یکی را بزنید.",
    },
    "own_newsletter": {
        "en": "Newsletter",
        "fa": "خبرنامه",
    },
    "own_promotion": {
        "en": "Offers",
        "fa": "پیشنهادهای ویژه",
    },
    "own_birthday": {
        "en": "Birthday wishes",
        "fa": "تبریک تولد",
    },
    "own_reminder": {
        "en": "Reminders",
        "fa": "یادآوری‌ها",
    },
    "own_appointment_reminder": {
        "en": "Reminders of appointments",
        "fa": "یادآوری نوبت‌ها",
    },
    "own_vaccination_reminder": {
        "en": "Reminders of vaccinations",
        "fa": "یادآوری واکسن",
    },
    "own_forget_ask": {
        "en": "Shall we forget you? Your data and messages are erased for ever.",
        "fa": "شما را فراموش کنیم؟ داده‌ها و پیام‌های شما برای همیشه پاک می‌شود.",
    },
    "own_forget_yes": {
        "en": "Yes, erase everything",
        "fa": "بله، همه چیز را پاک کن",
    },
    "own_forget_no": {
        "en": "No, keep it",
        "fa": "نه، نگه دار",
    },
    "own_kept": {
        "en": "Nothing was erased.",
        "fa": "چیزی پاک نشد.",
    },
    "own_forgotten": {
        "en": "Everything we knew of you is erased. If you write again, we begin anew.",
        "fa": "هر چه از شما می‌دانستیم پاک شد. اگر دوباره بنویسید، از نو آغاز می‌کنیم.",
    },
    "own_fields": {
        "en": "Your data",
        "fa": "داده‌های شما",
    },
    "own_purchases": {
        "en": "Your purchases",
        "fa": "خریدهای شما",
    },
    "own_notes": {
        "en": "Notes about you",
        "fa": "یادداشت‌ها دربارهٔ شما",
    },
    "own_said": {
        "en": "Your last messages and our answers",
        "fa": "آخرین پیام‌های شما و پاسخ‌های ما",
    },
    "alarm_raised": {
        "en": "⚠️ {what}\nSince {since}. You will hear from me when it is over.",
        "fa": "⚠️ {what}\nاز ساعت {since}. وقتی برطرف شد خبر می‌دهم.",
    },
    "alarm_over": {
        "en": "✅ It is over ({since} to {until}):\n{what}",
        "fa": "✅ برطرف شد (از {since} تا {until}):\n{what}",
    },
    "alarm_refused": {
        "en": "The token of the bot {about} is refused. It needs a new one.",
        "fa": "توکن ربات {about} پذیرفته نمی‌شود. توکن تازه‌ای لازم است.",
    },
    "alarm_unreachable": {
        "en": "The bot {about} cannot reach its platform ({reason}).",
        "fa": "ربات {about} به پیام‌رسان دسترسی ندارد ({reason}).",
    },
    "alarm_conflict": {
        "en": "Another program fetches the messages of the bot {about}. Only one may.",
        "fa": "برنامهٔ دیگری پیام‌های ربات {about} را می‌گیرد. فقط یکی باید این کار را بکند.",
    },
    "alarm_blocked": {
        "en": "The bot {about} may hardly send any more ({reason}).",
        "fa": "ربات {about} تقریباً نمی‌تواند پیام بفرستد ({reason}).",
    },
    "alarm_unattended": {
        "en": "No process does this work: {about}.",
        "fa": "هیچ فرایندی این کار را انجام نمی‌دهد: {about}.",
    },
    "alarm_database": {
        "en": "The database does not work ({reason}). Nobody is answered meanwhile.",
        "fa": "پایگاه داده کار نمی‌کند ({reason}). تا آن زمان کسی پاسخ نمی‌گیرد.",
    },
    "alarm_disk": {
        "en": "The disk of the database is nearly full: {reason} are free.",
        "fa": "دیسک پایگاه داده تقریباً پر است: {reason} آزاد است.",
    },
    "alarm_dead": {
        "en": "Some messages could not be handled or sent. Dead letters now: {reason}.",
        "fa": "برخی پیام‌ها پردازش یا ارسال نشدند. تعداد نامه‌های مرده اکنون: {reason}.",
    },
    "alarm_queue": {
        "en": "Messages are not worked off: the oldest has waited for {reason} minutes.",
        "fa": "پیام‌ها پردازش نمی‌شوند: قدیمی‌ترین آن‌ها {reason} دقیقه منتظر مانده است.",
    },
    "alarm_storm": {
        "en": "The trigger {about} is paused: it {reason}.",
        "fa": "آغازگر {about} متوقف شد: {reason}.",
    },
    "alarm_campaign": {
        "en": "The campaign {about} is paused: {reason}.",
        "fa": "کارزار {about} متوقف شد: {reason}.",
    },
    "alarm_outbox": {
        "en": "Answers of the bot {about} do not go out: the first is {reason} minutes late.",
        "fa": "پاسخ‌های ربات {about} ارسال نمی‌شوند: اولین آن‌ها {reason} دقیقه دیر شده است.",
    },
    "mentioned": {
        "en": "You are mentioned in a note about {customer}: {note}",
        "fa": "در یادداشتی دربارهٔ {customer} از شما نام برده شده است: {note}",
    },
    "staff_template_failed": {
        "en": "The flow {flow} wanted to tell you something, and its text could not be made. "
        "The customer's timeline says why.",
        "fa": "جریان {flow} می‌خواست چیزی به شما بگوید، اما متن آن ساخته نشد. "
        "دلیل آن در تاریخچهٔ مشتری آمده است.",
    },
}
"""By key, then language. A text's `{names}` are the parameters of `wording`."""

_PUT_IN = re.compile(r"\{\w+\}")

SKIP_WORDS = ("skip", "pass", "رد", "رد کردن", "تخطي", "geç", "atla")
"""What skips a question that may be skipped, besides the words its author lists."""

DONE_WORDS = ("done", "finish", "finished", "تمام", "تمام شد", "انجام شد", "انتهيت", "bitti")
"""What ends a choice of many, in any language."""

BACK_WORDS = ("back", "go back", "بازگشت", "برگشت", "برگرد", "قبلی", "رجوع", "geri")
"""What leads to the question before, where that is allowed by `back: true`."""


def wording(key: str, language: str, **params: str) -> str:
    """The text in the person's language, in English where it is not translated.

    Raises KeyError for a key that is not in the table.
    """
    texts = WORDINGS[key]
    text = texts.get(base_language(language)) or texts["en"]
    if not params:
        return text
    return "\n".join(_filled(line, params) for line in text.split("\n"))


def _filled(line: str, params: Mapping[str, str]) -> str:
    right = runs_right(_PUT_IN.sub("", line))
    return line.format_map({name: isolated(value, right) for name, value in params.items()})
