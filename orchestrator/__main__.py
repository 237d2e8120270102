"""`python -I -m orchestrator`: what the hooks and the restart of the console script call."""

from orchestrator.cli import main

main()
