"""The command line: one file a command, an explicit tuple of them."""
