"""A text in several languages and channels, and the choice of the one to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from msgspec import Struct

Leaf = TypeVar("Leaf")
Other = TypeVar("Other")

Variant = tuple[str | None, str | None, Leaf]
"""(language, channel, leaf); None means "any"."""

_Key = tuple[str | None, str | None]


class Text(Struct, Generic[Leaf], frozen=True, dict=True):
    """One text as its author wrote it: alone, by language, by channel, or by both.

    `variants` holds at least one variant, in the order written. What a variant holds is open:
    a `str`, or a compiled template. Raises ValueError if there is no variant, or two for the
    same language and channel.
    """

    variants: tuple[Variant[Leaf], ...]

    def __post_init__(self) -> None:
        keys = {(language, channel) for language, channel, _ in self.variants}
        if not keys or len(keys) < len(self.variants):
            raise ValueError("a text needs exactly one variant for each language and channel")

    @cached_property
    def _leaves(self) -> dict[_Key, Leaf]:
        leaves = {(language, channel): leaf for language, channel, leaf in self.variants}
        for language, _, leaf in self.variants:
            leaves.setdefault((language, None), leaf)
        return leaves

    @classmethod
    def plain(cls, leaf: Leaf) -> Text[Leaf]:
        """The same text in every language and channel."""
        return cls(((None, None, leaf),))

    @classmethod
    def by_language(cls, leaves: Mapping[str, Leaf]) -> Text[Leaf]:
        """One text for each language, the same in every channel."""
        return cls(tuple((language, None, leaf) for language, leaf in leaves.items()))

    def pick(
        self, language: str | None, channel: str | None = None, fallbacks: Sequence[str] = ()
    ) -> Leaf:
        """The variant for a reader of `language` on `channel`.

        Tried in this order: the language, its base language (`en-GB` reads `en`), each of
        `fallbacks` (the flow's language, then the business's), a variant for no language in
        particular, the first written. Within a language: the channel's own, the one for any
        channel, the first written in that language. The language counts more than the channel.
        """
        if len(self.variants) == 1:
            return self.variants[0][2]
        leaves = self._leaves
        if (language, channel) in leaves:
            return leaves[language, channel]
        for candidate in _chain(language, fallbacks):
            for key in ((candidate, channel), (candidate, None)):
                if key in leaves:
                    return leaves[key]
        return self.variants[0][2]

    def map(self, change: Callable[[Leaf], Other]) -> Text[Other]:
        """The same languages and channels with `change` applied to each variant."""
        return Text(tuple((lang, channel, change(leaf)) for lang, channel, leaf in self.variants))


def _chain(language: str | None, fallbacks: Sequence[str]) -> tuple[str | None, ...]:
    if language is None:
        return (*fallbacks, None)
    base = language.replace("_", "-").partition("-")[0]
    return (language, base, *fallbacks, None)
