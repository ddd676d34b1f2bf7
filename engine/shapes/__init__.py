"""How values in files are read: each as its place asks, from the letters typed.

One declaration of a key (an `Option` with its `Shape`) serves the loader, the JSON Schema and the
reference. A shape reads a node of the source tree; what is wrong goes to the `Reader`, and None
comes back.
"""

from engine.shapes.buttons import check_buttons
from engine.shapes.conditions import CRITERIA, CUSTOMER_CRITERIA, Criteria
from engine.shapes.reader import NameUse, Reader, Ref
from engine.shapes.shape import Option, ScalarShape, Shape
from engine.shapes.structures import Either, ListOf, MapOf, Record
from engine.shapes.texts import (
    BUTTON,
    BUTTON_LABEL,
    CHANNEL_NAMES,
    LABEL,
    PLAIN_OPTION,
    QUESTION,
    TEXT,
    TextShape,
)
from engine.shapes.values import ASSIGNMENTS, CONSTANT, LITERAL, VALUE, Literal, plain, typed
from engine.shapes.words import (
    BOOLEAN,
    DURATION,
    FIELD_REF,
    FLOW_REF,
    INTEGER,
    KEEP_REF,
    MEMBERS_REF,
    MOMENT,
    NAME,
    NODE_REF,
    OFFSET,
    SAVE_REF,
    SEGMENT_REF,
    TAG_REF,
    TIME,
    TOLD,
    WHO,
    WORD,
    Name,
    OneOf,
    WholeNumber,
)

__all__ = [
    "ASSIGNMENTS",
    "BOOLEAN",
    "BUTTON",
    "BUTTON_LABEL",
    "CHANNEL_NAMES",
    "CONSTANT",
    "CRITERIA",
    "CUSTOMER_CRITERIA",
    "DURATION",
    "FIELD_REF",
    "FLOW_REF",
    "INTEGER",
    "KEEP_REF",
    "LABEL",
    "LITERAL",
    "MEMBERS_REF",
    "MOMENT",
    "NAME",
    "NODE_REF",
    "OFFSET",
    "PLAIN_OPTION",
    "QUESTION",
    "SAVE_REF",
    "SEGMENT_REF",
    "TAG_REF",
    "TEXT",
    "TIME",
    "TOLD",
    "VALUE",
    "WHO",
    "WORD",
    "Criteria",
    "Either",
    "ListOf",
    "Literal",
    "MapOf",
    "Name",
    "NameUse",
    "OneOf",
    "Option",
    "Reader",
    "Record",
    "Ref",
    "ScalarShape",
    "Shape",
    "TextShape",
    "WholeNumber",
    "check_buttons",
    "plain",
    "typed",
]
