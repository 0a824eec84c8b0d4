"""The rules, one file each: the only source of their text."""
