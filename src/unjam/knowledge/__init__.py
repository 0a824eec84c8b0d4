"""Facts as typed data, without I/O: calls that block, remedies, rules."""
