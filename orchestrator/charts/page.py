"""`metrics --html`: one page with the figures and the plots in it. It holds no script and asks nothing of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from orchestrator import measuring
from orchestrator.charts import plots, series
from orchestrator.core.events import Event
from orchestrator.core.figures import DEFINITIONS
from orchestrator.core.spans import spans
from orchestrator.errors import Refusal
from orchestrator.measuring import Row, Table

MARK = "<!doctype html>\n<!-- orchestrator metrics -->\n"  # a file without it is never written over
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px 20px 48px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;margin:0}h2{font-size:18px;margin:0 0 4px}p{margin:4px 0 12px;color:var(--quiet)}
section{margin-top:32px;min-width:0}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:0 40px}
.wide{overflow-x:auto}.wide svg{display:block}
.small svg{max-width:100%;height:auto;display:block}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 14px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid)}
thead th{color:var(--quiet);font-weight:normal}tbody th{font-weight:600}
dt{font-weight:600;margin-top:8px}dd{margin:0;color:var(--quiet)}summary{cursor:pointer;margin-top:12px}
code{font-size:13px;overflow-wrap:anywhere}
"""


def write(path: Path, found: Table, events: Sequence[Event]) -> None:
    """Write the page of a table to `path`. Raises Refusal without the extra, and over a file that is no such page."""
    plots.refuse_without_the_extra()
    try:
        if path.exists() and not path.read_bytes().startswith(MARK.encode()):
            raise Refusal(f"{path} is there and is no page of metrics", "name another file")
        path.write_text(page(found, events), encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror or error}", "name another file") from error


def page(found: Table, events: Sequence[Event]) -> str:
    """Return the page: HTML, one file, light and dark."""
    palettes = f":root{{color-scheme:light dark;{plots.colours(plots.LIGHT)}}}"
    dark = f"@media(prefers-color-scheme:dark){{:root{{{plots.colours(plots.DARK)}}}}}"
    head = (
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>orchestrator metrics</title>'
        f"<style>{palettes}{dark}{_STYLE}</style></head>"
    )
    header = "".join(f"<p>{escape(line)}</p>" for line in measuring.headers(found) if line)
    parts = [_figures(found), *_plots(found, events), _workflows(found)]
    return f"{MARK}{head}<body><h1>What the log says</h1>{header}{''.join(parts)}</body></html>\n"


def _figures(found: Table) -> str:
    said = "".join(
        f"<dt>{escape(one.title)}</dt><dd>{escape(one.says)} Computed from <code>{', '.join(one.events)}</code></dd>"
        for one in DEFINITIONS
    )
    table = _table(*measuring.figure_rows(found))
    return f"<section>{table}<details><summary>How each figure is computed</summary><dl>{said}</dl></details></section>"


def _plots(found: Table, events: Sequence[Event]) -> Iterator[str]:
    after = found.now.period.after
    recent = [one for one in events if one.id > after]
    lived = [one for one in spans(events) if not one.ended or one.last > after]
    rows = series.lanes(lived, events)
    bars, step = series.throughput(recent)
    waits, costs, failures = series.gate_waits(lived), series.costs(recent), series.failures(lived)
    yield _section(
        "Features over time",
        "A row a feature. Thick: attempts, thickest where one failed (×). Thin: waiting. ◀ a rollback, ▶ its undo.",
        plots.lanes(rows, 1190) if rows else "No attempt was begun yet.",
        "wide",
    )
    yield '<div class="two">'
    completed = sum(one.amount for one in bars)
    yield _section(
        "Throughput",
        f"Features completed, by {step}.",
        plots.columns(bars, "features", 400) if completed else "No feature was completed.",
    )
    yield _section(
        "Time at gates",
        "A dot for each decision; the stroke is the median.",
        plots.dots(waits, 280) if waits else "No gate was decided.",
    )
    yield _section(
        "Cost by workflow",
        "US dollars, as far as clients said what their calls cost.",
        plots.rows(costs, "US dollars", 360, "passed") if costs else "No client reported a cost.",
    )
    yield _section(
        "Where attempts fail",
        "Failed attempts by workflow and phase, of all that were begun there.",
        plots.rows(failures, "failed attempts", 360, "failed") if failures else "No attempt failed.",
    )
    yield "</div>"


def _workflows(found: Table) -> str:
    gates, workflows = measuring.gate_rows(found.now.metrics), measuring.workflow_rows(found.now.metrics)
    return "".join(
        f'<section><h2>{title}</h2><div class="wide">{_table(*rows)}</div></section>'
        for title, rows in (("Gates", gates), ("Workflows", workflows))
        if rows[1]
    )


def _section(title: str, caption: str, content: str, kind: str = "small") -> str:
    shown = f'<div class="{kind}">{content}</div>' if content.startswith("<svg") else f"<p><em>{content}</em></p>"
    return f"<section><h2>{escape(title)}</h2><p>{escape(caption)}</p>{shown}</section>"


def _table(headings: Row, rows: Sequence[Row]) -> str:
    head = "".join(f'<th scope="col">{escape(one.capitalize())}</th>' for one in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(one)}</td>" for one in row[1:])}</tr>'
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
