"""A patch as it is shown: its rows, and what cannot be seen."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.web import patches
from orchestrator.web.patches import Line

PATCH = (
    b"diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n kept\n"
    b"--- removed: two dashes\n+diff --git is a row of the file's\n\\ No newline at end of file\n"
)


def test_rows_are_what_their_first_character_says_and_headers_are_left_out() -> None:
    assert patches.read(PATCH) == (
        Line(kind="place", text="@@ -1,2 +1,2 @@"),
        Line(kind="kept", text=" kept"),
        Line(kind="removed", text="--- removed: two dashes"),
        Line(kind="added", text="+diff --git is a row of the file's"),
        Line(kind="meta", text="\\ No newline at end of file"),
    )


def test_what_reorders_or_hides_text_stands_as_its_code_point() -> None:
    assert patches.visible("+a\u202eb\x1b[31m\u200bc\td") == "+a<U+202E>b<U+001B>[31m<U+200B>c\td"


def test_a_long_row_is_cut_and_says_so() -> None:
    assert patches.visible("x" * 500) == "x" * 400 + " … 100 more characters"


def test_a_file_that_is_too_large_is_named_and_the_others_are_shown() -> None:
    found = patches.chosen({"a": ("3", "0"), "b.lock": ("90000", "1"), "c": ("-", "-")})
    assert found == {"a": "", "b.lock": "90001 lines changed: too many to be shown here", "c": ""}


@given(st.binary(max_size=400))
def test_any_bytes_are_read_and_nothing_unseen_is_left(content: bytes) -> None:
    rows = patches.read(b"diff --git a/x b/x\n@@ -1 +1 @@\n" + content)
    assert all(one == "\t" or unicodedata.category(one) not in ("Cc", "Cf") for row in rows for one in row.text)
