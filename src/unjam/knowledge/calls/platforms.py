"""Hosted models, search services, media tools and devices whose packages are rarely installed where code is checked."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_SOCKET = "https://github.com/python/cpython/blob/3.13/Modules/socketmodule.c"
_sdk = partial(family, rule="UJ109", gil=Gil.RELEASES, remedy="async-client", source=_SOCKET)
"""A client over sockets of the standard library that has an async counterpart."""
_thread = partial(family, rule="UJ109", gil=Gil.RELEASES, remedy="to-thread", source=_SOCKET)
"""As above, without one."""
_fetched = partial(family, rule="UJ104", gil=Gil.RELEASES, remedy="to-thread", source=_SOCKET)
"""Fetches over HTTP, behind a function that does not look like it."""
_media = partial(family, rule="UJ102", weight=Weight.MILLISECONDS, remedy="to-thread")
"""Reads or writes a whole file of sound or pictures."""

_langchain = partial(
    _sdk,
    twin="the method of the same name with an a before it",
    source="https://python.langchain.com/docs/concepts/async/",
)
_llama = partial(
    _sdk,
    twin="the method of the same name with an a before it",
    source="https://docs.llamaindex.ai/en/stable/understanding/",
)

CALLS: tuple[Call, ...] = (
    *_sdk(
        "google.generativeai",
        "GenerativeModel.generate_content ChatSession.send_message",
        twin="google.generativeai.{name}_async",
        frames=("google.generativeai.generative_models:{name}",),
    ),
    *_sdk(
        "google.generativeai",
        "embed_content",
        twin="google.generativeai.embed_content_async",
        frames=("google.generativeai.embedding:embed_content",),
    ),
    *_thread("google.generativeai", "upload_file get_file", frames=("google.generativeai.files:{name}",)),
    *_thread("google.generativeai", "list_models", frames=("google.generativeai.models:list_models",)),
    *_sdk(
        "openai",
        "ChatCompletion.create Completion.create Embedding.create Image.create Audio.transcribe Moderation.create",
        twin="openai.AsyncOpenAI",
    ),
    *_sdk(
        "ollama",
        "chat generate embed embeddings pull list",
        twin="ollama.AsyncClient.{name}",
        frames=("ollama._client:Client.{name}",),
        source="https://github.com/ollama/ollama-python#async-client",
    ),
    *_thread("google.oauth2.credentials.Credentials", "refresh"),
    *_thread("google.oauth2.id_token", "verify_oauth2_token verify_token verify_firebase_token fetch_id_token"),
    *_thread("google.oauth2.service_account.Credentials", "refresh"),
    *_thread("google.auth", "default", frames=("google.auth._default:default",)),
    *_thread(
        "google.cloud.speech",
        "SpeechClient.recognize",
        frames=("google.cloud.speech_v1.services.speech.client:{name}",),
    ),
    *_thread(
        "google.cloud.texttospeech",
        "TextToSpeechClient.synthesize_speech",
        frames=("google.cloud.texttospeech_v1.services.text_to_speech.client:{name}",),
    ),
    *_thread(
        "google.cloud.secretmanager",
        "SecretManagerServiceClient.access_secret_version",
        frames=("google.cloud.secretmanager_v1.services.secret_manager_service.client:{name}",),
    ),
    *_thread("google.cloud.vision", "ImageAnnotatorClient.text_detection"),
    *_thread(
        "google.cloud.storage",
        "Client.list_blobs Client.list_buckets Client.get_bucket",
        frames=("google.cloud.storage.client:{name}",),
    ),
    *_sdk(
        "azure.identity",
        "DefaultAzureCredential.get_token ClientSecretCredential.get_token ManagedIdentityCredential.get_token",
        twin="azure.identity.aio",
        frames=(
            "azure.identity._credentials.default:{name}",
            "azure.identity._credentials.managed_identity:{name}",
        ),
    ),
    *_sdk(
        "azure.keyvault.secrets.SecretClient",
        "get_secret set_secret",
        twin="azure.keyvault.secrets.aio.SecretClient",
        frames=("azure.keyvault.secrets._client:SecretClient.{name}",),
    ),
    *_thread(
        "firebase_admin",
        "auth.verify_id_token auth.get_user auth.create_user auth.create_custom_token messaging.send "
        "messaging.send_each messaging.send_each_for_multicast messaging.send_multicast db.Reference.get db.Reference.set",
    ),
    *_sdk(
        "tavily.TavilyClient",
        "search extract get_search_context",
        twin="tavily.AsyncTavilyClient.{name}",
        frames=("tavily.tavily:TavilyClient.{name}",),
    ),
    *_sdk(
        "exa_py.Exa",
        "search search_and_contents get_contents find_similar",
        twin="exa_py.AsyncExa.{name}",
        frames=("exa_py.api:Exa.{name}",),
    ),
    *_sdk(
        "firecrawl.FirecrawlApp",
        "scrape_url crawl_url map_url",
        twin="firecrawl.AsyncFirecrawlApp.{name}",
        frames=("firecrawl.firecrawl:FirecrawlApp.{name}", "firecrawl.v1.client:V1FirecrawlApp.{name}"),
    ),
    *_sdk(
        "firecrawl.FirecrawlApp",
        "scrape crawl map search",
        twin="firecrawl.AsyncFirecrawlApp.{name}",
        frames=("firecrawl.v2.client:FirecrawlClient.{name}",),
    ),
    *_thread(
        "serpapi.GoogleSearch",
        "get_dict get_json",
        frames=("serpapi.serp_api_client:SerpApiClient.{name}",),
    ),
    *_thread(
        "assemblyai.Transcriber",
        "transcribe",
        frames=(
            "assemblyai.transcriber:Transcriber.transcribe",
            "assemblyai.prerecorded.v2.client:Transcriber.transcribe",
        ),
    ),
    *_thread("gtts.gTTS", "save write_to_fp stream", frames=("gtts.tts:gTTS.{name}",)),
    *_thread("celery.Celery", "send_task", weight=Weight.MILLISECONDS, frames=("celery.app.base:Celery.send_task",)),
    *_thread("rq.Queue", "enqueue enqueue_call", weight=Weight.MILLISECONDS, frames=("rq.queue:Queue.{name}",)),
    *_thread("speech_recognition.Recognizer", "listen record adjust_for_ambient_noise"),
    *_thread(
        "speech_recognition.Recognizer",
        "recognize_google",
        frames=("speech_recognition.recognizers.google:recognize_legacy",),
    ),
    *_thread(
        "speech_recognition.Recognizer",
        "recognize_whisper",
        frames=("speech_recognition.recognizers.whisper_local.whisper:recognize",),
    ),
    *_fetched(
        "duckduckgo_search.DDGS",
        "text news images videos chat",
        frames=("duckduckgo_search.duckduckgo_search:DDGS.{name}",),
        source="https://pypi.org/project/duckduckgo-search/",
    ),
    *_fetched(
        "ddgs.DDGS",
        "text news images videos",
        frames=("ddgs.ddgs:DDGS.{name}",),
        source="https://pypi.org/project/ddgs/",
    ),
    *_fetched("wikipedia", "page summary search", frames=("wikipedia.wikipedia:{name}",)),
    *_fetched("arxiv", "Search.results Client.results"),
    *_fetched("trafilatura", "fetch_url", frames=("trafilatura.downloads:fetch_url",)),
    *_fetched("newspaper.Article", "download", frames=("newspaper.article:Article.download",)),
    *_fetched("youtube_dl.YoutubeDL", "extract_info download", frames=("youtube_dl.YoutubeDL:YoutubeDL.{name}",)),
    *_fetched(
        "youtube_transcript_api.YouTubeTranscriptApi",
        "get_transcript list_transcripts fetch list",
        frames=("youtube_transcript_api._api:YouTubeTranscriptApi.{name}",),
    ),
    *_fetched("pytube.YouTube", "streams title check_availability", frames=("pytube.__main__:YouTube.{name}",)),
    *_fetched("pytube.Search", "results get_next_results", frames=("pytube.contrib.search:Search.{name}",)),
    *_fetched("pytube.Stream", "download", frames=("pytube.streams:Stream.download",)),
    *_fetched("gradio_client", "Client", frames=("gradio_client.client:Client.__init__",)),
    *_fetched("gradio_client", "Client.predict", frames=("gradio_client.client:Client.predict",)),
    *_fetched(
        "curl_cffi.requests.Session",
        "get post put delete request",
        twin="curl_cffi.requests.AsyncSession",
        frames=("curl_cffi.requests.session:Session.{name}",),
    ),
    *_fetched("requests_html.HTMLSession", "get post request", twin="requests_html.AsyncHTMLSession"),
    *_fetched(
        "requests_cache.CachedSession",
        "get post put delete request",
        frames=("requests_cache.session:CacheMixin.{name}",),
    ),
    *_fetched("tls_client.Session", "get post put delete", frames=("tls_client.sessions:Session.{name}",)),
    *_thread(
        "zeroconf.Zeroconf",
        "get_service_info",
        remedy="async-client",
        twin="zeroconf.asyncio.AsyncZeroconf.async_get_service_info",
        frames=("zeroconf._core:Zeroconf.get_service_info",),
    ),
    *_thread("pychromecast", "get_chromecasts get_listed_chromecasts Chromecast.wait"),
    *_thread("soco", "discover", frames=("soco.discovery:discover",)),
    *_thread("soco", "SoCo.play SoCo.get_current_track_info", frames=("soco.core:{name}",)),
    *_thread("broadlink", "discover hello"),
    *_thread("plexapi.server", "PlexServer"),
    *_thread(
        "miio.Device",
        "send info",
        frames=("miio.device:Device.{name}",),
        source="https://python-miio.readthedocs.io",
    ),
    *_langchain(
        "langchain_core.vectorstores.VectorStore",
        "similarity_search similarity_search_with_score add_documents add_texts",
        frames=("langchain_core.vectorstores.base:VectorStore.{name}",),
    ),
    *_langchain(
        "langchain_core.embeddings.Embeddings",
        "embed_query embed_documents",
        frames=("langchain_core.embeddings.embeddings:Embeddings.{name}",),
    ),
    *_langchain("langchain_core.retrievers.BaseRetriever", "get_relevant_documents"),
    *_llama(
        "llama_index.core.SimpleDirectoryReader",
        "load_data",
        frames=("llama_index.core.readers.file.base:SimpleDirectoryReader.load_data",),
    ),
    *_llama(
        "llama_index.core.retrievers.BaseRetriever",
        "retrieve",
        frames=("llama_index.core.base.base_retriever:BaseRetriever.retrieve",),
    ),
    *_llama(
        "llama_index.core.embeddings.BaseEmbedding",
        "get_text_embedding",
        frames=("llama_index.core.base.embeddings.base:BaseEmbedding.get_text_embedding",),
    ),
    *_llama("llama_index.core.llms.LLM", "complete chat", frames=("llama_index.core.base.llms.base:BaseLLM.{name}",)),
    *_thread(
        "llama_index.core.VectorStoreIndex",
        "from_documents",
        frames=("llama_index.core.indices.base:BaseIndex.from_documents",),
    ),
    *_sdk("crewai.Crew", "kickoff", twin="crewai.Crew.akickoff", frames=("crewai.crew:Crew.kickoff",)),
    *_thread(
        "transformers",
        "pipeline",
        frames=("transformers.pipelines:pipeline",),
        source="https://huggingface.co/docs/transformers/main_classes/pipelines",
    ),
    *_thread(
        "faster_whisper.WhisperModel",
        "__init__",
        frames=("faster_whisper.transcribe:WhisperModel.__init__",),
        source="https://github.com/SYSTRAN/faster-whisper",
    ),
    *_media("faiss", "read_index write_index", frames=("faiss.swigfaiss:{name}",), source="https://faiss.ai"),
    *_media("kubernetes.config", "load_kube_config", frames=("kubernetes.config.kube_config:load_kube_config",)),
    *_media(
        "kubernetes.config",
        "load_incluster_config",
        frames=("kubernetes.config.incluster_config:load_incluster_config",),
    ),
    *_thread("git", "Remote.pull Remote.fetch Remote.push", rule="UJ107", frames=("git.remote:{name}",)),
    *_thread("git", "Repo.iter_commits", rule="UJ107", frames=("git.repo.base:Repo.iter_commits",)),
    *_thread("kazoo.client.KazooClient", "start get set create delete"),
    *_thread("snowflake.connector", "connect", rule="UJ106"),
    *_thread(
        "clickhouse_connect",
        "get_client",
        rule="UJ106",
        remedy="async-client",
        twin="clickhouse_connect.get_async_client",
        frames=("clickhouse_connect.driver:create_client",),
    ),
    *_thread("pymilvus", "connections.connect", rule="UJ106", frames=("pymilvus.orm.connections:Connections.connect",)),
    *_thread(
        "pymilvus.Collection",
        "search insert query",
        rule="UJ106",
        frames=("pymilvus.orm.collection:Collection.{name}",),
    ),
    *_thread(
        "sqlmodel.Session",
        "exec commit refresh",
        rule="UJ106",
        remedy="async-client",
        twin="sqlmodel.ext.asyncio.session.AsyncSession",
        frames=("sqlmodel.orm.session:Session.{name}",),
    ),
    *_thread(
        "lancedb",
        "connect",
        rule="UJ106",
        weight=Weight.MILLISECONDS,
        remedy="async-client",
        twin="lancedb.connect_async",
    ),
    *_media("soundfile", "read write SoundFile", source="https://python-soundfile.readthedocs.io"),
    *_media(
        "librosa",
        "load",
        frames=("librosa.core.audio:load",),
        source="https://librosa.org/doc/latest/generated/librosa.load.html",
    ),
    *_media("mutagen", "File", frames=("mutagen._file:File",), source="https://mutagen.readthedocs.io"),
    *_media("pdfplumber", "open", frames=("pdfplumber.pdf:PDF.open",)),
    *_media("pptx", "Presentation", frames=("pptx.api:Presentation",)),
    *_media("pydub.AudioSegment", "from_wav", frames=("pydub.audio_segment:AudioSegment.from_wav",)),
    *_media(
        "pydub.AudioSegment",
        "from_file from_mp3 export",
        rule="UJ107",
        frames=("pydub.audio_segment:AudioSegment.{name}",),
    ),
    *_thread("pdf2image", "convert_from_path convert_from_bytes", rule="UJ107", frames=("pdf2image.pdf2image:{name}",)),
    *_thread("pytesseract", "image_to_string image_to_data", rule="UJ107", frames=("pytesseract.pytesseract:{name}",)),
    *_thread("ffmpeg", "run probe", rule="UJ107", frames=("ffmpeg._{name}:{name}",)),
    *_thread(
        "multiprocessing",
        "Manager",
        rule="UJ107",
        weight=Weight.MILLISECONDS,
        frames=("multiprocessing.context:BaseContext.Manager",),
    ),
    *_thread("webbrowser", "open open_new open_new_tab", rule="UJ107", weight=Weight.MILLISECONDS),
    *_thread("platform", "processor", rule="UJ107", weight=Weight.MILLISECONDS),
    *_media("platform", "platform libc_ver"),
    *_media("zipfile", "is_zipfile"),
    *_media("tarfile", "is_tarfile"),
    *_media("dotenv", "load_dotenv dotenv_values set_key", weight=Weight.MICROSECONDS, frames=("dotenv.main:{name}",)),
)
"""Sources where none is named: the reference documentation of each package, over sockets of the standard library."""
