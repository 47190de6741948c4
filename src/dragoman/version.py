"""The version, in one place; the build and `dragoman --version` read it."""

__version__ = "0.1.0"
