"""A client whose annotation is of a package of types that no program imports when it runs; with its twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from redis.asyncio import Redis


class Layer:
    """Makes its client where it is given none."""

    def __init__(self, client: DynamoDBClient | None = None):
        if client:
            self.client = client
        else:
            self.client = boto3.client("dynamodb")

    async def find(self, key):
        return self.client.get_item(Key=key)  # error: UJ109 boto3.client().get_item


    async def find_all(self):
        for item in self.client.query().get("Items", []):  # error: UJ109 boto3.client().query
            key = item.get("PK", {}).get("S")  # clean: it looks into what came
            print(key.removeprefix("THREAD#"))  # note: UJ102 builtins.print


class OfTheLoop:
    """Has one whose calls are coroutines, whatever else may be assigned."""

    def __init__(self, client: Redis):
        self.client = client

    async def find(self, key):
        return await self.client.get(key)  # clean
