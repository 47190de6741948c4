"""One endpoint between LLM applications and everything they call."""
