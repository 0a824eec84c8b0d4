"""A small shop: what people write, with the faults they write, and each endpoint once more without the fault.

main        the application: start-up, background work, one of the routers
faulty      endpoints that hold the event loop
healthy     the same endpoints, which do not
suppliers   the price service, asked over HTTP (blocking and not)
retry       a decorator that tries again (blocking and not)
database    orders in SQLite
catalogue   what is on sale, refreshed by a thread
exports     CSV and JSON of many orders
passwords   hashing
tax         a table that is built when the module is imported
settings    where things are
"""
