"""Calls through a whole gateway over real sockets."""
