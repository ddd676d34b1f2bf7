"""The kinds of mistakes that people make in these files, and what has to be told of each."""

from __future__ import annotations

import re

from tests.mutations.mistake import Mistake, Mutant


def _users(mutant: Mutant, text: str) -> set[int]:
    """The lines that lead to the id whose name is no longer there."""
    name = re.escape(mutant.match["id"])
    return _lines(rf"(?:goto|else|next): *{name}\b", text)


def _lines(pattern: str, text: str) -> set[int]:
    return {text[: one.start()].count("\n") + 1 for one in re.finditer(pattern, text)}


def _swapped(match: re.Match[str]) -> str:
    """The word with two letters in the middle exchanged, its own quotes and blanks kept."""
    word = match["word"]
    middle = next(at for at in range(1, len(word)) if word[at - 1] != word[at])
    slip = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return match[0].replace(word, slip, 1)


def _key(name: str, *keys: str, file: str = "flow", codes: str = "E101") -> Mistake:
    """Two letters of a key are exchanged."""
    pattern = rf"(?:^ *(?:- )?|[{{,] ?)(?P<word>{'|'.join(keys)}):(?= |$)"
    return Mistake(name, codes, pattern, _swapped, file)


def _word(name: str, codes: str, before: str, word: str, file: str = "flow") -> Mistake:
    """Two letters of a word are exchanged, which stands after something."""
    return Mistake(name, codes, rf"{before}(?P<word>{word})", _swapped, file)


YAML = (
    Mistake("a tab indents a line", "E001", r"^    (?=\w)", "\t", file="flow"),
    Mistake("a closing quote is forgotten", "E001", r'^( *[\w-]+: "[^"\n]*)"$', r"\1"),
    Mistake("a closing brace is forgotten", "E001", r"^( *- \{.*)\}$", r"\1"),
    Mistake("a closing bracket is forgotten", "E001", r"^( *\w+: \[[^\[\]{}\n]*)\]$", r"\1"),
    Mistake("a colon is forgotten", "E001", r"^(    (?:save_to|goto|overwrite)): ", r"\1 "),
    Mistake("a blank after a colon is forgotten", "E001", r"^(    (?:save_to|goto)): ", r"\1:"),
    Mistake("one blank too many indents a line", "E001", r"^    (?=(?:save_to|overwrite):)", "     "),
    Mistake("one blank too few indents a line", "E001", r"^    (?=(?:save_to|overwrite):)", "   "),
    Mistake("a line is there twice", "E007", r"^(    (?:save_to|overwrite|goto|ask|id): .*\n)", r"\1¦\1"),
    Mistake("a text with a colon has no quotes", "E001", r'^( *(?:- )?(?:say|ask)): .*$', r"\1: Please note: x"),
    Mistake("a text with a hash has no quotes", "E008", r"^( *(?:- )?(?:say|ask)): .*$", r"\1: Order #12"),
    Mistake("a text that begins with a template has no quotes", "E010", r"^( *(?:- )?(?:say|ask)): .+$", r"\1: {{ customer.first_name }}"),
    Mistake("a text goes on after its quotes", "E001", r'^( *\w\w: "[^"\n]*")$', r"\1 and more"),
    Mistake("a value has a tag", "E006", r"^( *(?:- )?(?:say|ask)): (?=[^|])(.+)$", r"\1: !!str \2", unless=r": $"),
    Mistake("an invisible character came with a copy", "E009", r"^( *\w\w: )(?=\")", "\\1\u200b\ufeff"),
    Mistake("a conflict was not settled", "E001", r"^nodes:$", "<<<<<<< HEAD\nnodes:"),
    Mistake("an alias has no anchor", "E001", r"^(    timeout): .+$", r"\1: *standard"),
)  # fmt: skip

KEYS = (
    _key("a key of the flow is misspelt", "title", "triggers", "channels"),
    _key("nodes is misspelt", "nodes", codes="E101 E109"),
    _key("a key of a question is misspelt", "save_to", "overwrite", "retry", "timeout", "skip", "choices", "expect", "rules"),
    _key("a key inside an option is misspelt", "attempts", "remind", "after", "value", "offset"),
    _key("a key of crm.yaml is misspelt", "industry", "fields", "tags", "staff", "always", "fallback", file="business"),
    _key("a key of the business is misspelt", "timezone", "country", "currency", "calendar", "languages", file="business"),
    _key("a key of a field is misspelt", "type", "label", "rules", "ask", "options", file="business"),
    _key("a key of a tag is misspelt", "color", "description", file="business"),
    _key("a key of a test is misspelt", "channel", "customer", "now", file="test"),
    Mistake("a comma ends a text inside braces", "E101", r"(\{text: \w[\w ]*?)(?=,)", r"\1, friend"),
    Mistake("flow is forgotten", "E011", r"^flow: \w+\n", ""),
    Mistake("nodes are forgotten", "E109", r"^nodes:\n(?:.*\n)*", "", place=lambda _, text: _lines(r"(?m)^flow:", text)),
    Mistake("there are no nodes", "E111", r"^nodes:\n(?:.*\n)*", "nodes: []\n"),
    Mistake("a flow has the name of another", "E110", r"^flow: (?:lead_capture|shoe_size|welcome_back)$", "flow: help"),
    Mistake("a flow was copied and not named anew", "E110", r"^flow: hours$", "flow: booking"),
    Mistake("a test is there twice", "E110", r"\A((?:#.*\n)?)((?:.*\n)*?)(?=---)", r"\1\2---\n¦\2", file="test"),
)  # fmt: skip

NODES = (
    Mistake("a kind is misspelt", "E108", r"^  - (?P<word>say|ask|branch|call|form|delay|set):", _swapped),
    Mistake("a kind below an id is misspelt", "E108", r"^(  - id: .*\n)    (?P<word>say|ask|branch|call|form):", lambda m: m[1] + "¦" + _swapped(m)[len(m[1]) :]),
    Mistake("a node has no kind", "E108", r"^(  - id: \w+\n)    (?:say|call): .+\n(?!    end)", r"\1"),
    Mistake("a node has two kinds", "E107", r"^(    (?:say|call): .+\n)", r"\1¦    form: [first_name]\n"),
    Mistake("a node is a plain text", "E201", r"^nodes:\n", "nodes:\n¦  - Hello there\n"),
    Mistake("two nodes have one id", "E102", r"^(  - id: (?P<id>\w+)\n(?:(?!  - id:).*\n)*)  - id: \w+$", r"\1¦  - id: \2"),
    Mistake("an id that is led to is renamed", "E103", r"^  - id: (?P<id>\w+)$", r"  - id: \1_new", place=_users),
    Mistake("an id is end", "E206", r"^  - id: \w+$", "  - id: end"),
    Mistake("an id has a blank", "E203", r"^  - id: (\w+)$", r"  - id: \1 node"),
    Mistake("a goto is misspelt", "E103", r"goto: (?P<word>\w{3,})", _swapped),
    Mistake("an else is misspelt", "E103", r"else: (?P<word>\w{3,})", _swapped),
    Mistake("a node ends the flow above one that nothing else leads to", "E104", r"^((?:  - |    )tag: .*\n)(?=  - (?:say|branch))", r"\1    end: early\n¦"),
    Mistake("a node leads to itself", "E105", r"^(  - id: (?P<id>\w+)\n    (?:say|tag): .+\n)(?!    end)", r"\1    goto: \2\n"),
    Mistake("a question leads to itself", "E106", r"^(  - id: (?P<id>\w+)\n    ask: (?:\{.*\}|\w.*)\n    save_to: \w+\n)(?=\n|  -)", r"\1    goto: \2\n"),
    Mistake("a node has goto and end", "E113", r"^(    end: \w+)$", r"    goto: end\n¦\1"),
    Mistake("a called flow is misspelt", "E304", r"call: (?P<word>\w+)", _swapped),
    Mistake("a button's flow is misspelt", "E304", r"flow: (?P<word>\w+)\}", _swapped),
    Mistake("a button has no address", "E112", r', url: "[^"]*"\}', "}"),
    Mistake("a question keeps counting without a way out", "E112", r"(attempts: 3), goto: \w+", r"\1"),
    Mistake("a question leaves without counting", "E112", r", attempts: 3(?=, goto)", ""),
    Mistake("a reminder comes after the end", "E112", r"remind: \{after: 30m", "remind: {after: 30h"),
    Mistake("a time-out has two ends", "E112", r"timeout: \{after: 2h", "timeout: {until: 2030-01-01, after: 2h"),
    Mistake("an offset counts from nothing", "E112", r"\{until: 2030-01-01, offset", "{offset"),
    Mistake("a tag is added and removed", "E112", r"add: \[Regular\], remove: \[VIP\]", "add: [VIP], remove: [VIP]"),
    Mistake("a tag node changes nothing", "E112 E202", r"tag: \{.*\}", "tag: {}"),
)  # fmt: skip

VALUES = (
    Mistake("a value is forgotten", "E202", r"^(    (?:save_to|goto|end|call|expect)):.*$", r"\1:"),
    Mistake("a text is forgotten", "E202", r"^(  - (?:say|ask)): .+$", r"\1:"),
    Mistake("a number stands where options belong", "E201", r"^(    (?:retry|rules)): .+$", r"\1: 3"),
    Mistake("a list stands for a field", "E201", r"^(    save_to): (.+)$", r"\1: [\2]"),
    Mistake("a mapping stands for a name", "E201", r"^(    end): (.+)$", r"\1: {name: \2}"),
    Mistake("a duration has no unit", "E203", r"(after|for): (\d+)[hmd]", r"\1: \2"),
    Mistake("a duration is in words", "E203", r"(after|for): \d+[hmd]", r"\1: two hours"),
    Mistake("a number is in words", "E203", r"attempts: \d", "attempts: three"),
    Mistake("a time of day is none", "E203", r"at: \d\d:\d\d", "at: 25:99"),
    Mistake("a moment is none", "E203", r"until: \d{4}-\d\d-\d\d", "until: 2030-13-45"),
    _word("a word of a list is misspelt", "E204", "overwrite: ", "if_empty|always|confirm"),
    _word("a type of reply is misspelt", "E204", "expect: ", r"\w+"),
    _word("a channel is misspelt", "E204", r"channels: \[", "telegram"),
    _word("a type is misspelt", "E204", "type: ", r"\w+", file="business"),
    _word("a calendar is misspelt", "E204", "calendar: ", r"\w+", file="business"),
    _word("a role is misspelt", "E204", "role: ", r"\w+", file="business"),
    Mistake("a language is misspelt", "E205", r"\b(fa): ", "farsi: "),
    Mistake("a translation is forgotten", "W501", r"^( *)(say|- say|ask|- ask|text):\n( +)en: (.+)\n +fa: .*$", r"\1\2:\n¦\3en: \4"),
    Mistake("a translation inside braces is forgotten", "W501", r"(\{en: (?:\"[^\"]*\"|[^,{}\n]*)), fa: [^}\n]*\}", r"\1}"),
    Mistake("a colour is a word", "E203", r'color: "#\w+"', "color: gold", file="business"),
    Mistake("a time zone is unknown", "E203", r"timezone: \S+", "timezone: Asia/Theran", file="business"),
    Mistake("a country is a name", "E203", r"country: \w+", "country: Iran", file="business"),
    Mistake("a moment of a test has no offset", "E203", r"now: (\S+)\+03:30", r"now: \1", file="test"),
)  # fmt: skip

NAMES = (
    Mistake("a field in a template is misspelt", "E301", r"customer\.(?P<word>[a-z]\w+)(?=[ }])", _swapped, unless=r"customer\.id"),
    Mistake("customer is forgotten", "E502", r"\{\{ customer\.(?=[a-z]\w+)", "{{ ", unless="id"),
    Mistake("customer is misspelt", "E502", r"\{\{ customer\.", "{{ cusotmer."),
    Mistake("a variable is misspelt", "E306", r"\{\{ var\.(?P<word>\w+)", _swapped),
    Mistake("a part of the business is misspelt", "E502", r"business\.(?P<word>\w+)", _swapped),
    Mistake("the field of a reply is misspelt", "W301", r"save_to: (?P<word>[a-z]\w+)$", _swapped, unless=r"var\."),
    Mistake("a field of a set is misspelt", "E301", r"^      (?P<word>points|drink): ", _swapped),
    Mistake("a field that is worked out is written", "E307", r"^      points: ", "      crm_score: "),
    Mistake("a tag is misspelt", "E302", r"(?:add|remove): \[(?P<word>\w+)", _swapped),
    Mistake("a filter is misspelt", "E501", r"\| (?P<word>default|date|upper)\b", _swapped),
    Mistake("a template is not closed", "E501", r" \}\}", ""),
    Mistake("a template is not opened", "E501", r"\{% if [^%]+%\}", ""),
    Mistake("an if is not closed", "E501", r"\{% endif %\}", ""),
    Mistake("a template calls a function", "E501", r"\{\{ customer\.\w+", "{{ range(10)"),
    Mistake("a template has a power", "E501", r"\+ 10 \}\}", "** 10 }}"),
    Mistake("a flow of always is misspelt", "E304", r"flow: (?P<word>\w+)\}", _swapped, "business"),
    Mistake("the fallback is misspelt", "E304", r"fallback: (?P<word>\w+)", _swapped, "business"),
    Mistake("the flow of a test is misspelt", "E304", r"^flow: (?P<word>\w+)", _swapped, "test"),
)  # fmt: skip

TYPES = (
    _word("a field in criteria is misspelt", "E404", r"(?:when|only): \{", r"[a-z]\w+?(?=__|:)"),
    Mistake("an operator is misspelt", "E404", r"__(gte|isnull):", r"__\1x:"),
    Mistake("an operator does not fit its field", "E404", r"points__gte: 80", "points__contains: 8"),
    Mistake("an option in criteria is misspelt", "E404", r"(favorite_category|drink): (?:shoes|coffee)\}", r"\1: shose}"),
    Mistake("a value in criteria is of another type", "E404", r"points__gte: 80", "points__gte: many"),
    Mistake("a tag in criteria is misspelt", "E404", r"\{tags: \[(?P<word>\w+)\]\}", _swapped),
    Mistake("a reply is read as another type", "E401", r"^(    save_to: (?:birth_date|visit))$", r"\1\n¦    expect: boolean"),
    Mistake("a choice is none of its field", "E402", r"choices: \[tea, ", "choices: [juice, "),
    Mistake("a set value is no option", "E402", r"drink: tea$", "drink: juice"),
    Mistake("a set value is of another type", "E403", r"points: \".*\"", "points: many"),
    Mistake("a set value breaks a rule", "E403", r"points: \".*\"", "points: 101"),
    Mistake("a pattern looks ahead", "E405", r'pattern: "', 'pattern: "(?=A)', "business"),
    Mistake("a pattern does not end", "E405", r'pattern: "', 'pattern: "(', "business"),
    Mistake("a key of a field has capitals", "E702", r"^  ([a-z])(\w+): \{type", lambda m: m[0].replace(m[1] + m[2], m[1].upper() + m[2]), "business"),
    Mistake("a field is there for all already", "E702", r"^  (points): \{type", "  email: {type", "business"),
    Mistake("a select has no options", "E109", r"^    options: .*\n", "", "business", place=lambda _, text: _lines("type: select", text)),
    Mistake("options do not belong to the type", "E704", r"type: select\n", "type: number\n", "business", place=lambda _, text: _lines(r"(?:options: \[|(?<=options:\n) *- )", text)),
    Mistake("a rule does not belong to the type", "E704", r"rules: \{min: 0, max: 100\}", "rules: {past: true}", "business"),
    Mistake("two rules contradict", "E704", r"min: 0, max: 100", "min: 100, max: 0", "business"),
    _word("an industry is misspelt", "E701", "industry: ", r"\w+", file="business"),
)  # fmt: skip

TRIGGERS = (
    Mistake("an event is misspelt", "E601", r"on: (?P<word>command|message|referral)", _swapped),
    Mistake("a command is forgotten", "E109", r"on: command, command: \w+", "on: command"),
    Mistake("a keyword is forgotten", "E109", r"on: message, (?:keywords|contains): \[[^\]]*\]", "on: message"),
    Mistake("the event is forgotten", "E109", r"\{on: command, ", "{"),
    Mistake("a command has a blank", "E203", r"command: (\w+)(?=[},])", r"command: go \1", unless="command: command"),
    Mistake("a trigger is there twice", "E603", r"^(  - \{on: .*\n)", r"\1¦\1"),
    Mistake("a command is claimed by another flow", "E602", r"command: feedback", "command: help"),
    Mistake("a word is claimed by another flow", "E602", r"on: command, command: hours", "on: message, contains: [table]"),
    Mistake("a keyword is one that people opt out with", "W601", r"keywords: \[", "keywords: [stop, "),
    Mistake("a text is longer than a channel takes", "E604", r"^(  - (?:say|ask)): \w.*$", rf"\1: {'x' * 4097}"),
    Mistake("a row has more buttons than a channel shows", "E606", r"choices: \[tea, coffee\]", f"choices: [[{', '.join('abcdefghi')}]]"),
)  # fmt: skip

TESTS = (
    Mistake("a step of a test is misspelt", "E801", r"^  - (?P<word>user|bot|press|advance|silent|expect):", _swapped, "test"),
    Mistake("a step is a plain text", "E801", r"^  - user: .*$", "  - Hello", "test"),
    Mistake("what a message holds is misspelt", "E101", r"\{(?P<word>contains): ", _swapped, "test"),
)  # fmt: skip

MISTAKES = (*YAML, *KEYS, *NODES, *VALUES, *NAMES, *TYPES, *TRIGGERS, *TESTS)
