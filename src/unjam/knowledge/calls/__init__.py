"""The records of blocking calls, one file an area."""
