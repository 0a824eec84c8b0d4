"""Imports in a module of a framework that tells its users of each of them."""

import homeassistant.core


async def lazily(hass: homeassistant.core.HomeAssistant):
    import pandas  # warning: UJ305 import pandas
    import tabulate  # note: UJ305 import tabulate

    return pandas, tabulate, hass
