"""Clients whose methods no type checker sees: made at run time, or of a package that is not installed.

A name here ends in `.*` and stands for every call below it, however deep; `()` is the result of a call.
"""

from __future__ import annotations

from unjam.knowledge.records import Call, Gil

_CLIENTS = (
    ("boto3.client()", "aioboto3.Session.client"),
    ("boto3.resource()", "aioboto3.Session.resource"),
    ("boto3.Session.client()", "aioboto3.Session.client"),
    ("boto3.session.Session.client()", "aioboto3.Session.client"),
    ("boto3.Session.resource()", "aioboto3.Session.resource"),
    ("openai.OpenAI", "openai.AsyncOpenAI"),
    ("openai.AzureOpenAI", "openai.AsyncAzureOpenAI"),
    ("anthropic.Anthropic", "anthropic.AsyncAnthropic"),
    ("anthropic.AnthropicBedrock", "anthropic.AsyncAnthropicBedrock"),
    ("anthropic.AnthropicVertex", "anthropic.AsyncAnthropicVertex"),
    ("groq.Groq", "groq.AsyncGroq"),
    ("cohere.Client", "cohere.AsyncClient"),
    ("elasticsearch.Elasticsearch", "elasticsearch.AsyncElasticsearch"),
    ("qdrant_client.QdrantClient", "qdrant_client.AsyncQdrantClient"),
    ("slack_sdk.WebClient", "slack_sdk.web.async_client.AsyncWebClient"),
    ("pymongo.MongoClient", "pymongo.AsyncMongoClient"),
    ("docker.from_env()", "aiodocker.Docker"),
    ("docker.DockerClient", "aiodocker.Docker"),
)

CLIENTS: tuple[Call, ...] = tuple(
    Call(f"{name}.*", "UJ109", Gil.RELEASES, remedy="async-client", twin=twin) for name, twin in _CLIENTS
)
"""Sources: the reference documentation of each package."""

HARMLESS = frozenset(
    {
        "close",
        "copy",
        "exceptions",
        "generate_presigned_post",
        "generate_presigned_url",
        "get_collection",
        "get_database",
        "get_paginator",
        "get_waiter",
        "options",
        "with_options",
    }
)
"""Methods of these clients that talk to nobody."""
