"""Vendors' SDKs, that wait in the caller's thread."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_SOCKET = "https://github.com/python/cpython/blob/3.13/Modules/socketmodule.c"
_sdk = partial(family, rule="UJ109", gil=Gil.RELEASES, remedy="async-client", source=_SOCKET)
"""A client over sockets of the standard library, whose waits release the GIL, unless its own source is named."""
_thread = partial(family, rule="UJ109", gil=Gil.RELEASES, remedy="to-thread", source=_SOCKET)
"""As above, without an async client worth naming."""

CALLS: tuple[Call, ...] = (
    *family(
        "boto3",
        "client resource Session.client Session.resource",
        "UJ109",
        weight=Weight.MILLISECONDS,
        remedy="client-once",
        twin="aioboto3.Session.client",
        frames=("boto3.session:{name}", "botocore.session:Session.create_client"),
        source="https://github.com/boto/botocore/issues/3222",
    ),
    *_sdk(
        "botocore.client.BaseClient",
        "_make_api_call",
        twin="aiobotocore.session.AioSession.create_client",
        frames=("botocore.client:ClientCreator._create_api_method.<locals>._api_call",),
        source="https://github.com/aio-libs/aiobotocore",
    ),
    *_sdk(
        "boto3.s3.transfer.S3Transfer",
        "upload_file download_file",
        twin="aioboto3.Session.client",
        frames=("boto3.s3.inject:{name}", "boto3.s3.inject:upload_fileobj", "boto3.s3.inject:download_fileobj"),
        source="https://aioboto3.readthedocs.io",
    ),
    *_sdk(
        "boto3.resources.action",
        "ServiceAction.__call__",
        twin="aioboto3.Session.resource",
        frames=("boto3.resources.factory:ResourceFactory._create_action.<locals>.do_action",),
    ),
    *_sdk(
        "botocore.paginate",
        "PageIterator.__iter__ PageIterator._make_request",
        twin="aiobotocore.paginate.AioPageIterator",
    ),
    *_sdk("botocore.waiter", "Waiter.wait", twin="aiobotocore.waiter.AIOWaiter.wait"),
    *_sdk(
        "openai._base_client.SyncAPIClient",
        "request get post put patch delete",
        twin="openai.AsyncOpenAI",
        source="https://github.com/openai/openai-python#async-usage",
    ),
    *(
        call
        for client, names in (
            ("chat.completions.completions.Completions", "create parse stream retrieve list"),
            ("responses.responses.Responses", "create parse stream retrieve cancel"),
            ("embeddings.Embeddings", "create"),
            ("images.Images", "generate edit create_variation"),
            ("completions.Completions", "create"),
            ("moderations.Moderations", "create"),
            ("files.Files", "create retrieve list content wait_for_processing"),
            ("audio.transcriptions.Transcriptions", "create"),
            ("audio.speech.Speech", "create"),
        )
        for call in _sdk(
            f"openai.resources.{client}",
            names,
            twin="openai.AsyncOpenAI",
            source="https://github.com/openai/openai-python#async-usage",
        )
    ),
    *_sdk(
        "openai._streaming.Stream",
        "__next__ __iter__ __stream__",
        twin="openai.AsyncStream",
        source="https://github.com/openai/openai-python#async-usage",
    ),
    *_sdk(
        "anthropic._base_client.SyncAPIClient",
        "request get post put patch delete",
        twin="anthropic.AsyncAnthropic",
        source="https://github.com/anthropics/anthropic-sdk-python#async-usage",
    ),
    *_sdk(
        "anthropic.resources.messages.messages.Messages",
        "create stream count_tokens parse",
        twin="anthropic.AsyncAnthropic",
        source="https://github.com/anthropics/anthropic-sdk-python#async-usage",
    ),
    *_sdk("anthropic._streaming.Stream", "__next__ __iter__ __stream__", twin="anthropic.AsyncStream"),
    *_sdk(
        "cohere.Client",
        "chat generate embed rerank classify tokenize",
        twin="cohere.AsyncClient.{name}",
        frames=("cohere.base_client:BaseCohere.{name}", "cohere.client:Client.{name}"),
        source="https://github.com/cohere-ai/cohere-python",
    ),
    *_sdk("mistralai.client.chat.Chat", "complete stream", twin="mistralai.client.Mistral.chat.complete_async"),
    *_sdk(
        "groq.Groq",
        "chat.completions.create",
        twin="groq.AsyncGroq",
        frames=("groq._base_client:SyncAPIClient.request",),
    ),
    *_sdk("together.Together", "chat.completions.create", twin="together.AsyncTogether"),
    *_sdk(
        "ollama.Client",
        "chat generate embed embeddings pull",
        twin="ollama.AsyncClient.{name}",
        frames=("ollama._client:Client._request", "ollama._client:Client.{name}"),
    ),
    *_sdk("google.genai.models.Models", "generate_content embed_content", twin="client.aio.models.{name}"),
    *_sdk("litellm", "completion embedding", twin="litellm.a{name}", frames=("litellm.main:{name}",)),
    *_sdk(
        "huggingface_hub.InferenceClient",
        "chat_completion text_generation",
        twin="huggingface_hub.AsyncInferenceClient.{name}",
        frames=("huggingface_hub.inference._client:InferenceClient.{name}",),
    ),
    *_thread(
        "huggingface_hub",
        "hf_hub_download snapshot_download HfApi.upload_file HfApi.model_info",
        frames=(
            "huggingface_hub.file_download:{name}",
            "huggingface_hub._snapshot_download:{name}",
            "huggingface_hub.hf_api:{name}",
        ),
        source="https://huggingface.co/docs/huggingface_hub/package_reference/file_download",
    ),
    *_sdk("replicate", "run Client.run", twin="replicate.async_run"),
    *_sdk(
        "langchain_core.runnables.Runnable",
        "invoke batch stream",
        twin="langchain_core.runnables.Runnable.a{name}",
        frames=(
            "langchain_core.language_models.chat_models:BaseChatModel.{name}",
            "langchain_core.language_models.llms:BaseLLM.{name}",
            "langchain_core.runnables.base:Runnable.{name}",
            "langchain_core.runnables.base:RunnableSequence.{name}",
            "langchain_core.tools.base:BaseTool.{name}",
            "langchain_core.retrievers:BaseRetriever.{name}",
        ),
        source="https://python.langchain.com/docs/concepts/async/",
    ),
    *_sdk(
        "langchain_core.document_loaders.base.BaseLoader",
        "load lazy_load load_and_split",
        twin="langchain_core.document_loaders.BaseLoader.aload",
        source="https://python.langchain.com/docs/how_to/document_loader_custom/",
    ),
    *_sdk(
        "langchain_core.language_models.chat_models.BaseChatModel",
        "invoke stream generate",
        twin="langchain_core.language_models.BaseChatModel.a{name}",
    ),
    *_sdk(
        "langgraph.pregel.Pregel",
        "invoke stream",
        twin="langgraph.pregel.Pregel.a{name}",
        frames=("langgraph.pregel.main:Pregel.{name}",),
    ),
    *_sdk("llama_index.core.base.base_query_engine.BaseQueryEngine", "query", twin="BaseQueryEngine.aquery"),
    *(
        call
        for module, kind, names in (
            ("customer", "Customer", "create retrieve list modify delete search"),
            ("charge", "Charge", "create retrieve list"),
            ("payment_intent", "PaymentIntent", "create retrieve confirm capture cancel list modify"),
            ("subscription", "Subscription", "create retrieve modify cancel list"),
            ("invoice", "Invoice", "create retrieve pay list"),
            ("refund", "Refund", "create retrieve"),
            ("price", "Price", "create retrieve list"),
            ("product", "Product", "create retrieve list"),
        )
        for call in _sdk(
            f"stripe.{kind}",
            names,
            twin=f"stripe.{kind}.{{name}}_async",
            frames=(f"stripe._{module}:{kind}.{{name}}",),
            source="https://github.com/stripe/stripe-python#async",
        )
    ),
    *_sdk(
        "stripe.checkout.Session",
        "create retrieve",
        twin="stripe.checkout.Session.{name}_async",
        frames=("stripe.checkout._session:Session.{name}", "stripe._api_requestor:_APIRequestor.request"),
        source="https://github.com/stripe/stripe-python#async",
    ),
    *_sdk(
        "stripe.StripeClient",
        "raw_request",
        twin="stripe.StripeClient.raw_request_async",
        frames=(
            "stripe._http_client:HTTPClient.request_with_retries",
            "stripe._stripe_client:StripeClient.raw_request",
        ),
    ),
    *_sdk(
        "twilio.rest.Client",
        "request",
        twin="twilio.http.async_http_client.AsyncTwilioHttpClient",
        frames=("twilio.base.client_base:ClientBase.request",),
        source="https://github.com/twilio/twilio-python#asynchronous-api-requests",
    ),
    *_sdk("twilio.rest.api.v2010.account.message", "MessageList.create", twin="MessageList.create_async"),
    *_sdk(
        "slack_sdk.WebClient",
        "api_call chat_postMessage chat_update files_upload files_upload_v2 users_info conversations_list conversations_history auth_test",
        twin="slack_sdk.web.async_client.AsyncWebClient.{name}",
        frames=("slack_sdk.web.base_client:BaseClient.api_call", "slack_sdk.web.client:WebClient.{name}"),
        source="https://docs.slack.dev/tools/python-slack-sdk/web/#async-web-api",
    ),
    *_sdk(
        "slack_sdk.webhook.WebhookClient",
        "send send_dict",
        twin="slack_sdk.webhook.async_client.AsyncWebhookClient.{name}",
        frames=("slack_sdk.webhook.client:WebhookClient.{name}",),
    ),
    *_thread("sendgrid.SendGridAPIClient", "send"),
    *_sdk("telegram.Bot", "send_message", twin="python-telegram-bot 20 or later"),
    *_thread(
        "telebot.TeleBot",
        "send_message polling infinity_polling",
        remedy="async-client",
        twin="telebot.async_telebot.AsyncTeleBot",
    ),
    *_thread(
        "praw.Reddit", "request", remedy="async-client", twin="asyncpraw.Reddit", frames=("praw.reddit:Reddit.request",)
    ),
    *_thread(
        "tweepy.API",
        "request",
        remedy="async-client",
        twin="tweepy.asynchronous.AsyncClient",
        frames=("tweepy.api:API.request",),
    ),
    *_thread("github.Requester.Requester", "requestJsonAndCheck requestJson", remedy="async-client", twin="gidgethub"),
    *_thread(
        "jira.JIRA", "search_issues issue create_issue", frames=("jira.resilientsession:ResilientSession.request",)
    ),
    *_thread("sentry_sdk", "flush", source="https://docs.sentry.io/platforms/python/configuration/draining/"),
    *_thread(
        "google.cloud._http.JSONConnection",
        "api_request",
        frames=(
            "google.cloud.storage._http:Connection.api_request",
            "google.cloud.storage.client:Client._connection_api_request",
        ),
        source="https://cloud.google.com/python/docs/reference",
    ),
    *_thread(
        "google.cloud.storage.Blob",
        "upload_from_string upload_from_filename upload_from_file download_as_bytes download_as_text download_to_filename delete exists",
        remedy="async-client",
        twin="gcloud.aio.storage.Storage",
        frames=("google.cloud.storage.blob:Blob.{name}",),
        source="https://cloud.google.com/python/docs/reference/storage/latest",
    ),
    *_thread(
        "google.cloud.storage.Bucket",
        "get_blob list_blobs delete_blob exists",
        frames=("google.cloud.storage.bucket:Bucket.{name}",),
    ),
    *_thread(
        "google.cloud.bigquery.Client",
        "query get_table list_rows insert_rows_json load_table_from_dataframe query_and_wait",
    ),
    *_thread("google.cloud.bigquery.job.QueryJob", "result to_dataframe"),
    *_thread("google.cloud.pubsub_v1.PublisherClient", "publish"),
    *_sdk("google.cloud.firestore.Client", "collection.get document.get", twin="google.cloud.firestore.AsyncClient"),
    *_sdk(
        "google.api_core.gapic_v1.method._GapicCallable",
        "__call__",
        twin="the AsyncClient of the same package",
        source="https://googleapis.dev/python/google-api-core/latest/",
    ),
    *_thread("google.api_core.future.polling.PollingFuture", "result exception"),
    *_thread(
        "googleapiclient",
        "http.HttpRequest.execute http.BatchHttpRequest.execute http.MediaIoBaseDownload.next_chunk",
        remedy="async-client",
        twin="aiogoogle.Aiogoogle",
        source="https://googleapis.github.io/google-api-python-client/docs/thread_safety.html",
    ),
    Call(
        "googleapiclient.discovery.build",
        "UJ109",
        weight=Weight.MILLISECONDS,  # it reads the description of the service that comes with the package
        remedy="client-once",
        source="https://googleapis.github.io/google-api-python-client/docs/epy/googleapiclient.discovery-module.html#build",
    ),
    *_sdk(
        "azure.core.pipeline",
        "Pipeline.run",
        twin="the .aio client of the same package",
        frames=("azure.core.pipeline._base:Pipeline.run",),
        source="https://learn.microsoft.com/azure/developer/python/sdk/azure-sdk-overview",
    ),
    *_sdk(
        "azure.storage.blob.BlobClient",
        "upload_blob download_blob delete_blob exists get_blob_properties",
        twin="azure.storage.blob.aio.BlobClient.{name}",
        frames=("azure.storage.blob._blob_client:BlobClient.{name}",),
        source="https://learn.microsoft.com/python/api/azure-storage-blob",
    ),
    *_thread(
        "minio.Minio",
        "get_object put_object fput_object fget_object stat_object list_objects remove_object bucket_exists make_bucket _url_open",
        frames=("minio.api:Minio.{name}",),
        source="https://min.io/docs/minio/linux/developers/python/API.html",
    ),
    *_thread(
        "docker.api.client.APIClient",
        "_get _post _put _delete",
        remedy="async-client",
        twin="aiodocker.Docker",
        frames=(
            "docker.utils.decorators:update_headers.<locals>.inner",
            "docker.models.containers:ContainerCollection.run",
        ),
        source="https://docker-py.readthedocs.io",
    ),
    *_thread(
        "docker",
        "from_env DockerClient.ping",
        weight=Weight.MILLISECONDS,
        frames=("docker.client:DockerClient.from_env", "docker.client:DockerClient.ping"),
    ),
    *_thread(
        "kubernetes.client.ApiClient",
        "call_api",
        remedy="async-client",
        twin="kubernetes_asyncio",
        frames=("kubernetes.client.api_client:ApiClient.call_api",),
    ),
    *_thread("hvac.Client", "read write", frames=("hvac.adapters:RawAdapter.request",)),
    *_thread("consul.Consul", "kv.get kv.put", remedy="async-client", twin="consul.aio.Consul"),
    *_thread(
        "zeep.Client",
        "create_message",
        remedy="async-client",
        twin="zeep.AsyncClient",
        frames=("zeep.proxy:OperationProxy.__call__",),
    ),
    *_thread(
        "nltk", "download", frames=("nltk.downloader:Downloader.download",), source="https://www.nltk.org/data.html"
    ),
    *_thread("yfinance", "download Ticker.history"),
    *_thread(
        "gspread", "client.Client.request http_client.HTTPClient.request", remedy="async-client", twin="gspread_asyncio"
    ),
    *_thread(
        "sounddevice",
        "wait OutputStream.write RawOutputStream.write Stream.write RawStream.write InputStream.read RawInputStream.read "
        "Stream.read RawStream.read",
        source="https://python-sounddevice.readthedocs.io/en/latest/api/streams.html",
    ),
    *_thread(
        "cv2.VideoCapture",
        "read grab open",
        source="https://docs.opencv.org/4.x/d8/dfe/classcv_1_1VideoCapture.html",
    ),
    *_thread(
        "pyaudio",
        "PyAudio.Stream.write PyAudio.Stream.read",
        source="https://people.csail.mit.edu/hubert/pyaudio/docs/#pyaudio.PyAudio.Stream",
    ),
    *_thread("pysftp", "Connection.get Connection.put"),
    *_thread(
        "yt_dlp", "YoutubeDL.download YoutubeDL.extract_info", frames=("yt_dlp.YoutubeDL:YoutubeDL.extract_info",)
    ),
)
