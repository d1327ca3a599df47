"""``emoplugin explain``: which words of a dialogue decided, and by how much."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emoplugin.dialogue import WINDOW, Dialogue
from emoplugin.errors import InputError

if TYPE_CHECKING:
    from rich.columns import Columns
    from rich.console import JustifyMethod
    from rich.table import Table
    from rich.text import Text

    from emoplugin.models.explanation import ExplainedTurn, Explanation, Feature

SHOWN = 5
"""Most words and features that are named for a turn."""

NOTICEABLE = 0.1
"""What adds less than this to a score is neither coloured nor named."""

STRONG = 0.5
"""From this share of the strongest word's contribution on, a word is bold."""

LONGEST = 24
"""Longer words, and several words taken together, are named by their ends."""

_SPEAKERS = ("user", "bot", "user")
_JOINER = "\u200d"
_HIDDEN = "\ufffd"


def explain(
    turns: Annotated[
        list[str],
        typer.Argument(
            metavar="[TURN1 [TURN2]] TURN3", help="The turns, oldest first; or one text with <eos> between them."
        ),
    ],
    model: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "nelec-en",
    label: Annotated[str | None, typer.Option(help="The label to explain; by default the one decided for.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON instead of text.")] = False,
) -> None:
    """Show which words of a dialogue decided, and by how much.

    Green words speak for the label, red ones against it. What they add and the base make up the score: the log-odds
    of the label.
    """
    if len(turns) > WINDOW:
        raise InputError(f"At most {WINDOW} turns, found {len(turns)}. Put a turn of several words in quotes.")

    from emoplugin.cli.console import json_line
    from emoplugin.models import explanation
    from emoplugin.models.bundle import load

    dialogue = Dialogue.parse(turns[0]) if len(turns) == 1 else Dialogue(turns)
    explained = explanation.explain(load(model), dialogue, label)
    if as_json:
        typer.echo(json_line(explained.to_json()), nl=False)
    else:
        _show(explained)


def _show(explained: Explanation) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    summary = f"{explained.label} {explained.confidence:.1%}, a score of {explained.score:+.2f} ({explained.model})\n"
    console.print(Text(summary, "bold"))
    console.print(_sum(explained))
    groups = [(speaker, turn.features) for speaker, turn in _spoken(explained)]
    if any(features for _, features in groups):
        console.print(Text("\nFeatures, by what they add to the score of the lexical part alone\n"))
        console.print(_features([*groups, ("between", explained.features)]))


def _sum(explained: Explanation) -> Table:
    """What adds up to the score, a row each; below each turn its strongest words."""
    strongest = max((abs(piece.contribution) for turn in explained.turns for piece in turn.pieces), default=0.0)
    table = _table("right", "left", "left")
    table.add_row(f"{explained.base:+.2f}", "base", "without any words")
    for speaker, turn in _spoken(explained):
        table.add_row(f"{turn.contribution:+.2f}", speaker, _coloured(turn, strongest))
        ranked = sorted(turn.pieces, key=lambda piece: -abs(piece.contribution))
        table.add_row("", "", _listed((_short(piece.text), piece.contribution) for piece in ranked))
    table.add_row(f"{explained.score:+.2f}", "score", "")
    return table


def _features(groups: Sequence[tuple[str, Sequence[Feature]]]) -> Table:
    table = _table("left", "left")
    for speaker, features in groups:
        named = ((f"{feature.name}={feature.value:.2g}", feature.effect) for feature in features)
        table.add_row(speaker, _listed(named))
    return table


def _spoken(explained: Explanation) -> list[tuple[str, ExplainedTurn]]:
    """The turns that there are, with who speaks."""
    return [(speaker, turn) for speaker, turn in zip(_SPEAKERS, explained.turns, strict=True) if turn.text]


def _table(*columns: JustifyMethod) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    for justify in columns:
        table.add_column(justify=justify)
    return table


def _coloured(turn: ExplainedTurn, strongest: float) -> Text:
    """The turn, its words in the colour of what they add. What the model does not read is left out."""
    from rich.text import Text

    text = Text()
    reached = 0
    for piece in turn.pieces:
        gap = turn.text[reached : piece.start]
        text.append(" " if gap.isspace() else " … " if gap else "")
        text.append(_printable(piece.text), _style(piece.contribution, strongest))
        reached = piece.end
    return text


def _style(contribution: float, strongest: float) -> str:
    if abs(contribution) < NOTICEABLE:
        return ""
    colour = "green" if contribution > 0 else "red"
    return f"bold {colour}" if abs(contribution) >= STRONG * strongest else colour


def _listed(entries: Iterable[tuple[str, float]]) -> Columns:
    """The first few entries that are noticeable, with signed numbers."""
    from rich.columns import Columns
    from rich.text import Text

    noticeable = [(name, amount) for name, amount in entries if abs(amount) >= NOTICEABLE]
    return Columns(
        [Text(f"{amount:+.2f} {_printable(name)}", "dim", no_wrap=True) for name, amount in noticeable[:SHOWN]],
        padding=(0, 2),
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"


def _printable(text: str) -> str:
    """The text without what would move the cursor, colour the screen or turn the line around."""
    return "".join(" " if character.isspace() else _HIDDEN if _controls(character) else character for character in text)


def _controls(character: str) -> bool:
    return unicodedata.category(character).startswith("C") and character != _JOINER
