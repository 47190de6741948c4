"""The benchmark: what a call through the gateway costs, beside the least it could cost.

    python -m bench [--quick] [--rounds N] [--only PHASES] [--json FILE]

A fast mock upstream and a load generator (`mock.c`, `load.c`, compiled on first use) stand on one side, the
gateway as an operator runs it (a stored key, the ledger on SQLite, the JSON access log) and the bare floor
(`floor.py`) take turns on the other. Linux only: it reads /proc and pins processes to cores.
"""
