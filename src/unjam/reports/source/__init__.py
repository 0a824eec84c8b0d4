"""The reports of `unjam check`: one file a format, an explicit table of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from unjam.reports.source.view import Shown

FORMATS: Mapping[str, str] = {
    "full": "full",
    "concise": "concise",
    "json": "document",
    "github": "github",
    "sarif": "sarif",
    "junit": "junit",
}
"""By the name that users type, the module here that has `render(shown) -> str`.

Only the one that is asked for is imported: the answer about an unchanged project is made of imports more than of anything else.
"""


def rendered(name: str, shown: Shown) -> str:
    """What is to be shown, as the text of that format."""
    text: str = importlib.import_module(f"{__name__}.{FORMATS[name]}").render(shown)
    return text


__all__ = ["FORMATS", "Shown", "rendered"]
