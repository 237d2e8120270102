"""jq filters over JSON: on the events of the log, and on what a validation prints."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from orchestrator.errors import OrchestratorError, WrongUsage


class NoAnswer(OrchestratorError):
    """A filter cannot be applied: what it was given is no JSON, or not of the shape it asks for."""


def matches(filter: str, text: str) -> list[Any]:
    """Return every result of the jq `filter` over each JSON value in `text`.

    Raises WrongUsage for a filter that jq does not understand and NoAnswer where it fails on `text`.
    """
    program = _compiled(filter)
    try:
        return list(program.input_text(text).all())
    except ValueError as error:
        raise NoAnswer(f"the filter {filter!r} gives no answer: {error}") from error


def truth(filter: str, text: str) -> bool:
    """Tell whether the last result of `filter` is neither false nor null, as `jq --exit-status` does."""
    results = matches(filter, text)
    return bool(results) and results[-1] is not None and results[-1] is not False


def check(filter: str) -> None:
    """Raise WrongUsage for a filter that jq does not understand."""
    _compiled(filter)


@lru_cache(maxsize=8)
def _compiled(filter: str) -> Any:
    import jq  # here: a compiled library that only filters need

    try:
        return jq.compile(filter)
    except ValueError as error:
        raise WrongUsage(f"the filter {filter!r} is not jq: {error}") from error
