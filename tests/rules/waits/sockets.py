"""Sockets and queues that are told not to wait, or asked first; each with its twin."""

import queue
import socket


class Listener:
    """Has a socket that never waits."""

    def __init__(self):
        self.own = socket.socket()
        self.own.setblocking(False)

    async def take(self, connection: socket.socket):
        self.own.recv(1)  # clean
        connection.recv(1)  # error: UJ103 socket.socket.recv
        connection.recv(1, socket.MSG_DONTWAIT)  # clean
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)  # clean


async def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("8.8.8.8", 80))  # clean: a datagram socket sends nothing when it is connected
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.connect(("8.8.8.8", 80))  # error: UJ103 socket.socket.connect


async def what_is_there(jobs: queue.Queue):
    while not jobs.empty():
        jobs.get()  # clean


async def what_comes(jobs: queue.Queue):
    return jobs.get()  # error: UJ202 queue.Queue.get
