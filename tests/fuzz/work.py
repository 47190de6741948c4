"""How much work something is, counted in instructions of our own code, which no clock and no other process changes."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import dragoman

_OURS = dragoman.__path__[0]


def work(run: Callable[[], object]) -> int:
    """The instructions that `run` executes in the package; what C code does is not seen."""
    count = 0

    def instruction(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "opcode"
        return instruction

    def call(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return instruction

    before = sys.gettrace()
    sys.settrace(call)
    try:
        run()
    finally:
        sys.settrace(before)
    return count
