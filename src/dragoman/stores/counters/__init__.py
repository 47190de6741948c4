"""`ports.Counters`: in memory for one gateway, in Redis for several that share their limits."""
