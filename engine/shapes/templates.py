"""Texts of a file that are templates, compiled."""

from __future__ import annotations

from engine.shapes.reader import Reader, inside_text
from engine.source import Scalar
from engine.templates import Template, TemplateError, compile_template

_CURE = "Write it as {{ customer.first_name | default('friend') }}, and a plain '{{' as {{ '{{' }}."
"""Where a template is wrong in a way that has no cure of its own."""


def read_template(scalar: Scalar, reader: Reader) -> Template | None:
    """The compiled template of a text; None, its problems reported, if it is not one."""
    try:
        template = compile_template(scalar.text)
    except TemplateError as error:
        for problem in error.problems:
            place = inside_text(scalar.content, scalar.position, problem.line, problem.column)
            reader.error(place, "E501", problem.message, problem.suggestion or _CURE)
        return None
    reader.use_template(template, scalar.content, scalar.position)
    return template
