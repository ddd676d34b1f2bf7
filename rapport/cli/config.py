"""`rapport config`: every setting, its value and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rapport.cli.output import Format, FormatOption, print_rows


def config(form: FormatOption = Format.TABLE) -> None:
    """Every setting with its value and where that comes from; secrets are hidden."""
    from dotenv import dotenv_values

    from rapport.settings import ENV_FILE, read_settings

    settings = read_settings()
    in_file = dotenv_values(ENV_FILE, encoding="utf-8") if Path(ENV_FILE).is_file() else {}
    rows: list[dict[str, Any]] = []
    for name, field in type(settings).model_fields.items():
        variable = str(field.alias)
        source = (
            "environment" if os.environ.get(variable) else ENV_FILE if in_file.get(variable)
            else "default"
        )  # fmt: skip
        value = _shown(getattr(settings, name))
        rows.append({"setting": variable, "value": value, "from": source})
    print_rows(rows, ("setting", "value", "from"), form, "")


def _shown(value: Any) -> str | None:
    from pydantic import SecretStr
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from rapport.redaction import HIDDEN, redacted

    if isinstance(value, SecretStr):
        return HIDDEN
    if value is None:
        return None
    text = str(value)
    try:
        # A password stands in the URL of a database, and may stand in others.
        shown = make_url(text).render_as_string(hide_password=True) if "@" in text else text
    except (ArgumentError, ValueError):
        return HIDDEN
    return redacted(shown)
