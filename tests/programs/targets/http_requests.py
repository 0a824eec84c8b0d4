# needs: requests
"""A blocking HTTP client."""

import requests
from _servers import slow_http
from _truth import measured, quiet, run


async def main() -> None:
    url = slow_http(0.15)
    await quiet()
    with measured():
        requests.get(url, timeout=5)  # expect: UJ104 leaf=requests.get grade=exact
    await quiet()


run(main())
