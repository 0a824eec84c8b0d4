"""gevent has replaced threads, locks and sleep: greenlets wait for each other's locks, a real thread of ours answers."""

from gevent import monkey

monkey.patch_all()

import threading  # noqa: E402 -- gevent patches first
import time  # noqa: E402

import gevent  # noqa: E402

ONE, TWO = threading.Lock(), threading.Lock()


def take(first, second):
    with first:
        time.sleep(0.01)
        with second:
            pass


gevent.joinall([gevent.spawn(take, ONE, TWO), gevent.spawn(take, TWO, ONE), gevent.spawn(time.sleep, 80)])
