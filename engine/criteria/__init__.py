"""One condition language: segments, smart tags, filters, branches and triggers use it.

`read_criterion(value, catalogue, report)` makes a checked criterion of what a file or a request
says; `compile_predicate` makes a function of it, `crm.criteria_sql` a SQL expression.

Meaning. A comparison of an absent value is false, and what denies it (`not_equals`,
`not_contains`, `not_in_list`, `has_none`, `not`) is its exact complement, so true. Text is
compared exactly by equals and in_list, folded by the operators about letters, and ordered by
code point. `today` is the business's day; a day beside a moment means all of it, so `lt: today`
is before it began and `gt: today` after it ended.
"""

from engine.criteria.ast import All, Any, Compare, Criterion, Key, Not, reads, to_canonical
from engine.criteria.catalogue import Catalogue
from engine.criteria.check import check, read_criterion
from engine.criteria.moment import Moment
from engine.criteria.parse import parse
from engine.criteria.predicate import Get, Predicate, compile_predicate
from engine.criteria.report import Report

__all__ = [
    "All",
    "Any",
    "Catalogue",
    "Compare",
    "Criterion",
    "Get",
    "Key",
    "Moment",
    "Not",
    "Predicate",
    "Report",
    "check",
    "compile_predicate",
    "parse",
    "read_criterion",
    "reads",
    "to_canonical",
]
