"""UJ101 to UJ109: one call of each kind that waits for somebody else, beside what asks the loop to wait instead."""

import asyncio
import os
import socket
import subprocess
import time
import urllib.request

import boto3


async def sleeps(names):
    time.sleep(1)  # error: UJ101 time.sleep
    await asyncio.sleep(1)  # clean
    return [time.sleep(1) async for _ in names]  # error: UJ101 time.sleep


async def connects(connection: socket.socket):
    connection.connect(("localhost", 80))  # error: UJ103 socket.socket.connect
    await asyncio.open_connection("localhost", 80)  # clean
    await asyncio.get_running_loop().sock_connect(connection, ("localhost", 80))  # clean


async def fetches(url):
    with urllib.request.urlopen(url) as answer:  # error: UJ104 urllib.request.urlopen
        return answer


async def resolves():
    socket.getaddrinfo("localhost", 80)  # error: UJ105 socket.getaddrinfo
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)  # clean


async def starts():
    subprocess.run(["true"])  # error: UJ107 subprocess.run
    os.system("true")  # error: UJ107 os.system
    process = await asyncio.create_subprocess_exec("true")  # clean
    await process.wait()  # clean


async def asks():
    while input("Really? ") != "yes":  # error: UJ108 builtins.input
        await asyncio.sleep(1)


async def of_a_vendor(client: boto3.session.Session):
    return client.client("s3")  # warning: UJ109 boto3.Session.client
