"""Sources inside the watched process: they observe and emit, never judge, never print."""
