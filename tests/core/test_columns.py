"""Columns of a terminal: as wide as any has it, cut and folded without losing or inventing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth, wcwidth

from orchestrator.core.columns import columns, cut, filled, flat, folded

TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("ab  日本🎉👩‍💻🇩🇪⚠️é\u0301\x1b\n\t\u202e한"))
)
WIDTHS = st.integers(0, 60)


@given(TEXTS)
def test_a_flat_text_is_one_line_that_no_terminal_draws_wider_than_it_is_counted(text: str) -> None:
    shown = flat(text)
    assert shown.isprintable()
    assert flat(shown) == shown
    assert 0 <= wcswidth(shown) <= columns(shown)


def test_no_single_character_is_counted_narrower_than_terminals_have_it() -> None:
    every = (chr(code) for code in range(0x20, 0x30000) if not 0xD800 <= code < 0xE000)
    assert [hex(ord(one)) for one in every if flat(one) and wcwidth(one) > columns(one)] == []


@given(TEXTS, WIDTHS)
def test_what_is_cut_is_no_wider_than_asked_and_what_is_filled_exactly_as_wide(text: str, width: int) -> None:
    shown = flat(text)
    assert columns(cut(shown, width)) <= width
    assert columns(filled(shown, width)) == width
    assert cut(shown, columns(shown)) == shown


@given(TEXTS, st.integers(1, 40))
def test_what_is_folded_loses_nothing_and_is_wider_than_asked_only_for_one_word(text: str, width: int) -> None:
    shown = flat(text)
    lines = list(folded(shown, width))
    assert "".join("".join(lines).split()) == "".join(shown.split())
    assert all(columns(one) <= width or len(one.split()) == 1 for one in lines)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("see /a/long/path now", 6, ["see", "/a/long/path", "now"]),
        ("日本語の文", 4, ["日本", "語の", "文"]),
        ("", 4, []),
    ],
)
def test_lines_break_between_words_and_between_wide_characters(text: str, width: int, lines: list[str]) -> None:
    assert list(folded(text, width)) == lines


def test_joiners_escapes_and_marks_of_direction_go() -> None:
    assert flat("a\u202eb\x1b[1m 👩\u200d💻\n⚠\ufe0f") == "ab[1m 👩💻 ⚠"
