"""Responses whose bodies come later: to ask for one is to wait for it."""

import requests


async def body(url):
    response = requests.get(url, stream=True)  # error: UJ104 requests.get
    return response.content  # error: UJ104 requests.Response.iter_content


async def pieces(response: requests.Response):
    return list(response.iter_content(1024))  # error: UJ104 requests.Response.iter_content
