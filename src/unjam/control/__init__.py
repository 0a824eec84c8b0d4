"""The socket of a watched process: server inside it, client in the command line."""
