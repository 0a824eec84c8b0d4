"""What an integration says at the door when the library that it is for is not installed."""

from __future__ import annotations

from importlib import import_module

from unjam.errors import NotAvailable


def need(module: str, *, extra: str) -> None:
    """Raise NotAvailable, with the command that helps, where `module` cannot be imported."""
    try:
        import_module(module)
    except ImportError as error:
        raise NotAvailable(f"{module} cannot be imported ({error}): pip install 'unjam[{extra}]'") from error
