"""Foreign text in Markdown stays text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.core.markdown import code, escaped

NASTY = st.text(alphabet=st.sampled_from("\\`*_{}[]<>|~$&!#+-=().:@ab1 \n\thtps/w"), max_size=40)
READER = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def shown(markdown: str) -> str:
    """Return the text that a reader of Markdown shows, of one paragraph and nothing else."""
    tokens = READER.parse(markdown)
    assert [one.type for one in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"]), markdown
    inline = (tokens[1].children or []) if tokens else []
    kinds = {one.type for one in inline}
    assert kinds <= {"text", "text_special", "html_inline"}, (markdown, kinds)
    return "".join(one.content for one in inline if one.type != "html_inline")


@given(NASTY)
def test_whatever_is_written_is_shown_as_it_is(text: str) -> None:
    assert shown(escaped(text)) == " ".join(text.split())


@given(NASTY)
def test_in_the_middle_of_a_line_too(text: str) -> None:
    assert shown(f"asked: x{escaped(text)} end") == f"asked: x{' '.join(text.split())} end"


def test_nobody_is_mentioned_and_nothing_is_linked() -> None:
    assert escaped("@ana saw #12") == "@<!-- -->ana saw #<!-- -->12"
    assert escaped("ana@example.org") == "ana@example.org"
    assert escaped("https://x.org/a") == "https<!-- -->://x.org/a"


@given(NASTY.filter(lambda text: text.strip()))
def test_a_code_span_holds_the_text_as_it_is(text: str) -> None:
    (token,) = READER.parse(f"a {code(text)}")[1].children[1:]  # type: ignore[index]
    assert (token.type, token.content.strip()) == ("code_inline", " ".join(text.split()))
