"""aiogram imported in a quarter of its time: its models are built when the first one is used.

All of aiogram's models ask pydantic to put off building their validators (`defer_build`), yet
`aiogram.types` ends with a loop that builds all of them: 6 of the 8 seconds of CPU that the import
took on a small server (aiogram 3.31, pydantic 2.13). What goes through a Call (telegram_session)
is no model, so a service of its own needs none. Who does use one pays for the loop then.
"""

import sys
from typing import Any

from pydantic import BaseModel


def import_lightly() -> None:
    """Import aiogram, its loop put off. Does nothing where aiogram has been imported already.

    For programs of our own: a host that uses aiogram's models imports it as it likes.
    """
    if "aiogram" in sys.modules:
        return
    put_off: list[tuple[type[BaseModel], dict[str, Any]]] = []
    rebuild = BaseModel.__dict__["model_rebuild"]

    def note(cls: type[BaseModel], **options: Any) -> bool | None:
        if cls.__module__.startswith("aiogram.types."):
            put_off.append((cls, options))
            return None
        rebuilt: bool | None = rebuild.__func__(cls, **options)
        return rebuilt

    _replace(BaseModel, note)
    try:
        from aiogram.methods import TelegramMethod
        from aiogram.types import TelegramObject
    finally:
        type.__setattr__(BaseModel, "model_rebuild", rebuild)

    def build_all_first(cls: type[BaseModel], **options: Any) -> bool | None:
        for base in (TelegramObject, TelegramMethod):
            type.__delattr__(base, "model_rebuild")
        for model, its_options in put_off:
            model.model_rebuild(**its_options)
        return cls.model_rebuild(**options)

    # pydantic calls this on the first use of a model that is not built.
    for base in (TelegramObject, TelegramMethod):
        _replace(base, build_all_first)


def _replace(model: type[BaseModel], rebuild: Any) -> None:
    type.__setattr__(model, "model_rebuild", classmethod(rebuild))
