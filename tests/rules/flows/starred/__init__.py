from .parsers import *  # noqa: F403
