"""The table of names and help lines; a command is imported only when it runs."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

from orchestrator import __version__

COMMANDS = {
    "init": "set a repository up, or take that away again (--remove)",
    "workflows": "show the line as it is read: phases, gates, and why each stops",
    "lint": "find what would go wrong in documents and validations, before it is run",
    "start": "start a feature: branch, state, context files",
    "next": "do one step of the feature whose turn it is",
    "run": "do steps of all features until nothing is left to do",
    "attach": "follow what the agent of a feature prints",
    "brief": "hand out a step's brief to an agent that drives itself",
    "report": "close the attempt that brief opened",
    "status": "show who is where, what waits, since when",
    "approve": "decide the gates that wait, in one sitting",
    "review": "show the waiting gates as a page in your browser, and decide there",
    "signers": "say whose signature counts at a gate",
    "guard": "check a push: is every gate of it approved and signed",
    "publish": "push the signed approvals, for a guard on the server",
    "reject": "send a feature back with the reason",
    "checkpoint": "make a rollback point by hand",
    "checkpoints": "list a feature's checkpoints",
    "rollback": "take a feature back to a checkpoint, or undo that",
    "pause": "stop a feature until resume",
    "resume": "end a pause, or start a failed feature again",
    "note": "add a note to a feature",
    "set": "change a field of a feature's state",
    "retire": "let go of a finished feature: its worktree and its tags",
    "log": "show the audit trail",
    "replay": "show the state at any moment of the past",
    "diff": "show what differs between two moments of a feature",
    "verify": "check log, refs, backups, states, hooks and the outside",
    "metrics": "what the kit did, measured from the log",
    "hook": "what the git hooks call",
    "claude-hook": "what the hooks of Claude Code call",
}
MODULES = {"set": "set_field", "claude-hook": "claude_hook"}  # a name that Python has or could not have


class Table(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"orchestrator.commands.{MODULES.get(cmd_name, cmd_name)}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing what it names."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for one that is not there."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"There is no command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="orchestrator")
def group() -> None:
    """Let AI coding agents build several features at once, and decide only what needs a person."""
