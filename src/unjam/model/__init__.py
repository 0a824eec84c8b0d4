"""The nouns: frozen and serialisable, shared by every layer."""
