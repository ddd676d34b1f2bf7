"""An outline as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html"""

from __future__ import annotations

from rapport.pictures.outline import Box, Outline

SHAPES = {
    "begin": ("([", "])"),
    "end": ("(((", ")))"),
    "ask": ("[/", "/]"),
    "form": ("[/", "/]"),
    "branch": ("{{", "}}"),
    "split": ("{{", "}}"),
    "call": ("[[", "]]"),
    "start": ("[[", "]]"),
    "delay": ("([", "])"),
    "wait_for": ("([", "])"),
    "say": ("(", ")"),
    "http": ("[\\", "\\]"),
    "notify": ("[/", "\\]"),
    "handoff": ("[/", "\\]"),
    **dict.fromkeys(("note", "task", "purchase", "interaction"), ("[(", ")]")),
    **dict.fromkeys(("set", "tag", "segment"), ("[", "]")),
}
"""What begins and ends a box of each kind; another kind is a plain one."""

_CLASSES = (
    "classDef waits stroke-width:3px",
    "classDef lost stroke:#c00,color:#c00",
)


def mermaid(outline: Outline) -> str:
    """The text of the chart; ids are numbers, for Mermaid has words of its own."""
    numbers = {box.id: f"n{number}" for number, box in enumerate(outline.boxes)}
    lines = [f"---\ntitle: {_plain(outline.title)}\n---", "flowchart TD"]
    for box in outline.boxes:
        begin, end = SHAPES.get(box.kind, ("[", "]"))
        lines.append(f'    {numbers[box.id]}{begin}"{_label(box)}"{end}{_class(box)}')
    for arrow in outline.arrows:
        label = f'|"{_plain(arrow.told)}"|' if arrow.told else ""
        lines.append(f"    {numbers[arrow.source]} -->{label} {numbers[arrow.target]}")
    lines += [f"    {line}" for line in _CLASSES]
    return "\n".join(lines) + "\n"


def _class(box: Box) -> str:
    return ":::lost" if box.lost else ":::waits" if box.waits else ""


def _label(box: Box) -> str:
    if box.kind == "end":
        return "end"
    title = box.kind if box.kind != "begin" else ""
    named = " ".join(part for part in (title, box.name) if part)
    head = [f"<b>{_plain(named)}</b>"] if named else []
    stores = [f"→ {_plain(box.stores)}"] if box.stores else []
    known = [*box.figures.lines, box.figures.lost] if box.figures is not None else []
    figures = [f"<i>{_plain(line)}</i>" for line in known if line]
    return "<br>".join([*head, *map(_plain, box.lines), *stores, *figures]) or "begin"


def _plain(text: str) -> str:
    """A text that Mermaid shows as it is: its own entities for what has a meaning there."""
    marks = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\n": " "}
    return "".join(marks.get(letter, letter) for letter in text)
