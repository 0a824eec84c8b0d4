"""The app's configuration: it registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from unjam.integrations.django.checks import check_middleware, check_options


class UnjamConfig(AppConfig):  # type: ignore[misc]  # Django carries no types
    """`unjam.integrations.django` in INSTALLED_APPS."""

    name = "unjam.integrations.django"
    label = "unjam"
    verbose_name = "unjam"

    def ready(self) -> None:
        """Register the checks."""
        register(check_options)
        register(check_middleware)
