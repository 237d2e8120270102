"""`hook NAME`: what the git hooks call. Prints nothing but pre-push's line, and never fails a commit."""

from __future__ import annotations

import click

from orchestrator import hooking


@click.command("hook", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str, arguments: tuple[str, ...]) -> int:
    """Do what git hook NAME is there for."""
    hooking.call(name, arguments)
    return 0
