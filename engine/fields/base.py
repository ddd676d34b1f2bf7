"""The base columns of a customer: what flows, criteria and programs call by name without mapping.

One literal table. Labels are what a customer sees where a form asks for the column.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.fields.types import NO_RULES, Field, FieldType, Option, Rules
from engine.texts import Text

_T = FieldType

_Options = tuple[tuple[str, str, str], ...]

_CUSTOMER_TYPES: _Options = (
    ("individual", "Individual", "شخص حقیقی"),
    ("company", "Company", "شرکت"),
    ("non-profit", "Non-profit", "سازمان غیرانتفاعی"),
    ("government", "Government", "سازمان دولتی"),
)
_STATUSES: _Options = (
    ("lead", "Lead", "سرنخ"),
    ("prospect", "Prospect", "مشتری بالقوه"),
    ("active", "Active", "فعال"),
    ("inactive", "Inactive", "غیرفعال"),
    ("archived", "Archived", "بایگانی‌شده"),
)
_SOURCES: _Options = (
    ("instagram", "Instagram", "اینستاگرام"),
    ("telegram", "Telegram", "تلگرام"),
    ("website", "Website", "وب‌سایت"),
    ("referral", "Referral", "معرفی"),
    ("social_media", "Social media", "شبکه‌های اجتماعی"),
    ("advertising", "Advertising", "تبلیغات"),
    ("trade_show", "Trade show", "نمایشگاه"),
    ("cold_call", "Cold call", "تماس تلفنی"),
    ("email_campaign", "Email campaign", "کارزار ایمیلی"),
    ("other", "Other", "سایر"),
)
_CONTACT_METHODS: _Options = (
    ("email", "Email", "ایمیل"),
    ("sms", "SMS", "پیامک"),
    ("whatsapp", "WhatsApp", "واتساپ"),
    ("phone", "Phone", "تلفن"),
    ("telegram", "Telegram", "تلگرام"),
    ("instagram", "Instagram", "اینستاگرام"),
)
_HEALTH: _Options = (
    ("green", "Green", "سبز"),
    ("yellow", "Yellow", "زرد"),
    ("red", "Red", "قرمز"),
)
_LIFECYCLE: _Options = (
    ("lead", "Lead", "سرنخ"),
    ("first_visit", "First visit", "اولین مراجعه"),
    ("active", "Active", "فعال"),
    ("vip", "VIP", "ویژه"),
    ("at_risk", "At risk", "در خطر"),
    ("churned", "Churned", "ازدست‌رفته"),
)
_JOURNEY: _Options = (
    ("awareness", "Awareness", "آگاهی"),
    ("consideration", "Consideration", "بررسی"),
    ("purchase", "Purchase", "خرید"),
    ("retention", "Retention", "وفاداری"),
    ("advocacy", "Advocacy", "حمایت"),
)

# Name, type, size, label in English and Persian.
_Row = tuple[str, FieldType, int | None, str, str]

_OWN: tuple[_Row, ...] = (
    # What a customer may correct.
    ("first_name", _T.TEXT, 100, "First name", "نام"),
    ("last_name", _T.TEXT, 100, "Last name", "نام خانوادگی"),
    ("phone_number", _T.PHONE, 50, "Phone number", "شماره تلفن"),
    ("email", _T.EMAIL, 255, "Email", "ایمیل"),
    ("company", _T.TEXT, 200, "Company", "شرکت"),
    ("job_title", _T.TEXT, 100, "Job title", "سمت"),
    ("website", _T.URL, 2048, "Website", "وب‌سایت"),
    ("address", _T.TEXT, 500, "Address", "نشانی"),
    ("city", _T.TEXT, 100, "City", "شهر"),
    ("state", _T.TEXT, 100, "State", "استان"),
    ("country", _T.TEXT, 100, "Country", "کشور"),
    ("zip_code", _T.TEXT, 20, "Postal code", "کد پستی"),
    ("language", _T.TEXT, 10, "Language", "زبان"),
    ("timezone", _T.TEXT, 50, "Time zone", "منطقه زمانی"),
    ("facebook_url", _T.URL, 2048, "Facebook page", "صفحه فیسبوک"),
    ("instagram_url", _T.URL, 2048, "Instagram page", "صفحه اینستاگرام"),
)
_KEPT: tuple[_Row, ...] = (
    # What the business writes about a customer.
    ("username", _T.TEXT, 100, "User name", "نام کاربری"),
    ("avatar", _T.TEXT, 2048, "Picture", "تصویر"),
    ("description", _T.TEXT, 1000, "Description", "توضیحات"),
    ("industry", _T.TEXT, 100, "Industry", "صنعت"),
    ("currency", _T.TEXT, 3, "Currency", "واحد پول"),
    ("status_reason", _T.TEXT, 500, "Reason of the status", "دلیل وضعیت"),
    ("assigned_to", _T.TEXT, 100, "Assigned to", "مسئول"),
    ("referral_source", _T.TEXT, 100, "Referred through", "منبع معرفی"),
    ("next_follow_up_at", _T.DATETIME, None, "Next follow-up", "پیگیری بعدی"),
    ("external_id", _T.TEXT, 100, "External id", "شناسه بیرونی"),
)
_DERIVED: tuple[_Row, ...] = (
    # What follows from other rows; flows read it and never write it.
    ("id", _T.NUMBER, None, "Customer number", "شماره مشتری"),
    ("display_name", _T.TEXT, 210, "Name shown", "نام نمایشی"),
    ("referred_by", _T.NUMBER, None, "Referred by", "معرف"),
    ("crm_score", _T.NUMBER, None, "Score", "امتیاز"),
    ("total_interactions", _T.NUMBER, None, "Interactions", "تعداد تعامل‌ها"),
    ("total_visits", _T.NUMBER, None, "Visits", "تعداد مراجعه‌ها"),
    ("total_purchases", _T.NUMBER, None, "Purchases", "تعداد خریدها"),
    ("total_invoices", _T.NUMBER, None, "Invoices", "تعداد فاکتورها"),
    ("total_spent", _T.NUMBER, None, "Total spent", "مجموع خرید"),
    ("total_revenue", _T.NUMBER, None, "Total revenue", "مجموع درآمد"),
    ("lifetime_value", _T.NUMBER, None, "Lifetime value", "ارزش طول عمر"),
    ("first_visit_at", _T.DATETIME, None, "First visit", "اولین مراجعه"),
    ("last_visit_at", _T.DATETIME, None, "Last visit", "آخرین مراجعه"),
    ("last_contacted_at", _T.DATETIME, None, "Last contacted", "آخرین تماس"),
    ("last_message_at", _T.DATETIME, None, "Last message", "آخرین پیام"),
    ("opted_out_at", _T.DATETIME, None, "Opted out", "زمان انصراف"),
    ("status_at", _T.DATETIME, None, "Status since", "زمان وضعیت"),
    ("lifecycle_at", _T.DATETIME, None, "Lifecycle stage since", "زمان مرحله عمر"),
    ("journey_at", _T.DATETIME, None, "Journey stage since", "زمان مرحله سفر"),
    ("created_at", _T.DATETIME, None, "Created", "زمان ایجاد"),
    ("updated_at", _T.DATETIME, None, "Updated", "زمان تغییر"),
    ("archived_at", _T.DATETIME, None, "Archived", "زمان بایگانی"),
    ("last_sync_at", _T.DATETIME, None, "Last synchronised", "آخرین همگام‌سازی"),
    ("merged_into", _T.NUMBER, None, "Merged into", "ادغام‌شده در"),
)

# Name, label in English and Persian, options.
_Chosen = tuple[str, str, str, _Options]

_CHOSEN: tuple[_Chosen, ...] = (
    ("customer_type", "Kind of customer", "نوع مشتری", _CUSTOMER_TYPES),
    ("status", "Status", "وضعیت", _STATUSES),
    ("source", "Source", "منبع آشنایی", _SOURCES),
    ("preferred_contact_method", "Preferred contact", "راه تماس ترجیحی", _CONTACT_METHODS),
)
_CHOSEN_DERIVED: tuple[_Chosen, ...] = (
    ("health", "Health", "سلامت رابطه", _HEALTH),
    ("lifecycle_stage", "Lifecycle stage", "مرحله عمر مشتری", _LIFECYCLE),
    ("journey_stage", "Journey stage", "مرحله سفر مشتری", _JOURNEY),
)

_RULES = {
    "currency": Rules(pattern="[A-Z]{3}"),
    "external_id": Rules(unique=True),
}


def _labelled(english: str, persian: str) -> Text[str]:
    return Text.by_language({"en": english, "fa": persian})


def _typed(rows: tuple[_Row, ...], *, read_only: bool, self_service: bool) -> Iterator[Field]:
    for key, type_, size, english, persian in rows:
        yield Field(
            key=key,
            type=type_,
            label=_labelled(english, persian),
            base=True,
            read_only=read_only,
            self_service=self_service,
            rules=_RULES.get(key, NO_RULES),
            size=size,
        )


def _selects(rows: tuple[_Chosen, ...], *, read_only: bool) -> Iterator[Field]:
    for key, english, persian, options in rows:
        yield Field(
            key=key,
            type=FieldType.SELECT,
            label=_labelled(english, persian),
            base=True,
            read_only=read_only,
            options=tuple(Option(value, _labelled(en, fa)) for value, en, fa in options),
            size=20,
        )


BASE_FIELDS: dict[str, Field] = {
    field.key: field
    for fields in (
        _typed(_OWN, read_only=False, self_service=True),
        _typed(_KEPT, read_only=False, self_service=False),
        _typed(_DERIVED, read_only=True, self_service=False),
        _selects(_CHOSEN, read_only=False),
        _selects(_CHOSEN_DERIVED, read_only=True),
    )
    for field in fields
}
"""Every base column by its name. The two columns that are documents, `marketing_preferences` and
`integration_data`, are not fields: no single value stands for them."""
