"""Values that reach a call through parameters, returns, containers and places that a framework shares."""

import time

from .clients import Holder, holder, make_client, make_pair, model, search, settled


async def returned():
    make_client().search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


async def one_of_a_pair():
    name, client = make_pair()
    client.search(name)  # error: UJ106 elasticsearch.Elasticsearch.search


async def awaited():
    await holder.other.search("x")  # clean: the client's calls are coroutines


async def handed_over():
    holder.client.search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


async def through_a_property():
    holder.shared.search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


async def deeper():
    search.find("x")


async def of_a_record():
    settled.find("x")
    settled.client.search("x")  # error: UJ106 elasticsearch.Elasticsearch.search
    await settled.quick.search("x")  # clean: the client's calls are coroutines
    await model.find("x")


async def of_a_dictionary(holder: Holder, name):
    holder.by_name[name].search("x")  # error: UJ106 elasticsearch.Elasticsearch.search
    for client in holder.by_name.values():
        client.search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


async def set_by_another_method(holder: Holder):
    holder.bucket.upload_file("a", "b", "c")  # error: UJ109 boto3.resource().upload_file


async def setup(hass, entry):
    hass.data.setdefault("search", {})[entry.entry_id] = make_client()
    entry.runtime_data = holder


async def update(hass, config_entry):
    hass.data["search"][config_entry.entry_id].search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


async def reply(data):
    data["search"].search("x")  # clean: a variable of that name is anybody's


async def unload(hass, entry):
    hass.data.get("search")[entry.entry_id].search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


async def of_runtime_data(entry):
    entry.runtime_data.client.search("x")  # error: UJ106 elasticsearch.Elasticsearch.search


def slow():
    time.sleep(1)  # error: UJ101 time.sleep


def quick():
    return 1


def never():
    time.sleep(2)  # clean: nothing on the loop reaches this table


HANDLERS = {"slow": slow, "quick": quick}
UNUSED = {"never": never}


async def dispatched(name):
    HANDLERS[name]()


class Dispatcher:
    """Has its handlers by name."""

    def __init__(self):
        self._handlers = {"work": self._work}

    async def handle(self, name):
        handler = self._handlers.get(name)
        if handler:
            handler()

    def _work(self):
        time.sleep(3)  # error: UJ101 time.sleep


HOOKS = [slow, quick]


async def all_of_them():
    for hook in HOOKS:
        hook()


class Slow:
    """Asks somebody."""

    def __contains__(self, item):
        time.sleep(5)  # error: UJ101 time.sleep
        return True


async def contained(item):
    return item in Slow()
