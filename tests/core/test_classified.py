"""Which type holds of the map's and of what the words say."""

from __future__ import annotations

from itertools import product

import pytest

from orchestrator.core.classified import TYPES, Classified, Seen, holding, is_weaker, section_digest


def seen(type: str) -> Seen:
    return Seen(key="GATE 1", digest="new", type=type, why="asks a person")


@pytest.mark.parametrize(("said", "read"), list(product(TYPES, TYPES)))
def test_a_persons_word_holds_for_the_text_it_was_said_of_and_else_the_stricter_one(said: str, read: str) -> None:
    assert holding(Classified(key="GATE 1", type=said, digest="new"), seen(read)) == (
        said,
        "orchestrator-gates.toml says so",
    )
    for digest in ("old", ""):
        held, why = holding(Classified(key="GATE 1", type=said, digest=digest), seen(read))
        assert held == max(said, read, key=TYPES.index)
        assert why == (
            f"orchestrator-gates.toml says {said}, but its section changed since"
            if is_weaker(said, read)
            else "orchestrator-gates.toml says so, its section changed since"
        )


@pytest.mark.parametrize(
    ("text", "other", "is_same"),
    [
        ("# A\n\nAsk.\n", "# A  \n\t\nAsk.\t", True),
        ("# A\n\nAsk.\n", "\n# A\n\nAsk.\n\n", True),
        ("# A\n\nAsk.\n", "# A\nAsk.\n", False),
        ("# A\n\nAsk.\n", "# A\n\n  Ask.\n", False),
    ],
)
def test_a_sections_digest_minds_all_but_blanks_at_the_ends(text: str, other: str, is_same: bool) -> None:
    assert (section_digest(text) == section_digest(other)) is is_same
