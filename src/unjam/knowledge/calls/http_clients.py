"""HTTP clients that wait in the caller's thread."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_VERBS = "get post put patch delete head options request"

_http = partial(family, rule="UJ104", gil=Gil.RELEASES, remedy="async-twin")
"""HTTP over sockets of the standard library, whose waits release the GIL (Modules/socketmodule.c)."""
_context = partial(family, rule="UJ102", gil=Gil.RELEASES, weight=Weight.MILLISECONDS, remedy="tls-context-once")
"""Constructors that load the certificate store from disk."""

CALLS: tuple[Call, ...] = (
    *_http(
        "requests",
        _VERBS,
        twin="httpx.AsyncClient.{name}",
        frames=("requests.api:{name}",),
        source="https://requests.readthedocs.io/en/latest/user/advanced/#blocking-or-non-blocking",
    ),
    *(
        call
        for prefix in ("requests.Session", "requests.sessions.Session")
        for call in _http(
            prefix,
            _VERBS + " send",
            twin="httpx.AsyncClient.{name}",
            frames=("requests.sessions:Session.{name}",),
            source="https://requests.readthedocs.io/en/latest/user/advanced/#blocking-or-non-blocking",
        )
    ),
    *_http(
        "requests.Response",
        "iter_content iter_lines",
        twin="httpx.AsyncClient.stream",
        frames=(
            "requests.models:Response.{name}",
            "requests.models:Response.iter_content.<locals>.generate",
            "requests.models:Response.content",
        ),
        source="https://requests.readthedocs.io/en/latest/user/advanced/#body-content-workflow",
    ),
    *_http(
        "urllib3",
        "request PoolManager.request PoolManager.urlopen HTTPConnectionPool.request HTTPConnectionPool.urlopen",
        twin="httpx.AsyncClient.request",
        frames=(
            "urllib3._request_methods:RequestMethods.request",
            "urllib3.poolmanager:PoolManager.urlopen",
            "urllib3.connectionpool:HTTPConnectionPool.urlopen",
        ),
        source="https://urllib3.readthedocs.io",
    ),
    *_http(
        "urllib3.response.HTTPResponse",
        "read stream readinto",
        frames=("urllib3.response:BaseHTTPResponse.{name}",),
        twin="httpx.AsyncClient.stream",
        source="https://urllib3.readthedocs.io",
    ),
    *_http(
        "httpx",
        _VERBS + " stream",
        twin="httpx.AsyncClient.{name}",
        frames=("httpx._api:{name}",),
        source="https://www.python-httpx.org/async/",
    ),
    *_http(
        "httpx.Client",
        _VERBS + " stream send",
        twin="httpx.AsyncClient.{name}",
        frames=("httpx._client:Client.{name}",),
        source="https://www.python-httpx.org/async/",
    ),
    *_http(
        "httpx.Response",
        "read iter_bytes iter_lines iter_text iter_raw",
        twin="httpx.Response.a{name}",
        frames=("httpx._models:Response.{name}",),
        source="https://www.python-httpx.org/async/#streaming-responses",
    ),
    *_context(
        "httpx",
        "AsyncClient Client",
        frames=("httpx._client:{name}.__init__",),
        source="https://github.com/encode/httpx/issues/3627",
    ),
    *_context(
        "httpx",
        "create_ssl_context",
        frames=("httpx._config:create_ssl_context",),
        source="https://www.python-httpx.org/advanced/ssl/",
    ),
    *_context("requests.adapters", "HTTPAdapter", source="https://github.com/psf/requests/issues/6767"),
    *_http(
        "httpcore.ConnectionPool",
        "request stream handle_request",
        twin="httpcore.AsyncConnectionPool.{name}",
        frames=(
            "httpcore._sync.connection_pool:ConnectionPool.handle_request",
            "httpcore._sync.interfaces:RequestInterface.{name}",
        ),
        source="https://www.encode.io/httpcore/async/",
    ),
    *_http("httplib2.Http", "request", twin="httpx.AsyncClient.request", source="https://httplib2.readthedocs.io"),
    *_http(
        "pycurl.Curl",
        "perform perform_rb perform_rs",
        twin="httpx.AsyncClient.request",
        source="http://pycurl.io/docs/latest/curlobject.html",
    ),
    *_http(
        "niquests",
        _VERBS,
        twin="niquests.AsyncSession.{name}",
        frames=("niquests.api:{name}",),
        source="https://niquests.readthedocs.io",
    ),
    *_http(
        "curl_cffi.requests",
        _VERBS,
        twin="curl_cffi.requests.AsyncSession.{name}",
        source="https://curl-cffi.readthedocs.io",
    ),
    *_http(
        "cloudscraper.CloudScraper",
        "request",
        twin="httpx.AsyncClient.request",
        source="https://github.com/VeNoMouS/cloudscraper",
    ),
    *_http("feedparser", "parse", twin="httpx.AsyncClient.get", source="https://feedparser.readthedocs.io"),
    *_http(
        "websocket",
        "create_connection WebSocket.connect WebSocket.recv WebSocket.send WebSocketApp.run_forever",
        rule="UJ103",
        twin="websockets.connect",
        frames=("websocket._core:{name}", "websocket._app:{name}"),
        source="https://websocket-client.readthedocs.io",
    ),
    *_http(
        "websockets.sync.client",
        "connect ClientConnection.recv ClientConnection.send",
        rule="UJ103",
        twin="websockets.asyncio.client.connect",
        frames=("websockets.sync.connection:Connection.recv", "websockets.sync.connection:Connection.send"),
        source="https://websockets.readthedocs.io/en/stable/reference/sync/client.html",
    ),
)
