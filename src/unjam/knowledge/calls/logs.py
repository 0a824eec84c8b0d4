"""Logging: cheap as a rule, as slow as its slowest handler when not."""

from __future__ import annotations

from unjam.knowledge.records import Call, Weight, family

_LOGGING = "https://docs.python.org/3/howto/logging-cookbook.html#dealing-with-handlers-that-block"

CALLS: tuple[Call, ...] = (
    *family(
        "logging",
        "debug info warning error exception critical log",
        "UJ306",
        weight=Weight.MICROSECONDS,
        remedy="queue-handler",
        source=_LOGGING,
    ),
    *family(
        "logging.Logger",
        "debug info warning error exception critical log handle callHandlers",
        "UJ306",
        weight=Weight.MICROSECONDS,
        remedy="queue-handler",
        frames=("logging:Logger._log",),
        source=_LOGGING,
    ),
    *family(
        "logging.LoggerAdapter",
        "debug info warning error exception critical log",
        "UJ306",
        weight=Weight.MICROSECONDS,
        remedy="queue-handler",
        source=_LOGGING,
    ),
    *family(
        "logging",
        "Handler.handle Handler.acquire StreamHandler.emit StreamHandler.flush FileHandler.emit FileHandler.__init__ shutdown",
        "UJ306",
        weight=Weight.MILLISECONDS,
        remedy="queue-handler",
        source=_LOGGING,
    ),
    *family(
        "logging.handlers",
        "BaseRotatingHandler.emit RotatingFileHandler.doRollover TimedRotatingFileHandler.doRollover WatchedFileHandler.emit "
        "SocketHandler.emit DatagramHandler.send SysLogHandler.emit SMTPHandler.emit HTTPHandler.emit MemoryHandler.flush",
        "UJ306",
        remedy="queue-handler",
        source=_LOGGING,
    ),
    *family(
        "logging.config",
        "dictConfig fileConfig",
        "UJ306",
        weight=Weight.MILLISECONDS,
        remedy="read-once",
        source=_LOGGING,
    ),
    *family("syslog", "syslog openlog", "UJ306", weight=Weight.MICROSECONDS, remedy="queue-handler"),
    *family(
        "loguru._logger.Logger",
        "trace debug info success warning error critical exception log",
        "UJ306",
        weight=Weight.MICROSECONDS,
        remedy="queue-handler",
        twin="logger.add(..., enqueue=True)",
        frames=("loguru._logger:Logger._log", "loguru._handler:Handler.emit"),
        source="https://loguru.readthedocs.io/en/stable/api/logger.html",
    ),
)
