"""`make test-integration`: the tests of seed 000 against a gateway in a process of its own."""
