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

CALLS: tuple[Call, ...] = (
    *_sdk(
        "google.generativeai",
        "GenerativeModel.generate_content ChatSession.send_message embed_content",
        twin="google.generativeai.{name}_async",
        frames=("google.generativeai.generative_models:{name}",),
    ),
    *_thread("google.generativeai", "upload_file get_file list_models"),
    *_sdk(
        "openai",
        "ChatCompletion.create Completion.create Embedding.create Image.create Audio.transcribe Moderation.create",
        twin="openai.AsyncOpenAI",
    ),
    *_sdk(
        "ollama",
        "chat generate embed embeddings pull list",
        twin="ollama.AsyncClient.{name}",
        source="https://github.com/ollama/ollama-python#async-client",
    ),
    *_sdk("google.oauth2.credentials.Credentials", "refresh", twin="google.auth.aio"),
    *_thread("google.oauth2.id_token", "verify_oauth2_token verify_token verify_firebase_token fetch_id_token"),
    *_thread("google.oauth2.service_account.Credentials", "refresh fetch_access_token"),
    *_thread("google.auth", "default"),
    *_thread(
        "google.cloud",
        "speech.SpeechClient.recognize texttospeech.TextToSpeechClient.synthesize_speech "
        "secretmanager.SecretManagerServiceClient.access_secret_version vision.ImageAnnotatorClient.text_detection "
        "storage.Client.list_blobs storage.Client.list_buckets storage.Client.get_bucket",
    ),
    *_sdk(
        "azure.identity",
        "DefaultAzureCredential.get_token ClientSecretCredential.get_token ManagedIdentityCredential.get_token",
        twin="azure.identity.aio",
    ),
    *_sdk(
        "azure.keyvault.secrets.SecretClient", "get_secret set_secret", twin="azure.keyvault.secrets.aio.SecretClient"
    ),
    *_thread(
        "firebase_admin",
        "auth.verify_id_token auth.get_user auth.create_user auth.create_custom_token messaging.send "
        "messaging.send_each messaging.send_multicast db.Reference.get db.Reference.set",
    ),
    *_sdk("tavily.TavilyClient", "search extract get_search_context", twin="tavily.AsyncTavilyClient.{name}"),
    *_sdk("exa_py.Exa", "search search_and_contents get_contents find_similar", twin="exa_py.AsyncExa.{name}"),
    *_sdk(
        "firecrawl.FirecrawlApp",
        "scrape_url crawl_url map_url search scrape",
        twin="firecrawl.AsyncFirecrawlApp.{name}",
    ),
    *_thread("serpapi", "GoogleSearch.get_dict GoogleSearch.get_json"),
    *_thread("assemblyai.Transcriber", "transcribe"),
    *_thread("gtts.gTTS", "save write_to_fp stream"),
    *_thread("celery.Celery", "send_task", weight=Weight.MILLISECONDS),
    *_thread("rq.Queue", "enqueue enqueue_call", weight=Weight.MILLISECONDS),
    *_thread(
        "speech_recognition.Recognizer",
        "listen record recognize_google recognize_whisper adjust_for_ambient_noise",
    ),
    *_fetched(
        "duckduckgo_search.DDGS", "text news images videos chat", source="https://pypi.org/project/duckduckgo-search/"
    ),
    *_fetched("ddgs.DDGS", "text news images videos", source="https://pypi.org/project/ddgs/"),
    *_fetched("wikipedia", "page summary search"),
    *_fetched("arxiv", "Search.results Client.results"),
    *_fetched("trafilatura", "fetch_url"),
    *_fetched("newspaper.Article", "download"),
    *_fetched("youtube_dl.YoutubeDL", "extract_info download"),
    *_fetched("youtube_transcript_api.YouTubeTranscriptApi", "get_transcript list_transcripts fetch list"),
    *_fetched("pytube", "YouTube YouTube.streams Search"),
    *_fetched("gradio_client", "Client Client.predict"),
    *_fetched("curl_cffi.requests.Session", "get post put delete request", twin="curl_cffi.requests.AsyncSession"),
    *_fetched("requests_html.HTMLSession", "get post request", twin="requests_html.AsyncHTMLSession"),
    *_fetched("requests_cache.CachedSession", "get post put delete request"),
    *_fetched("tls_client.Session", "get post put delete"),
    *_thread(
        "zeroconf", "Zeroconf Zeroconf.get_service_info", remedy="async-client", twin="zeroconf.asyncio.AsyncZeroconf"
    ),
    *_thread("pychromecast", "get_chromecasts get_listed_chromecasts Chromecast.wait"),
    *_thread("soco", "discover SoCo.play SoCo.get_current_track_info"),
    *_thread("broadlink", "discover hello"),
    *_thread("plexapi.server", "PlexServer"),
    *_thread("miio.Device", "send info", source="https://python-miio.readthedocs.io"),
    *_sdk(
        "langchain_core",
        "vectorstores.VectorStore.similarity_search vectorstores.VectorStore.similarity_search_with_score "
        "vectorstores.VectorStore.add_documents vectorstores.VectorStore.add_texts embeddings.Embeddings.embed_query "
        "embeddings.Embeddings.embed_documents retrievers.BaseRetriever.get_relevant_documents",
        twin="the method of the same name with an a before it",
        source="https://python.langchain.com/docs/concepts/async/",
    ),
    *_sdk(
        "llama_index.core",
        "VectorStoreIndex.from_documents SimpleDirectoryReader.load_data retrievers.BaseRetriever.retrieve "
        "embeddings.BaseEmbedding.get_text_embedding llms.LLM.complete llms.LLM.chat",
        twin="the method of the same name with an a before it",
        source="https://docs.llamaindex.ai/en/stable/understanding/",
    ),
    *_sdk("crewai.Crew", "kickoff", twin="crewai.Crew.akickoff"),
    *_thread("transformers", "pipeline", source="https://huggingface.co/docs/transformers/main_classes/pipelines"),
    *_thread("faster_whisper.WhisperModel", "__init__", source="https://github.com/SYSTRAN/faster-whisper"),
    *_media("faiss", "read_index write_index", source="https://faiss.ai"),
    *_media("kubernetes.config", "load_kube_config load_incluster_config"),
    *_thread("git", "Remote.pull Remote.fetch Remote.push Repo.iter_commits", rule="UJ107"),
    *_thread("kazoo.client.KazooClient", "start get set create delete"),
    *_thread("snowflake.connector", "connect", rule="UJ106"),
    *_thread(
        "clickhouse_connect",
        "get_client",
        rule="UJ106",
        remedy="async-client",
        twin="clickhouse_connect.get_async_client",
    ),
    *_thread("pymilvus", "connections.connect Collection.search Collection.insert Collection.query", rule="UJ106"),
    *_thread(
        "sqlmodel.Session",
        "exec commit refresh",
        rule="UJ106",
        remedy="async-client",
        twin="sqlmodel.ext.asyncio.session.AsyncSession",
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
    *_media("librosa", "load", source="https://librosa.org/doc/latest/generated/librosa.load.html"),
    *_media("mutagen", "File", source="https://mutagen.readthedocs.io"),
    *_media("pdfplumber", "open"),
    *_media("pptx", "Presentation"),
    *_media("pydub.AudioSegment", "from_file from_mp3 from_wav export", rule="UJ107"),
    *_thread("pdf2image", "convert_from_path convert_from_bytes", rule="UJ107"),
    *_thread("pytesseract", "image_to_string image_to_data", rule="UJ107"),
    *_thread("ffmpeg", "run probe", rule="UJ107"),
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
    *_media("dotenv", "load_dotenv dotenv_values set_key", weight=Weight.MICROSECONDS),
)
"""Sources where none is named: the reference documentation of each package, over sockets of the standard library."""
