# needs: httpx
"""The synchronous half of a client that has an asynchronous one."""

import httpx
from _servers import slow_http
from _truth import measured, quiet, run

url = slow_http(0.15)
client = httpx.Client(verify=False)


async def main() -> None:
    await quiet()
    with measured():
        client.get(url)  # expect: UJ104 leaf=httpx.Client.get
    await quiet()


run(main())
