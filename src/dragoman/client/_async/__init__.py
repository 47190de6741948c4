"""The asynchronous edge; `_sync` is generated from it by scripts/unasync.py."""
