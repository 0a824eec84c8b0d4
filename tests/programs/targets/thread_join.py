"""A thread and an event, waited for on the loop."""

import threading
import time

from _truth import measured, quiet, run


async def main() -> None:
    thread, event = threading.Thread(target=time.sleep, args=(0.2,)), threading.Event()
    await quiet()
    thread.start()
    with measured("join"):
        thread.join()  # expect: UJ203 leaf=threading.Thread.join ms=join
    await quiet()
    threading.Timer(0.2, event.set).start()
    with measured("wait"):
        event.wait()  # expect: UJ203 leaf=threading.Event.wait ms=wait
    await quiet()


run(main())
