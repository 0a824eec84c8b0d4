"""The engine in two tiers behind one contract: the C core, and its pure-Python twin."""
