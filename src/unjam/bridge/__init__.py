"""An island: bounded pools and channels between threads and loops; imports errors only."""
