"""What the tests of several packages start: a gateway and mock upstreams over real sockets."""
