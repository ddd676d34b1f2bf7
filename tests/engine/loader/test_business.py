"""crm.yaml declares a business: its fields on top of its industry's, and what flows refer to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from engine.business import Business
from engine.durations import Duration
from engine.fields.base import BASE_FIELDS
from engine.fields.types import FieldType
from engine.http_hosts import Host
from engine.loader.business import slug
from engine.loader.industries import INDUSTRIES
from tests.engine.loader.loading import TEMPLATES, industry, load, told

HEAD = "business: {name: Lotus, languages: [en, fa]}\n"


def business(text: str) -> Business:
    loaded = load(crm=text)
    assert not loaded.problems, [str(problem) for problem in loaded.problems]
    return loaded.business


WHOLE = """
business: {key: lotus, name: Lotus, language: fa, languages: [fa, en], timezone: Asia/Tehran,
  country: IR, currency: IRT, calendar: jalali}
industry: retail
fields:
  birth_date: {label: {en: Birth date, fa: تاریخ تولد}, type: date, rules: {past: true}}
  favorite_category:
    type: select
    label: {en: Favourite category, fa: دسته‌بندی}
    options: [{value: clothes, label: {en: Clothes, fa: لباس}}, accessories]
  shoe_size: {label: Shoe size, type: number, rules: {min: 20, max: 50}, ask: "Size?"}
  nickname: {label: Nickname, type: text, extra: true}
tags: {VIP: {color: "#FFD700", description: Best customers}, Sneakers: {}, Plain: }
segments:
  vip_customers: {name: VIP Customers, color: "#FFD700", when: {crm_score__gte: 80}}
  ambassadors: {name: Ambassadors, static: true}
  both: {when: {segment: vip_customers, tags: [VIP]}}
smart_tags: [{tag: VIP, when: {crm_score__gte: 80}, remove_when_false: true}]
scoring: {model: simple}
stages: {churned: {last_visit_at__lt: 180 days ago}}
sending: {quiet_hours: "22:00-08:00", cap: {per_day: 2, per_week: 5}, catch_up: 24h,
  opt_out: [Leave me!], opt_in: باز گرد}
staff: [{name: Ali, telegram: 777, role: owner, teams: [sales]}]
teams: support
always: [{keywords: [Help, راهنما], flow: help}]
fallback: help
retention: {messages: 365d}
http: {hosts: [example.com]}
instagram: {account: 17}
defaults: {ask: {timeout: {after: 2d}}}
"""

HELP = "flow: help\nnodes:\n- say: Hi\n"


def test_every_section_is_read_and_typed() -> None:
    loaded = load(HELP, crm=WHOLE)
    assert not loaded.problems, [str(problem) for problem in loaded.problems]
    lotus = loaded.business
    assert (lotus.key, lotus.language, lotus.languages) == ("lotus", "fa", ("fa", "en"))
    assert (lotus.timezone, lotus.country, lotus.currency) == ("Asia/Tehran", "IR", "IRT")
    assert lotus.calendar == "jalali"
    assert list(lotus.tags) == ["VIP", "Sneakers", "Plain"]
    assert lotus.tags["VIP"].color == "#FFD700"
    assert lotus.segments["ambassadors"].static
    assert lotus.segments["both"].criterion is not None
    assert lotus.smart_tags[0].remove_when_false
    assert lotus.staff[0].telegram == "777"
    assert lotus.teams == ("support", "sales")
    assert lotus.always[0].keywords == ("help", "راهنما")
    assert (lotus.opt_out, lotus.opt_in) == (("leave me",), ("باز گرد",))
    assert lotus.sending["cap"] == {"per_day": 2, "per_week": 5}
    assert lotus.sending["catch_up"] == Duration(seconds=86_400)
    assert lotus.retention == {"messages": Duration(days=365)}
    assert lotus.http == {"hosts": (Host("example.com"),)}
    assert list(lotus.stages) == ["churned"]


def test_own_fields_add_to_those_of_the_industry_and_change_them_key_by_key() -> None:
    fields = load(HELP, crm=WHOLE).business.fields
    own = [key for key in fields if key not in BASE_FIELDS]
    assert own == [
        *("birth_date", "loyalty_points", "favorite_category", "last_purchase_date", "is_vip"),
        *("shoe_size", "nickname"),
    ]
    category = fields["favorite_category"]
    assert [option.value for option in category.options] == ["clothes", "accessories"]
    assert category.ask is not None, "of the industry's declaration, not changed here"
    assert category.is_system
    assert not fields["shoe_size"].is_system
    assert fields["birth_date"].rules.min is None, "rules are changed as a whole"
    assert fields["shoe_size"].rules.min == Decimal(20)
    assert fields["shoe_size"].order == 6


def test_what_a_field_does_not_say_follows_from_its_type() -> None:
    fields = business(
        HEAD + "fields: {pet_name: , age: {type: number}, seen: {type: datetime}}"
    ).fields
    assert fields["pet_name"].type is FieldType.TEXT
    assert fields["pet_name"].label.pick("en") == "Pet name"
    assert fields["pet_name"].size == 500
    assert [fields[key].filterable for key in ("pet_name", "age", "seen")] == [False, True, False]
    assert [fields[key].extra for key in ("pet_name", "age", "seen")] == [False, False, True]


def test_bounds_are_of_the_type_of_their_field() -> None:
    fields = business(HEAD + "fields: {day: {type: date, rules: {min: 1990-01-01}}}").fields
    assert fields["day"].rules.min == date(1990, 1, 1)


def test_a_business_without_a_key_is_called_by_its_name() -> None:
    assert business("business: {name: Café No. 5}").key == "café_no_5"
    assert slug("!!") == "business"


def test_tags_may_be_a_list_of_names() -> None:
    assert list(business(HEAD + "tags: [VIP, Old friend]").tags) == ["VIP", "Old friend"]


@pytest.mark.parametrize(
    ("text", "problem", "message"),
    [
        ("tags: {}\n", "1:1 E109", "needs 'business'"),
        ("- a\n", "1:1 E201", "mapping"),
        ("business: {languages: [en]}\n", "1:11 E109", "needs 'name'"),
        ("business: {name: L, timezone: Asia/Teheran}\n", "1:31 E203", "time zone"),
        ("business: {name: L, country: Iran}\n", "1:30 E203", "country"),
        ("business: {name: L, calendar: julian}\n", "1:31 E204", "julian"),
        (HEAD + "industri: retail\n", "2:1 E101", "industri"),
        (HEAD + "industry: retial\n", "2:11 E701", "retial"),
        (HEAD + "fields: {Age: {type: number}}\n", "2:10 E702", "Age"),
        (HEAD + "fields: {email: {type: email}}\n", "2:10 E702", "already"),
        (HEAD + "fields: {tags: {type: text}}\n", "2:10 E702", "another meaning"),
        (HEAD + "fields: {custom_text_1: {type: text}}\n", "2:10 E702", "another meaning"),
        (HEAD + "fields: {age: {type: nubmer}}\n", "2:22 E204", "nubmer"),
        (HEAD + "fields: {age: number}\n", "2:15 E201", "mapping"),
        (HEAD + "fields: {a: {type: select}}\n", "2:20 E109", "options"),
        (HEAD + "fields: {a: {options: [x]}}\n", "2:23 E704", "select"),
        (HEAD + "fields: {a: {type: select, options: [x, x]}}\n", "2:37 E704", "twice"),
        (HEAD + "fields: {a: {type: number, rules: {past: yes}}}\n", "2:35 E704", "past"),
        (HEAD + "fields: {a: {type: number, rules: {min: 5, max: 4}}}\n", "2:35 E704", "greater"),
        (HEAD + "fields: {a: {type: number, rules: {min: five}}}\n", "2:41 E403", "'a'"),
        (HEAD + "fields: {a: {rules: {pattern: '(a'}}}\n", "2:21 E405", "pattern"),
        (HEAD + "fields: {a: {type: date, rules: {past: 1, future: 1}}}\n", "2:40 E203", "true"),
        (HEAD + f"fields: {{a: {{help_text: {'x' * 501}}}}}\n", "2:25 E203", "500"),
        (HEAD + "tags: {VIP: {color: gold}}\n", "2:21 E203", "colour"),
        (HEAD + f"tags: {{{'x' * 51}: }}\n", "2:8 E203", "50"),
        (HEAD + "tags: {VIP: , vip: }\n", "2:15 E007", "'VIP'"),
        (HEAD + "segments: {a: {name: A}}\n", "2:12 E112", "static"),
        (HEAD + "segments: {a: {when: {crm_scor: 1}}}\n", "2:23 E404", "crm_scor"),
        (HEAD + "segments: {a: {when: {var.x: 1}}}\n", "2:23 E404", "var.x"),
        (HEAD + "smart_tags: [{tag: VPI, when: {crm_score: 1}}]\n", "2:20 E302", "VPI"),
        (HEAD + "stages: {churnd: {crm_score: 1}}\n", "2:10 E204", "churnd"),
        (HEAD + "sending: {quiet_hours: 22-8}\n", "2:24 E203", "hours"),
        (HEAD + "staff: [{name: Ali, role: boss}]\n", "2:27 E204", "boss"),
        (HEAD + "always: [{keywords: hi, handoff: sales}]\n", "2:34 E320", "sales"),
        (HEAD + "always: [{keywords: hi, flow: a, handoff: agent}]\n", "2:43 E112", "not both"),
        (HEAD + "always: [{keywords: hi, flow: a, resume_after: 1h}]\n", "2:48 E112", "handoff"),
        (HEAD + "always: [{keywords: hi}]\n", "2:10 E109", "flow"),
        (HEAD + "always: [{keywords: '!', flow: help}]\n", "2:32 E304", "help"),
        (HEAD + "fallback: help\n", "2:11 E304", "help"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem_at_its_place(text: str, problem: str, message: str) -> None:
    loaded = load(crm=text)
    assert problem in told(loaded.problems), [str(one) for one in loaded.problems]
    assert message in next(one.told for one in loaded.problems if told([one]) == [problem])


def test_a_project_without_crm_yaml_says_so() -> None:
    from engine.loader import load_project

    assert told(load_project({}, [], industry).problems) == ["1:1 E012"]


def test_more_fields_than_slots_are_told_with_the_count_and_the_way_out() -> None:
    dates = "".join(f"  d{number}: {{type: date}}\n" for number in range(12))
    loaded = load(crm=f"{HEAD}fields:\n{dates}")
    assert told(loaded.problems) == ["13:3 E703", "14:3 E703"]
    assert "date field number 11, there are 10 slots for them (90 in all)" in str(
        loaded.problems[0]
    )
    assert "extra: true" in loaded.problems[0].suggestion
    extra = dates.replace("d11: {type: date}", "d11: {type: date, extra: true}").replace(
        "d10: {type: date}", "d10: {type: time}"
    )
    assert not load(crm=f"{HEAD}fields:\n{extra}").problems


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_industrys_fields_are_at_least_five_labelled_in_both_languages(path: Path) -> None:
    assert path.stem in INDUSTRIES
    languages = "business: {name: L, languages: [en, fa]}\n"
    loaded = load(crm=f"{languages}industry: {path.stem}\n")
    assert not loaded.problems
    fields = [field for field in loaded.business.fields.values() if not field.base]
    assert len(fields) >= 5
    for field in fields:
        texts = [field.label, field.ask, *(option.label for option in field.options)]
        assert all({"en", "fa"} == {one[0] for one in text.variants} for text in texts if text)
        assert field.is_system


def test_an_industrys_template_says_nothing_the_loader_does_not_read() -> None:
    """Its problems are not shown to businesses, so it must have none."""
    for path in TEMPLATES.glob("*.yaml"):
        fields = yaml.safe_dump(yaml.safe_load(path.read_text(encoding="utf-8")))
        problems = load(crm=HEAD + fields).problems
        assert not problems, [str(problem) for problem in problems]


def test_a_business_speaks_the_languages_it_lists_its_own_first() -> None:
    assert business("business: {name: L, language: fa, languages: [en, fa]}").languages == (
        "fa",
        "en",
    )
    assert business("business: {name: L, language: fa}").languages == ("fa",)
    assert business("business: {name: L}").languages == ("en",)
