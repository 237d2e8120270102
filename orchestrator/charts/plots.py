"""Draws the plots as SVG through Altair and vl-convert: no script, no network. Colours are variables of the page.

They differ in lightness and not in hue alone (after Okabe and Ito), and what they tell is told by thickness or a mark
besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from typing import Any

import msgspec

from orchestrator.charts import series
from orchestrator.charts.series import Bar, Stretch
from orchestrator.errors import Refusal

EXTRA = ("altair", "vl_convert")
LIGHT = {
    "ink": "#1b1f24", "quiet": "#57606a", "grid": "#d8dee4", "paper": "#ffffff",
    "passed": "#0072b2", "failed": "#c44f00", "uncounted": "#8a9099", "gate": "#a87500", "stopped": "#a3508a",
}  # fmt: skip
DARK = {
    "ink": "#e6edf3", "quiet": "#9aa4ae", "grid": "#343b43", "paper": "#0d1117",
    "passed": "#56b4e9", "failed": "#ff8f4a", "uncounted": "#7d858e", "gate": "#e8bd4d", "stopped": "#e29bc9",
}  # fmt: skip
_COLOURS = {
    series.PASSED: "passed",
    series.FAILED: "failed",
    series.UNCOUNTED: "uncounted",
    series.GATE: "gate",
    series.STOPPED: "stopped",
    series.ROLLBACK: "ink",
    series.UNDO: "ink",
}
_SHAPES = {series.ROLLBACK: "triangle-left", series.UNDO: "triangle-right"}
_HEIGHTS = {  # of a bar, in rows: what cannot tell the colours apart tells these
    0.26: (series.GATE, series.STOPPED),
    0.56: (series.PASSED, series.UNCOUNTED),
    0.84: (series.FAILED,),
}
_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_LONGEST = 26  # letters of a name beside a plot
_MARK = re.compile(r'<(path|text|line|rect)((?: [^>]*)? aria-label="([^"]*)"[^>]*)/>')


def refuse_without_the_extra() -> None:
    """Raise Refusal where the libraries that draw are missing."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        what = f"plots need the extra orchestrator[charts]; {' and '.join(missing)} cannot be imported"
        raise Refusal(what, "install orchestrator[charts], for example: uv tool install '.[charts]' in its clone")


def colours(of: Mapping[str, str]) -> str:
    """Return a palette as declarations of CSS."""
    return "".join(f"--{name}:{colour};" for name, colour in of.items())


# --- plots -----------------------------------------------------------------------------------------


def lanes(rows: Sequence[Stretch], width: int, *, is_elapsed: bool = False, size: int = 12, row: int = 26) -> str:
    """Return the swim-lane: a row a feature, attempts thick, waits thin, a triangle for each rollback.

    `width` and `row` in pixels, `size` that of the letters; with `is_elapsed` time counts from the first stretch on.
    """
    import altair as alt  # the extra, and a second

    names = list(dict.fromkeys(one.feature for one in rows))
    kinds = [kind for kind in _COLOURS if any(one.kind == kind for one in rows)]
    inner = round(width - _room(names, size) - 2 * size)
    longest = max(one.last for one in rows)
    unit, scale = _unit(longest) if is_elapsed else ("", 1.0)
    base = alt.Chart(alt.Data(values=[_scaled(one, scale, longest / inner) for one in rows])).encode(
        y=alt.Y("feature:N", sort=names, title=None, axis=_names(alt, names, size, ticks=False, domain=False)),
        color=_coloured(alt, alt.Color, kinds, _legend(alt, kinds)),
        description="says:N",
    )
    begin, end, of = ("first", "last", "Q") if is_elapsed else ("began", "ended", "T")
    format_ = {} if is_elapsed else {"format": _clock(longest)}
    x = alt.X(f"{begin}:{of}", title=unit or None, axis=alt.Axis(labelOverlap=True, tickCount=10, **format_))
    bars = base.encode(x=x, x2=f"{end}:{of}", stroke=_coloured(alt, alt.Stroke, kinds, None))
    marks = base.encode(x=x)
    layers = [
        *(_only(alt, bars, *of_it).mark_bar(height=row * high, strokeWidth=1) for high, of_it in _HEIGHTS.items()),
        _only(alt, marks, series.FAILED)
        .transform_filter("datum.pixels > 10")
        .mark_text(text="×", dx=5, fontSize=row * 0.55, fontWeight="bold", aria=False)
        .encode(color=alt.value("var(--paper)")),
        *(
            _only(alt, marks, kind).mark_point(
                shape=shape, filled=True, size=row * 5, opacity=1, stroke="var(--paper)", strokeWidth=1
            )
            for kind, shape in _SHAPES.items()
        ),
    ]
    return _svg(alt, alt.layer(*layers).properties(width=inner, height=len(names) * row), size)


def _scaled(one: Stretch, scale: float, a_pixel: float) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    pixels = (one.last - one.first) / a_pixel if a_pixel else 0.0
    return {**told, "first": one.first / scale, "last": one.last / scale, "pixels": pixels}


def _coloured(alt: Any, channel: Any, kinds: Sequence[str], legend: Any) -> Any:
    """Return a channel of the kinds' colours; as an outline what is too short for a pixel is still seen."""
    scale = alt.Scale(domain=list(kinds), range=[f"var(--{_COLOURS[kind]})" for kind in kinds])
    return channel("kind:N", title=None, scale=scale, legend=legend)


def _legend(alt: Any, kinds: Sequence[str]) -> Any:
    return alt.Legend(orient="top", columns=5, symbolType="square", values=[one for one in kinds if one not in _SHAPES])


def _clock(seconds: float) -> str:
    """Return how moments of so long a time are written."""
    if seconds > 2 * 86400:
        return "%b %-d"
    return "%a %H:%M" if seconds > 6 * 3600 else "%H:%M" if seconds > 1200 else "%H:%M:%S"


def _only(alt: Any, chart: Any, *kinds: str) -> Any:
    return chart.transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=list(kinds)))


def columns(bars: Sequence[Bar], title: str, width: int) -> str:
    """Return upright bars of counts, a day or week each, in the order given."""
    import altair as alt  # the extra, and a second

    step = -(-len(bars) * 46 // width)  # a label takes 46 pixels at most
    labels = alt.Axis(labelAngle=0, values=[one.name for one in bars[::step]], labelExpr="slice(datum.label, 5)")
    chart = alt.Chart(alt.Data(values=msgspec.to_builtins(list(bars)))).encode(
        x=alt.X("name:O", sort=None, title=None, axis=labels),
        y=alt.Y("amount:Q", title=title, axis=alt.Axis(tickMinStep=1, format="d")),
        description="says:N",
    )
    thick = max(2.0, min(28.0, width / len(bars) * 0.7))
    drawn = chart.mark_bar(color="var(--passed)", size=thick)
    return _svg(alt, drawn.properties(width=width, height=180))


def rows(bars: Sequence[Bar], title: str, width: int, colour: str) -> str:
    """Return bars that lie, a row each, in the order given, each with what it says beside it."""
    import altair as alt  # the extra, and a second

    data = alt.Chart(alt.Data(values=msgspec.to_builtins(list(bars))))
    most = max(one.amount for one in bars)
    base = data.encode(
        x=alt.X("amount:Q", title=title, scale=alt.Scale(domain=[0, most * 1.6]), axis=alt.Axis(tickCount=4)),
        y=alt.Y("name:N", sort=None, title=None, axis=_names(alt, [one.name for one in bars])),
        description="says:N",
    )
    drawn = base.mark_bar(color=f"var(--{colour})", height=14)
    text = base.mark_text(align="left", dx=5, color="var(--ink)", fontSize=12, aria=False).encode(text="says:N")
    return _svg(alt, alt.layer(drawn, text).properties(width=width, height=len(bars) * 22))


def dots(bars: Sequence[Bar], width: int) -> str:
    """Return durations (seconds) as a dot each in the row of their name, with a stroke at the median."""
    import altair as alt  # the extra, and a second

    unit, scale = _unit(max(one.amount for one in bars))
    told = [{"name": one.name, "amount": one.amount / scale, "says": one.says} for one in bars]
    count = len({one.name for one in bars})
    base = alt.Chart(alt.Data(values=told)).encode(
        x=alt.X("amount:Q", title=unit, scale=alt.Scale(domainMin=0, zero=True), axis=alt.Axis(tickCount=5)),
        y=alt.Y("name:N", sort=None, title=None, axis=_names(alt, [one.name for one in bars])),
    )
    each = base.mark_circle(size=70, color="var(--gate)", opacity=0.65).encode(description="says:N")
    middle = base.mark_tick(thickness=3, height=18, color="var(--ink)", aria=False).encode(x="median(amount):Q")
    return _svg(alt, alt.layer(each, middle).properties(width=width, height=count * 26))


def _names(alt: Any, names: Sequence[str], size: int = 12, **more: Any) -> Any:
    """Return an axis with room for its names in any font, which is not known where the page is drawn; they are cut."""
    cut = f"length(datum.label) > {_LONGEST} ? slice(datum.label, 0, {_LONGEST - 1}) + '…' : datum.label"
    return alt.Axis(labelExpr=cut, labelLimit=0, minExtent=_room(names, size), **more)


def _room(names: Sequence[str], size: int) -> float:
    return min(_LONGEST, max(map(len, names))) * size * 0.62


def _unit(seconds: float) -> tuple[str, float]:
    """Return the unit in which so long is read best, and how many seconds it has."""
    scale, unit = next(((scale, unit) for scale, unit in _UNITS if seconds >= 2 * scale), _UNITS[-1])
    return unit, scale


def _svg(alt: Any, chart: Any, size: int = 12) -> str:
    """Return a plot as one SVG element whose marks say what they are when pointed at."""
    import vl_convert

    shared = {"labelFontSize": size, "titleFontSize": size, "titleFontWeight": "normal"}
    inks = {"labelColor": "var(--ink)", "titleColor": "var(--quiet)"}
    lines = {"gridColor": "var(--grid)", "domainColor": "var(--grid)", "tickColor": "var(--grid)"}
    chart = (
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(**shared, **inks, **lines, labelPadding=6, titlePadding=8)
        .configure_legend(**shared, **inks, symbolSize=130, rowPadding=4, columnPadding=26)
    )
    drawn = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=_version(alt))
    return _MARK.sub(r"<\1\2><title>\3</title></\1>", drawn)


def _version(alt: Any) -> str:
    return "_".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def picture(drawn: str, label: str) -> str:
    """Return an SVG element as a picture of its own: with paper below it, its colours in it, light and dark."""
    begin, _, rest = drawn.partition(">")
    whole = re.search(r'viewBox="([\d. ]+)"', begin)
    width, height = (float(one) for one in whole[1].split()[2:]) if whole else (0.0, 0.0)
    box = f'width="{width + 32:g}" height="{height + 32:g}" viewBox="-16 -16 {width + 32:g} {height + 32:g}"'
    style = f"svg{{{colours(LIGHT)}}}@media(prefers-color-scheme:dark){{svg{{{colours(DARK)}}}}}"
    paper = '<rect x="-16" y="-16" width="100%" height="100%" rx="6" style="fill:var(--paper)"/>'
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="{escape(label)}">'
    return f"{opened}<style>{style}</style>{paper}{rest}\n"
