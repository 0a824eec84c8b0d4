"""Source to findings: facts, entry points, reach, suppressions."""
