"""Events at rest: writer, reader, folder."""
