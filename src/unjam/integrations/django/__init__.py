"""The Django app: `unjam.integrations.django` in INSTALLED_APPS, its middleware first in MIDDLEWARE, options in UNJAM.

Nothing is imported here: Django imports `apps` and `middleware` by their names when it is ready for them.
"""
