"""An event loop in a thread of its own, for synchronous callers of asynchronous code."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Portal:
    """Runs coroutines for other threads; its own begins with the first and ends with `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._opened: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns or raises. A caller that is interrupted cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._open())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends the thread; nothing runs after it."""
        if self._thread is not None and self.running:
            loop, end = self._opened.result()
            loop.call_soon_threadsafe(end.set)
            self._thread.join()

    def _open(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._thread is None:
                # A daemon: a client that nobody closes must not keep the interpreter from ending.
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
        return self._opened.result()[0]

    def _work(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        end = asyncio.Event()
        self._opened.set_result((asyncio.get_running_loop(), end))
        await end.wait()
