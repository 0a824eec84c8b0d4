"""A folder for PYTHONPATH: its `sitecustomize` has every Python process below `unjam run` watch itself."""
