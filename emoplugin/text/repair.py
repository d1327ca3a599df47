"""Repair of characters: what was typed with odd code points, written with plain ones.

Everything here works cluster by cluster, a cluster being a character and the marks on it. So the repair of a text is
the repairs of its clusters in a row, which is what lets a position in the repaired text be traced back.
"""

from __future__ import annotations

import unicodedata

import regex
from unidecode import unidecode

from emoplugin.text.emojis import KEYCAP_PATTERN, emoji_characters, is_component

_STACKED_MARKS = 2
_FOLDS_KEPT = 1 << 16

_CLUSTER = regex.compile(
    # Conjoining jamo compose with each other though none of them is a mark.
    r"(?:[\uac00-\ud7a3]?[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]++|.)[\p{M}\p{Default_Ignorable_Code_Point}]*+",
    regex.DOTALL,
)
_KEYCAP = regex.compile(KEYCAP_PATTERN)
_LATIN = regex.compile(r"\p{Latin}")
_LETTER_THAT_JOINS = regex.compile(r"(?V1)[\p{L}--\p{Latin}]")
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_INVISIBLE_BUT_JOINERS = regex.compile(r"(?V1)[\p{Default_Ignorable_Code_Point}--[\u200c\u200d]]")
_MARK = regex.compile(r"\p{M}")
_STACKING = regex.compile(r"(?V1)[\p{M}&&\p{Script=Inherited}]")
# More marks than any script needs: sorting them canonically would take quadratic time.
_TOO_MANY_MARKS = regex.compile(r"(\p{M}{8})\p{M}++")

_TYPOGRAPHY = {
    **dict.fromkeys("‘’‚‛′ʹʻʼʽˈ´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
    "‹": "<",
    "›": ">",
}


def repair(text: str) -> str:
    """Writes a text with plain characters; a space stands for a control character or a lone surrogate."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_repair_cluster, _CLUSTER.findall(text)))


def repair_with_origin(text: str) -> tuple[str, list[int]]:
    """Repairs a text and tells where each character came from.

    Returns:
        The repaired text, and for each of its characters the position in ``text`` where its cluster starts, with the
        length of ``text`` as one more value at the end.
    """
    parts: list[str] = []
    origin: list[int] = []
    position = 0
    for cluster in _CLUSTER.findall(text):
        repaired = _repair_cluster(cluster)
        parts.append(repaired)
        origin.extend([position] * len(repaired))
        position += len(cluster)
    origin.append(position)
    return "".join(parts), origin


def _repair_cluster(cluster: str) -> str:
    base = cluster[0]
    if len(cluster) == 1 and base.isascii() and base.isprintable():
        return base
    if keycap := _KEYCAP.match(cluster):
        return str(keycap[0])
    if base in emoji_characters():
        return base + "".join(character for character in cluster[1:] if is_component(character))
    invisible = _INVISIBLE_BUT_JOINERS if _LETTER_THAT_JOINS.match(base) else _INVISIBLE
    visible = _TOO_MANY_MARKS.sub(r"\1", invisible.sub("", cluster))
    folded = _unstack(unicodedata.normalize("NFC", visible)).translate(_FOLDS)
    return str(_MARK.sub("", folded)) if folded[:1].isascii() else folded


def _unstack(text: str) -> str:
    """Leaves two of the marks that can be piled on anything: more of them are a prank."""
    stacking = _STACKING.findall(text)
    for mark in stacking[: _STACKED_MARKS - 1 : -1]:
        head, _, tail = text.rpartition(mark)
        text = head + tail
    return text


class _Folds(dict[int, str]):
    """A table for ``str.translate`` that works out its entries when they are asked for."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < _FOLDS_KEPT:
            self[code] = folded
        return folded


def _fold(character: str) -> str:
    if character in _TYPOGRAPHY:
        return _TYPOGRAPHY[character]
    if unicodedata.category(character) in ("Cc", "Cs"):
        return " "
    if character.isascii():
        return character
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) == 1 and (plain.isascii() or (plain.isalpha() and "\U0001d400" <= character <= "\U0001d7ff")):
        return plain
    if _LATIN.match(character):
        # Only letters that are spelt with letters: unidecode also describes sounds and clicks with signs.
        spelt = unidecode(character)
        if spelt.isalpha() and len(spelt) <= 3:
            return str(spelt)
    return character


_FOLDS = _Folds()
