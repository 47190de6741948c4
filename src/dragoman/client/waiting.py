"""The pause between two attempts, for either kind of client."""

from asyncio import sleep as asleep
from time import sleep

__all__ = ["asleep", "sleep"]
