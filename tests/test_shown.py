"""Command blocks of a page, and the elisions of what they print."""

from __future__ import annotations

import pytest

from tests.shown import Block, blocks, differs

PAGE = """\
# A page

<!-- not run: it takes the network -->
```sh
install it
```

Then:

```sh
first
second    # a remark
```

It says:

<!-- in any order -->
```text
one
two ...
```

```toml
key = 1
```

```sh
approve
```

```text
anything else approves nothing: 1 = yes
```

## Another part

```text
this belongs to nothing
```
"""


def test_a_page_gives_its_command_blocks_each_with_what_it_prints() -> None:
    assert blocks(PAGE) == [
        Block("install it\n", "it takes the network"),
        Block("first\nsecond    # a remark\n", "", ("one", "two ..."), in_order=False),
        Block("approve\n", "", ("anything else approves nothing: 1 = yes",)),
    ]
    assert [block.name for block in blocks(PAGE)] == ["install it", "first", "approve"]
    assert blocks(PAGE)[2].answers == ["1 = yes"]


@pytest.mark.parametrize(
    "shown",
    [
        "a 1\nb 2\nc 3",
        "a ...\n... 2\nc 3",
        "...",
        "...\nb 2\n...",
        "a 1\n...\nc 3",
        "a 1\nb 2\nc 3\n...",
        "...\na 1\n...\nc ...",
    ],
)
def test_an_elision_stands_for_any_text_in_a_line_and_a_line_of_it_for_any_lines(shown: str) -> None:
    assert differs(Block("", "", tuple(shown.split("\n"))), "a 1\nb 2  \nc 3\n") == ""


@pytest.mark.parametrize(
    ("shown", "first"),
    [
        ("a 1\nc 3", "c 3"),
        ("a 1\nb 2", "the end: more was printed"),
        ("a ..\nb 2\nc 3", "a .."),
        ("...\nc 3\nb 2", "b 2"),
        ("a 1\n...\nc 4", "c 4"),
    ],
)
def test_a_line_that_did_not_come_is_named(shown: str, first: str) -> None:
    assert differs(Block("", "", tuple(shown.split("\n"))), "a 1\nb 2\nc 3\n") == first


def test_where_the_order_is_left_open_each_line_must_have_come_somewhere() -> None:
    assert differs(Block("", "", ("b ...", "a 1"), in_order=False), "a 1\nb 2\nc 3\n") == ""
    assert differs(Block("", "", ("b 3",), in_order=False), "a 1\nb 2\nc 3\n") == "b 3"
