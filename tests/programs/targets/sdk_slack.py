# needs: slack_sdk
"""The synchronous client of a vendor."""

from _servers import slow_http
from _truth import measured, quiet, run
from slack_sdk import WebClient


async def main() -> None:
    client = WebClient(token="none", base_url=slow_http(0.15, b'{"ok": true}'))
    await quiet()
    with measured():
        client.auth_test()  # expect: UJ109 leaf=slack_sdk.WebClient.auth_test|slack_sdk.web.client.WebClient.auth_test
    await quiet()


run(main())
