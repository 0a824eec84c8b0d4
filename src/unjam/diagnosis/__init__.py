"""Events to findings: pure functions, no clock, no I/O."""
