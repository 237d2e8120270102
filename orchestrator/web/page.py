"""Renders the page from its templates, every text escaped: with its forms, or as one file that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from orchestrator.assets import asset
from orchestrator.core.values import Value
from orchestrator.web.deciding import Said
from orchestrator.web.gates import Other, Shown

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = "review"
STYLE, SCRIPT, ICON = "page.css", "page.js", "icon.svg"

Source = Callable[[Shown, int, str], str]  # a gate, the index of a file, `before` or `after` -> the picture's address


class Sheet(Value):
    """All that one page says. `closed`: why nothing can be decided on it; empty where it can."""

    repository: str
    made: str
    gates: Sequence[Shown]
    features: Sequence[Other]
    nothing: str
    batch: str
    closed: str
    notices: tuple[str, ...] = ()

    @property
    def inside(self) -> list[Shown]:
        """What stays in the house."""
        return [one for one in self.gates if not one.is_outward]

    @property
    def outside(self) -> list[Shown]:
        """What goes outside, or cannot be taken back."""
        return [one for one in self.gates if one.is_outward]

    @property
    def wrong(self) -> list[Other]:
        """What stands still and needs somebody."""
        return [one for one in self.features if one.is_wrong]

    @property
    def others(self) -> list[Other]:
        """What goes its way, or was stopped by hand."""
        return [one for one in self.features if not one.is_wrong]

    @property
    def all_of_them(self) -> list[Shown]:
        """What APPROVE ALL approves."""
        return [one for one in self.gates if one.in_all and not one.closed]

    @property
    def can_decide(self) -> bool:
        """Tell whether the page has any form."""
        return not self.closed and any(not one.closed for one in self.gates)


def live(sheet: Sheet, source: Source, form: str, said: Said | None) -> str:
    """Return the page with its forms."""
    return _rendered(sheet=sheet, source=source, form=form, said=said, is_static=False)


def static(sheet: Sheet, source: Source) -> str:
    """Return the page as one file, read-only: style, script and pictures inside, nothing asked for elsewhere."""
    style, script = asset(_FOLDER, STYLE).decode(), asset(_FOLDER, SCRIPT).decode()
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    more = {"style": style, "script": script, "policy": policy}
    return _rendered(sheet=sheet, source=source, form="", said=None, is_static=True, **more)


def own(name: str) -> bytes:
    """Return the page's style or script."""
    return asset(_FOLDER, name)


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _rendered(**values: Any) -> str:
    return _environment().get_template("page.html").render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # late: only where a page is made

    loader = FunctionLoader(lambda name: asset(_FOLDER, name).decode())
    return Environment(autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
