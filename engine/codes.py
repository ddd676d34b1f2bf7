"""Every code a problem may have, with the one thing it means.

Codes never change their meaning and are never used again for another; E stops `apply`, W does
not. Hundreds are places to look: 0 the file, 1 the flow's shape, 2 one value, 3 names, 4 types,
5 templates, 6 triggers and channels, 7 the business, 8 tests, 9 what is not there yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        "E001": "the file is not YAML",
        "E002": "the file is too large",
        "E003": "values lie too deep inside one another",
        "E004": "an alias stands inside its own anchor",
        "E005": "a document has too many values, aliases followed",
        "E006": "a YAML tag is used",
        "E007": "a key is written twice in one mapping",
        "E008": "an unquoted value would be cut off at ' #'",
        "E009": "a character that cannot be shown",
        "E010": "a key that is no word, or a merge of what is no mapping",
        "E011": "a document is neither a flow, a campaign nor a test",
        "E012": "a project has no crm.yaml, or two",
        "E013": "a link to a place outside of the project, or what is no plain file",
        "E101": "an unknown key",
        "E102": "two nodes have one id",
        "E103": "a node goes to one that does not exist",
        "E104": "no way leads to a node",
        "E105": "nodes go round in a circle without a wait",
        "E106": "a node waits for a person and no reply can end the wait",
        "E107": "a node has two kinds",
        "E108": "a node has no kind",
        "E109": "a required key is missing",
        "E110": "two flows, or two tests of a flow, have one name",
        "E111": "a flow has no nodes",
        "E112": "options of a node contradict or need one another",
        "E113": "a node leaves by goto and end at once",
        "E201": "a list, a mapping or one value stands where another of them belongs",
        "E202": "nothing is written where a value belongs",
        "E203": "a value is not of the form its place asks for",
        "E204": "a word is not one of those its place knows",
        "E205": "a language the business does not speak, in a text",
        "E206": "a name with letters that names cannot have",
        "E301": "an unknown field",
        "E302": "an unknown tag",
        "E304": "an unknown flow",
        "E306": "an unknown variable or other name",
        "E307": "a field that only Rapport writes is written",
        "E340": "a split of which no way has a weight",
        "E401": "a reply type that does not fit the field it is saved to",
        "E402": "a value that is not an option of its select",
        "E403": "a literal that is not of its field's type, or breaks its rules",
        "E404": "criteria that cannot be read, or do not fit the names they ask about",
        "E405": "a pattern that cannot be matched in linear time, or is none",
        "E501": "a template that is not one",
        "E502": "a template reads a name that does not exist",
        "E601": "an unknown event in a trigger",
        "E602": "one word claimed by two flows",
        "E603": "two triggers of a flow for the same occasion",
        "E604": "a text longer than a channel takes",
        "E605": "a button longer than a channel takes",
        "E606": "more buttons under a message, or in a row, than a channel takes",
        "E701": "an unknown industry",
        "E702": "a key of a field that cannot be one",
        "E703": "more fields of a type than there are slots",
        "E704": "rules of a field that contradict it or each other",
        "E801": "a step of a test that is not one",
        "E901": "a part of the language that this version does not have yet",
        "W101": "no way leads out of a circle of nodes",
        "W301": "a reply is saved to a field that is not declared",
        "W601": "a keyword that people opt out with",
        "W501": "a text has no translation in one of the languages",
        "W901": "a key that is read and checked, but has no effect yet in this version",
    }
)
"""Code -> its meaning."""
