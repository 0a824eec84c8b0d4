"""Log records that know their request: a filter for the handlers that a program has already."""

from __future__ import annotations

import logging

from unjam.integrations.web.tracker import current


class RequestFields(logging.Filter):
    """Gives each record logged inside of a request the field `unjam`: its route, its own time, its waits and because of whom.

    To be added to a handler (a filter of a logger does not see what its children log). Nothing is filtered out, and a record
    that has the field already, as those of unjam do, keeps it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the field."""
        request = current()
        if request is not None and "unjam" not in vars(record):
            vars(record)["unjam"] = request.fields()
        return True
