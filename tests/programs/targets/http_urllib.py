"""The standard library's HTTP client."""

import urllib.request

from _servers import slow_http
from _truth import measured, quiet, run


async def main() -> None:
    url = slow_http(0.15)
    await quiet()
    with measured():
        urllib.request.urlopen(url, timeout=5)  # expect: UJ104 leaf=urllib.request.urlopen
    await quiet()


run(main())
