"""Pausing, and taking turns, for either kind of client."""

from asyncio import Lock as AsyncLock
from asyncio import sleep as asleep
from threading import Lock
from time import sleep

__all__ = ["AsyncLock", "Lock", "asleep", "sleep"]
