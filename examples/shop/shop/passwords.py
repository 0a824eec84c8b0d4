"""Password hashing: slow on purpose, and it releases the GIL."""

import hashlib
import os

ROUNDS = 600_000


def hashed(password: str) -> str:
    """Hash with a fresh salt. Computes for 100 ms and more."""
    salt = os.urandom(16)
    return salt.hex() + hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS).hex()
