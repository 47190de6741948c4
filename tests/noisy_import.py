"""Does on import what no module of ours may do, to show that it would be noticed."""

import socket
import threading
from pathlib import Path

(Path(__file__).parent.parent / "pyproject.toml").read_bytes()
with socket.socket() as _socket:
    _socket.bind(("127.0.0.1", 0))
_thread = threading.Thread(target=int)
_thread.start()
_thread.join()
