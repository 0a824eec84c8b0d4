"""Clients of a package that no type checker knows, as projects hand them about; nothing here is annotated by its class."""

from dataclasses import dataclass
from typing import Any

import boto3
from elasticsearch import AsyncElasticsearch, Elasticsearch
from pydantic import BaseModel


def make_client() -> Any:
    """Say nothing of what comes out."""
    return Elasticsearch("http://localhost")


def make_async_client() -> Any:
    return AsyncElasticsearch("http://localhost")


class Holder:
    """Keeps what it is given."""

    def __init__(self, client, other):
        self.client = client
        self.other = other
        self.by_name: dict[str, Elasticsearch] = {}
        self.bucket = None

    def connect(self):
        self.bucket = boto3.resource("s3")

    @property
    def shared(self):
        return self.client


class Search:
    """Looks for things."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, text):
        return self._client.search(text)  # error: UJ106 elasticsearch.Elasticsearch.search


holder = Holder(make_client(), make_async_client())
search = Search(make_client())


def make_pair():
    return "name", Elasticsearch("http://localhost")


@dataclass
class Settled:
    """A record that does not say what it holds."""

    name: str
    client: Any
    quick: Any

    def find(self, text):
        return self.client.search(text)  # error: UJ106 elasticsearch.Elasticsearch.search


class Model(BaseModel):
    """A record whose base stores what it is given."""

    client: Any
    quick: Any

    def __init__(self, wrapped: Any, quick: Any) -> None:
        super().__init__(client=wrapped, quick=quick)

    async def find(self, text):
        await self.quick.search(text)  # clean: the client's calls are coroutines
        return self.client.search(text)  # error: UJ106 elasticsearch.Elasticsearch.search


settled = Settled("one", make_client(), make_async_client())
model = Model(make_client(), make_async_client())
