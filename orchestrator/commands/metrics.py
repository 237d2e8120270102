"""`metrics`: what the log holds about the kit's work; each figure with its sample."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator import measuring, render, session


@click.command("metrics")
@click.option("--since", metavar="WHEN", help="Only what ended since: a time with offset, #ID, or a duration like 7d.")
@click.option("--against", metavar="WHEN", help="Compare with the time before it: from WHEN on, or as long as 7d.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Set your own old figures beside.")
@click.option("--explain", is_flag=True, help="Say how each figure is computed, and from which events.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with plots to FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    since: str | None, against: str | None, baseline: Path | None, explain: bool, html: Path | None, as_json: bool
) -> None:
    """Show the figures of the log: automation, throughput, context loss, time in gates, rollbacks, attempts."""
    yours = _yours(baseline)
    with session.looking() as workspace:
        found = measuring.table(workspace, since, against, yours)
        if html is not None:
            from orchestrator.charts import page  # the plots' extra is asked for only here

            page.write(html, found, list(workspace.events()))
        if as_json:
            render.json(measuring.document(found))
        elif html is not None:
            click.echo(f"written: {html}")
        else:
            measuring.show(found, explain)


def _yours(path: Path | None) -> dict[str, float]:
    from orchestrator import baseline  # only where it is asked for

    return baseline.read(path) if path is not None else {}
