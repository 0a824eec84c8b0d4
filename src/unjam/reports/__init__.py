"""A session to bytes: an explicit tuple of reports."""
