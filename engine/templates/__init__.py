"""Templates: texts with values put in. Sandboxed Jinja2, checked and compiled when loaded.

What values do in them:

* A name without a value is *undefined*: it prints nothing, `default()` works, filters leave it
  undefined, it counts 0 in arithmetic and '' beside text, is false, equals nothing and is neither
  less nor greater than anything. `x == none` and `x is none` ask for it.
* Numbers are decimals of 28 digits and print in shortest form; a boolean prints Yes or No in the
  reader's language; dates, bare, print in ISO form; a select prints its label, equals its value.
* Values have one kind. Nothing is converted by itself, save a text in ISO form that is compared
  with a date or time.
* One `for`; texts, lists, numbers and the number of operations are bounded (bounds.py).
"""

from engine.templates.bounds import TemplateFailed
from engine.templates.calls import add_filter
from engine.templates.template import (
    Path,
    Template,
    TemplateError,
    TemplateProblem,
    Use,
    compile_template,
)
from engine.templates.values import UNDEFINED, Choice, Record, Result, Scope

__all__ = [
    "UNDEFINED",
    "Choice",
    "Path",
    "Record",
    "Result",
    "Scope",
    "Template",
    "TemplateError",
    "TemplateFailed",
    "TemplateProblem",
    "Use",
    "add_filter",
    "compile_template",
]
