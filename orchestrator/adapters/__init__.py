"""The world, one method one effect, knowing no rules."""
