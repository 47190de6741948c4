# Written by scripts/unasync.py from src/dragoman/client/_async/__init__.py; change that instead.
"""The synchronous edge, generated from `_async` by scripts/unasync.py."""
