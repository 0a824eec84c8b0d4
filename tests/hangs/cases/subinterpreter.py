"""Another interpreter sleeps in a thread; the loop of the main one is well."""

import asyncio
import sys
import threading

if sys.version_info >= (3, 13):
    import _interpreters as interpreters

    run = interpreters.exec
else:
    import _xxsubinterpreters as interpreters

    run = interpreters.run_string

INSIDE = interpreters.create()
threading.Thread(target=run, args=(INSIDE, "import time; time.sleep(80)"), daemon=True, name="guest").start()
asyncio.run(asyncio.sleep(80))
