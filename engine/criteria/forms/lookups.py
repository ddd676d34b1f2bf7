"""`{crm_score__gte: 80, birth_date__month: this, tags: [VIP]}`: Django's way of writing.

A key is a field, then what is asked of it: `field__lookup`, or `field__part__lookup` of a date.
A field alone means equals, and with a list in_list; of tags and other lists both mean has_any.
A suffix that is no lookup is left in the name: field keys may hold `__`, and `check`, which
knows them, says which of the two was misspelt.
"""

from __future__ import annotations

from engine.criteria.ast import Compare, Key, Path
from engine.criteria.operands import PARTS
from engine.criteria.operators import LOOKUPS, Op


def read(key: str, value: object, path: Path) -> Compare:
    """What one key asks, in the mapping at `path`."""
    field, op = split(key)
    return Compare(field, op or _bare(value), value, path=(*path, key), name_path=(*path, Key(key)))


def split(key: str) -> tuple[str, Op | None]:
    """The name of the field, with its part after a dot, and the operator if one is written."""
    field, _, lookup = key.rpartition("__")
    if not field or lookup not in LOOKUPS:
        return key, None
    name, _, part = field.rpartition("__")
    return (f"{name}.{part}" if name and part in PARTS else field), LOOKUPS[lookup]


def _bare(value: object) -> Op:
    if value is None:
        return Op.IS_EMPTY
    return Op.IN_LIST if isinstance(value, (list, tuple)) else Op.EQUALS
