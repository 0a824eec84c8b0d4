"""Requests as they are tallied: what each took of its loop, what it waited, because of whom. The frameworks' middlewares use it."""

from unjam.integrations.web.fields import RequestFields
from unjam.integrations.web.request import Late, Request
from unjam.integrations.web.tracker import current

__all__ = ["Late", "Request", "RequestFields", "current"]
