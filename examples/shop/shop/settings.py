"""Where things are, from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The price service's address, and the folder for the database and the log."""

    prices: str
    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "shop.db"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.folder / "shop.log"


SETTINGS = Settings(
    prices=os.environ.get("SHOP_PRICES", "http://127.0.0.1:8001"),
    folder=Path(os.environ.get("SHOP_FOLDER", ".")),
)
