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
    ("mistralai.Mistral", "the methods of the same client that end in _async"),
    ("together.Together", "together.AsyncTogether"),
    ("google.genai.Client", "google.genai.Client.aio"),
    ("google.cloud.storage.Client", "gcloud.aio.storage.Storage"),
    ("google.cloud.translate_v2.Client", "asyncio.to_thread"),
    ("cohere.ClientV2", "cohere.AsyncClientV2"),
    ("huggingface_hub.InferenceClient", "huggingface_hub.AsyncInferenceClient"),
    ("elevenlabs.ElevenLabs", "elevenlabs.AsyncElevenLabs"),
    ("elevenlabs.client.ElevenLabs", "elevenlabs.client.AsyncElevenLabs"),
    ("notion_client.Client", "notion_client.AsyncClient"),
    ("github.Github", "gidgethub"),
    ("jira.JIRA", "asyncio.to_thread"),
    ("gitlab.Gitlab", "asyncio.to_thread"),
    ("praw.Reddit", "asyncpraw.Reddit"),
    ("spotipy.Spotify", "asyncio.to_thread"),
    ("pinecone.Pinecone", "pinecone.PineconeAsyncio"),
    ("pinecone.Index", "pinecone.IndexAsyncio"),
    ("pymilvus.MilvusClient", "pymilvus.AsyncMilvusClient"),
    ("weaviate.connect_to_local()", "weaviate.use_async_with_local"),
    ("weaviate.connect_to_custom()", "weaviate.use_async_with_custom"),
    ("weaviate.connect_to_weaviate_cloud()", "weaviate.use_async_with_weaviate_cloud"),
    ("chromadb.HttpClient()", "chromadb.AsyncHttpClient"),
    ("chromadb.PersistentClient()", "asyncio.to_thread"),
    ("e2b.Sandbox", "e2b.AsyncSandbox"),
    ("e2b_code_interpreter.Sandbox", "e2b_code_interpreter.AsyncSandbox"),
    ("selenium.webdriver.Chrome", "playwright.async_api"),
    ("selenium.webdriver.Firefox", "playwright.async_api"),
    ("selenium.webdriver.Remote", "playwright.async_api"),
    ("cloudscraper.create_scraper()", "aiohttp.ClientSession"),
    ("hvac.Client", "asyncio.to_thread"),
    ("kubernetes.client.CoreV1Api", "kubernetes_asyncio.client.CoreV1Api"),
    ("kubernetes.client.AppsV1Api", "kubernetes_asyncio.client.AppsV1Api"),
    ("kubernetes.client.BatchV1Api", "kubernetes_asyncio.client.BatchV1Api"),
    ("kubernetes.client.CustomObjectsApi", "kubernetes_asyncio.client.CustomObjectsApi"),
)

CLIENTS: tuple[Call, ...] = tuple(
    Call(f"{name}.*", "UJ109", Gil.RELEASES, remedy="async-client", twin=twin) for name, twin in _CLIENTS
)
"""Sources: the reference documentation of each package."""

HARMLESS = frozenset(
    {
        "__getitem__",
        "append",
        "blob",
        "bucket",
        "close",
        "copy",
        "create_anonymous_client",
        "decode",
        "exceptions",
        "generate_presigned_post",
        "generate_presigned_url",
        "get_collection",
        "get_database",
        "get_paginator",
        "get_waiter",
        "items",
        "keys",
        "options",
        "values",
        "with_options",
    }
)
"""Methods of these clients that talk to nobody."""
