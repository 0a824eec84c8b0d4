"""UJ305: imports that run on the loop."""

import typing

import requests

if typing.TYPE_CHECKING:
    import numpy


async def lazily():
    import pandas  # note: UJ305 import pandas
    import tabulate  # note: UJ305 import tabulate
    import requests.adapters  # clean: requests is imported at start-up

    return pandas, requests, tabulate


async def deep():
    helper()


def helper():
    from scipy import stats  # note: UJ305 import scipy

    return stats


async def own():
    from imports import late  # note: UJ305 import imports.late
    from imports import early  # clean: another module imports it when it is imported itself

    return late, early


def elsewhere():
    import torch  # clean: nothing on the loop calls it

    return torch
