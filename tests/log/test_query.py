"""jq filters: their results, their truth, and what is said when they cannot be applied."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import OrchestratorError, WrongUsage
from orchestrator.log.query import NoAnswer, matches, truth


@pytest.mark.parametrize(
    ("filter", "text", "results"),
    [
        (".a", '{"a": 1.5}', [1.5]),
        (".[]", "[1, null, {}]", [1, None, {}]),
        ("select(.a)", '{"a": false}', []),
        (".a", '{"a": 1}{"a": "é"}', [1, "é"]),
    ],
)
def test_every_result_over_each_value_is_given(filter: str, text: str, results: list[Any]) -> None:
    assert matches(filter, text) == results


@pytest.mark.parametrize(
    ("filter", "text", "said"),
    [
        (".failed == 0", '{"failed": 0}', True),
        (".failed == 0", '{"failed": 2}', False),
        (".a", '{"a": null}', False),
        (".a", '{"a": 0}', True),
        ("empty", "{}", False),
        (".[]", "[false, true]", True),
        (".[]", "[true, false]", False),
    ],
)
def test_a_filter_is_true_when_its_last_result_is_neither_false_nor_null(filter: str, text: str, said: bool) -> None:
    assert truth(filter, text) is said


@pytest.mark.parametrize(
    ("filter", "text", "kind", "said"),
    [
        (".[", "{}", WrongUsage, "the filter '.[' is not jq: "),
        ("nosuch", "{}", WrongUsage, "the filter 'nosuch' is not jq: "),
        (".a", "[1]", NoAnswer, "the filter '.a' gives no answer: Cannot index array"),
        (".a", "Tests: 3 passed", NoAnswer, "the filter '.a' gives no answer: "),
        ('error("two\nlines")', "{}", NoAnswer, "gives no answer: two lines"),
    ],
)
def test_a_filter_that_cannot_be_applied_says_why_in_one_line(
    filter: str, text: str, kind: type[OrchestratorError], said: str
) -> None:
    with pytest.raises(kind) as caught:
        matches(filter, text)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_no_text_at_all_gives_no_results() -> None:
    assert (matches(".", ""), truth(".", "")) == ([], False)
