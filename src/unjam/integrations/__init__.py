"""Where people already are: test runners, frameworks, metrics."""
