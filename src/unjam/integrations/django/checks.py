"""System checks (`manage.py check`): whether the middleware is where it can measure, and the options are right."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, Warning  # noqa: A004 -- Django's name
from django.utils.module_loading import import_string

from unjam.errors import UsageError
from unjam.integrations.django.options import options_of

MIDDLEWARE = "unjam.integrations.django.middleware.UnjamMiddleware"


def check_options(app_configs: Any, **more: Any) -> list[Any]:
    """unjam.E001: an option of UNJAM that cannot be."""
    del app_configs, more
    try:
        options_of(settings)
    except UsageError as error:
        return [Error(str(error), hint="docs/web.md lists the options of UNJAM", id="unjam.E001")]
    return []


def check_middleware(app_configs: Any, **more: Any) -> list[Any]:
    """unjam.W001, W002, W003: the middleware is missing, stands behind others, or has synchronous ones behind it."""
    del app_configs, more
    listed = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in listed:
        return [Warning("requests are not measured", hint=f"put {MIDDLEWARE!r} first in MIDDLEWARE", id="unjam.W001")]
    return [*_first(listed), *_synchronous(listed)]


def _first(listed: list[str]) -> list[Any]:
    place = listed.index(MIDDLEWARE)
    if place == 0:
        return []
    what = f"the time of {place} middleware before that of unjam is not measured"
    return [Warning(what, hint=f"put {MIDDLEWARE!r} first in MIDDLEWARE", id="unjam.W002")]


def _synchronous(listed: list[str]) -> list[Any]:
    """Each change between asynchronous and synchronous middleware sends the request through a thread (Django's own warning)."""
    only = [path for path in listed if not getattr(import_string(path), "async_capable", False)]
    if not only:
        return []
    what = f"under ASGI every request waits for a thread, because of middleware that is synchronous only: {', '.join(only)}"
    hint = "give it async_capable = True; until then its time is no time on the loop, and a full pool makes requests wait (UJ601)"
    return [Warning(what, hint=hint, id="unjam.W003")]
