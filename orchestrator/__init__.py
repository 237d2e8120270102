"""Git hooks and make targets that let one person have AI coding agents build several features at once."""

__version__ = "0.1.0"
