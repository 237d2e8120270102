"""The moments that people name on the command line: a time, an event, a checkpoint, yesterday, the last run.

`render.until` has those at which the past ends; here is where it begins, and what lies between two of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from orchestrator import config, render
from orchestrator.core.story import last_run
from orchestrator.core.values import slug
from orchestrator.errors import BadConfiguration, Refusal, WrongUsage
from orchestrator.workspace import Workspace, now

_DAYS = {"today": 0, "yesterday": 1}
_SPAN = re.compile(r"\d[\d.]*\s*[a-z]")  # 8h, 90m, 1h30m: a number and a unit


def after(workspace: Workspace, since: str) -> Callable[[int, str], bool]:
    """Return what tells by number and time whether an event came after `since`.

    That is a time with offset, `#ID`, `today`, `yesterday`, a duration (`8h`) or `last run`. Raises WrongUsage.
    """
    words = " ".join(since.replace("-", " ").split()) if since.startswith("last") else since.strip()
    if words == "last run":
        before = last_run(workspace.events())
        return lambda number, _: number > before
    if since.startswith("#") and since[1:].isdecimal():
        event = int(since[1:])
        return lambda number, _: number > event
    moment = _began(words)
    return lambda _, timestamp: datetime.fromisoformat(timestamp) > moment


def _began(words: str) -> datetime:
    if words in _DAYS:
        day = now().date() - timedelta(days=_DAYS[words])
        return datetime(day.year, day.month, day.day).astimezone()
    if _SPAN.match(words):
        try:
            return now() - timedelta(seconds=config.seconds(words, "--since"))
        except (BadConfiguration, OverflowError) as error:
            raise WrongUsage(f"{words!r} is no duration", "write it like 90m, 8h or 7d") from error
    try:
        return render.instant(words)
    except WrongUsage as error:
        hint = error.hint if "offset" in str(error) else f"{error.hint}, 8h, today, yesterday or 'last run'"
        raise WrongUsage(str(error), hint.replace(" or checkpoint/NAME/N", "")) from error


def event_at(workspace: Workspace, name: str, when: str) -> int:
    """Return the number of the last event at a moment: `now`, and else as in `render.until`; N is a checkpoint's.

    0 is the moment before the first one. Raises WrongUsage and Refusal.
    """
    if when == "now":
        workspace.load()
        return workspace.head.id
    is_before = render.until(workspace, f"checkpoint/{slug(name)}/{when}" if when.isdecimal() else when)
    found = [one.id for one in workspace.journal.records() if is_before(one.id, one.timestamp)]
    if when.startswith("checkpoint/") or when.isdecimal() or found:
        return found[-1]
    raise Refusal(f"nothing was recorded yet at {when}", "orchestrator log shows the first events")
