"""`claude-hook NAME`: what the hooks of Claude Code call. Never stops the client, whatever it is given."""

from __future__ import annotations

import os
import sys

import click
import msgspec

from orchestrator.core.asking import Hooked
from orchestrator.core.guardrail import broken_rule


@click.command("claude-hook", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str, arguments: tuple[str, ...]) -> int:
    """Read a hook's JSON on stdin and answer it: `pre-tool` denies, `post-tool` records a person's answers."""
    try:
        hooked = msgspec.json.decode(sys.stdin.buffer.read(), type=Hooked)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        click.echo(f"orchestrator: what stands on stdin is no hook's JSON: {error}", err=True)
        return 0
    if name == "pre-tool":
        _deny(hooked)
    elif name == "post-tool":
        _record(hooked)
    return 0


def _deny(hooked: Hooked) -> None:
    command = hooked.tool_input.get("command")
    if (hooked.hook_event_name, hooked.tool_name) != ("PreToolUse", "Bash") or not isinstance(command, str):
        return
    if rule := broken_rule(command):
        _answer("PreToolUse", permissionDecision="deny", permissionDecisionReason=f"orchestrator: {rule}")


def _record(hooked: Hooked) -> None:
    from orchestrator import claude  # the other hook, before each command of an agent's, does without the log

    if said := claude.answered(hooked, os.environ):
        _answer("PostToolUse", additionalContext=said)


def _answer(event: str, **said: str) -> None:
    click.echo(msgspec.json.encode({"hookSpecificOutput": {"hookEventName": event, **said}}).decode())
