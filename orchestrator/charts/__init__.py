"""The plots of `metrics --html`: drawn from the log by the extra `charts`, without script and without network."""
