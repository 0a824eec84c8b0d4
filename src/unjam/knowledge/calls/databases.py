"""Database drivers, ORMs and caches that wait in the caller's thread."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_SOCKET = "https://github.com/python/cpython/blob/3.13/Modules/socketmodule.c"
_query = partial(family, rule="UJ106", gil=Gil.RELEASES, remedy="database-async", source=_SOCKET)
"""A driver over sockets of the standard library, whose waits release the GIL, unless its own source is named."""
_sqlite = partial(
    family,
    rule="UJ106",
    gil=Gil.RELEASES,
    weight=Weight.MILLISECONDS,
    remedy="sqlite-thread",
    source="https://github.com/python/cpython/blob/3.13/Modules/_sqlite/cursor.c",
)

CALLS: tuple[Call, ...] = (
    *_sqlite("sqlite3", "connect", twin="aiosqlite.connect", frames=("sqlite3.dbapi2:connect",)),
    *_sqlite(
        "sqlite3.Connection",
        "execute executemany executescript rollback backup iterdump close",
        twin="aiosqlite.Connection.{name}",
    ),
    *_sqlite("sqlite3.Connection", "commit __exit__", remedy="sqlite-wal"),
    *_sqlite(
        "sqlite3.Cursor",
        "execute executemany executescript fetchone fetchmany fetchall",
        twin="aiosqlite.Cursor.{name}",
    ),
    *family(
        "dbm",
        "open dumb.open",
        "UJ106",
        gil=Gil.UNKNOWN,
        weight=Weight.MILLISECONDS,
        remedy="database-thread",
        source="https://docs.python.org/3/library/dbm.html",
    ),
    *family(
        "shelve",
        "open Shelf.__getitem__ Shelf.__setitem__ Shelf.__delitem__ Shelf.sync Shelf.close DbfilenameShelf",
        "UJ106",
        gil=Gil.UNKNOWN,
        weight=Weight.MILLISECONDS,
        remedy="database-thread",
        source="https://docs.python.org/3/library/shelve.html",
    ),
    *_query(
        "psycopg",
        "connect Connection.connect",
        twin="psycopg.AsyncConnection.connect",
        frames=("psycopg.connection:Connection.connect",),
        source="https://www.psycopg.org/psycopg3/docs/advanced/async.html",
    ),
    *_query(
        "psycopg.Connection",
        "execute commit rollback wait notifies close",
        twin="psycopg.AsyncConnection.{name}",
        frames=("psycopg.connection:Connection.{name}",),
        source="https://www.psycopg.org/psycopg3/docs/advanced/async.html",
    ),
    *_query(
        "psycopg.Cursor",
        "execute executemany stream fetchone fetchmany fetchall copy",
        twin="psycopg.AsyncCursor.{name}",
        frames=(
            "psycopg.cursor:Cursor.{name}",
            "psycopg._server_cursor:ServerCursor.{name}",
            "psycopg.server_cursor:ServerCursor.{name}",
        ),
        source="https://www.psycopg.org/psycopg3/docs/advanced/async.html",
    ),
    *_query(
        "psycopg_pool.ConnectionPool",
        "connection getconn wait open close",
        twin="psycopg_pool.AsyncConnectionPool.{name}",
        frames=("psycopg_pool.pool:ConnectionPool.{name}",),
        source="https://www.psycopg.org/psycopg3/docs/api/pool.html",
    ),
    *_query(
        "psycopg2",
        "connect",
        twin="psycopg.AsyncConnection.connect",
        source="https://www.psycopg.org/docs/usage.html#thread-safety",
    ),
    *_query(
        "psycopg2.extensions.connection",
        "commit rollback close poll cancel reset",
        twin="psycopg.AsyncConnection.{name}",
        source="https://www.psycopg.org/docs/usage.html#thread-safety",
    ),
    *_query(
        "psycopg2.extensions.cursor",
        "execute executemany callproc fetchone fetchmany fetchall copy_from copy_to copy_expert",
        twin="psycopg.AsyncCursor.{name}",
        source="https://www.psycopg.org/docs/usage.html#thread-safety",
    ),
    *_query(
        "psycopg2.extras",
        "execute_values execute_batch",
        twin="psycopg.AsyncCursor.executemany",
        source="https://www.psycopg.org/docs/extras.html",
    ),
    *_query(
        "psycopg2.pool",
        "SimpleConnectionPool ThreadedConnectionPool ThreadedConnectionPool.getconn",
        twin="psycopg_pool.AsyncConnectionPool",
    ),
    *_query(
        "pg8000.dbapi",
        "connect Cursor.execute Cursor.executemany Connection.commit Connection.rollback",
        twin="asyncpg.connect",
    ),
    *_query("pg8000.native", "Connection.run", twin="asyncpg.Connection.fetch"),
    *_query(
        "pymysql",
        "connect",
        twin="aiomysql.connect",
        frames=("pymysql.connections:Connection.__init__",),
        source="https://pymysql.readthedocs.io",
    ),
    *_query(
        "pymysql.connections.Connection",
        "query commit rollback ping connect begin close",
        twin="aiomysql.Connection.{name}",
        source="https://pymysql.readthedocs.io",
    ),
    *_query(
        "pymysql.cursors.Cursor",
        "execute executemany fetchone fetchmany fetchall callproc",
        twin="aiomysql.Cursor.{name}",
        source="https://pymysql.readthedocs.io",
    ),
    *_query("MySQLdb", "connect", twin="aiomysql.connect", source="https://mysqlclient.readthedocs.io"),
    *_query(
        "MySQLdb.connections.Connection",
        "query commit rollback ping store_result",
        twin="aiomysql.Connection.{name}",
        source="https://mysqlclient.readthedocs.io",
    ),
    *_query(
        "MySQLdb.cursors.BaseCursor",
        "execute executemany callproc",
        twin="aiomysql.Cursor.{name}",
        source="https://mysqlclient.readthedocs.io",
    ),
    *_query(
        "mysql.connector",
        "connect cursor.MySQLCursor.execute cursor_cext.CMySQLCursor.execute",
        twin="mysql.connector.aio.connect",
        source="https://dev.mysql.com/doc/connector-python/en/connector-python-asyncio.html",
    ),
    *_query(
        "pyodbc",
        gil=Gil.UNKNOWN,
        source="",
        names="connect Cursor.execute Cursor.executemany Cursor.fetchall Connection.commit",
        twin="aioodbc.connect",
    ),
    *_query(
        "oracledb",
        gil=Gil.UNKNOWN,
        source="",
        names="connect Cursor.execute Cursor.executemany Cursor.fetchall Connection.commit",
        twin="oracledb.connect_async",
    ),
    *_query(
        "pymssql", gil=Gil.UNKNOWN, source="", names="connect Cursor.execute Connection.commit", twin="aioodbc.connect"
    ),
    *_query(
        "duckdb",
        "connect sql query execute",
        remedy="database-thread",
        source="https://duckdb.org/docs/stable/clients/python/overview",
    ),
    *_query(
        "duckdb.DuckDBPyConnection",
        "execute executemany sql query fetchall fetchone fetchdf commit",
        remedy="database-thread",
        source="https://duckdb.org/docs/stable/clients/python/overview",
    ),
    *_query(
        "pymongo.MongoClient",
        "list_database_names list_databases server_info start_session drop_database close",
        twin="pymongo.AsyncMongoClient.{name}",
        frames=("pymongo.synchronous.mongo_client:MongoClient.{name}", "pymongo.mongo_client:MongoClient.{name}"),
        source="https://www.mongodb.com/docs/languages/python/pymongo-driver/current/get-started/",
    ),
    *_query(
        "pymongo.collection.Collection",
        "find_one insert_one insert_many update_one update_many replace_one delete_one delete_many aggregate count_documents "
        "estimated_document_count distinct find_one_and_update find_one_and_delete find_one_and_replace bulk_write create_index "
        "drop create_indexes index_information",
        twin="pymongo.asynchronous.collection.AsyncCollection.{name}",
        frames=("pymongo.synchronous.collection:Collection.{name}",),
        source="https://www.mongodb.com/docs/languages/python/pymongo-driver/current/get-started/",
    ),
    *_query(
        "pymongo.cursor.Cursor",
        "next __next__ distinct explain",
        twin="pymongo.asynchronous.cursor.AsyncCursor.{name}",
        frames=("pymongo.synchronous.cursor:Cursor.{name}",),
        source="https://www.mongodb.com/docs/languages/python/pymongo-driver/current/get-started/",
    ),
    *_query(
        "pymongo.database.Database",
        "command list_collection_names",
        frames=("pymongo.synchronous.database:Database.{name}",),
    ),
    *_query("gridfs.GridFS", "put get delete list find_one", frames=("gridfs.synchronous.grid_file:GridFS.{name}",)),
    *(
        call
        for group, names in (
            ("BasicKey", "get set setex mget mset delete exists expire ttl incr incrby decr keys"),
            ("Hash", "hget hset hgetall hmget hdel"),
            ("List", "lpush rpush lpop rpop blpop brpop lrange llen"),
            ("Set", "sadd srem smembers sismember"),
            ("SortedSet", "zadd zrange zrem"),
            ("PubSub", "publish"),
            ("Scan", "scan scan_iter"),
            ("Script", "eval evalsha"),
            ("Management", "ping flushdb flushall"),
            ("Stream", "xadd xread xreadgroup xack"),
        )
        for call in _query(
            "redis.Redis",
            names,
            twin="redis.asyncio.Redis.{name}",
            frames=(f"redis.commands.core:{group}Commands.{{name}}",),
            source="https://redis.readthedocs.io/en/stable/examples/asyncio_examples.html",
        )
    ),
    *_query(
        "redis.Redis",
        "execute_command",
        twin="redis.asyncio.Redis.{name}",
        frames=("redis.client:Redis.{name}",),
        source="https://redis.readthedocs.io/en/stable/examples/asyncio_examples.html",
    ),
    *_query(
        "redis.client.Pipeline",
        "execute execute_command",
        twin="redis.asyncio.client.Pipeline.{name}",
        source="https://redis.readthedocs.io",
    ),
    *_query(
        "redis.client.PubSub",
        "get_message listen parse_response subscribe",
        twin="redis.asyncio.client.PubSub.{name}",
        source="https://redis.readthedocs.io",
    ),
    *_query(
        "redis.cluster.RedisCluster",
        "execute_command",
        twin="redis.asyncio.cluster.RedisCluster.{name}",
        source="https://redis.readthedocs.io",
    ),
    *_query("redis.connection.ConnectionPool", "get_connection", twin="redis.asyncio.ConnectionPool.{name}"),
    *_query(
        "redis.connection.BlockingConnectionPool", "get_connection", twin="redis.asyncio.BlockingConnectionPool.{name}"
    ),
    *_query(
        "valkey.Valkey",
        "execute_command",
        twin="valkey.asyncio.Valkey.execute_command",
        frames=("valkey.client:Valkey.{name}",),
    ),
    *_query("memcache.Client", "get set delete get_multi set_multi incr", twin="aiomcache.Client.{name}"),
    *_query("pymemcache.client.base.Client", "get set delete get_many set_many incr", twin="aiomcache.Client.{name}"),
    *_query(
        "sqlalchemy.orm.Session",
        "execute scalar scalars get commit rollback flush refresh query merge bulk_save_objects bulk_insert_mappings close",
        twin="sqlalchemy.ext.asyncio.AsyncSession.{name}",
        frames=("sqlalchemy.orm.session:Session.{name}",),
        source="https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html",
    ),
    *_query(
        "sqlalchemy.orm.scoped_session",
        "execute scalar scalars get commit rollback flush refresh",
        twin="sqlalchemy.ext.asyncio.async_scoped_session",
        frames=("sqlalchemy.orm.scoping:scoped_session.{name}",),
    ),
    *_query(
        "sqlalchemy.orm.Query",
        "all first one one_or_none scalar count get update delete __iter__ _iter",
        twin="sqlalchemy.ext.asyncio.AsyncSession.execute",
        frames=("sqlalchemy.orm.query:Query.{name}",),
        source="https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html",
    ),
    *_query(
        "sqlalchemy.engine.Connection",
        "execute scalar scalars commit rollback begin exec_driver_sql",
        twin="sqlalchemy.ext.asyncio.AsyncConnection.{name}",
        frames=("sqlalchemy.engine.base:Connection.{name}",),
        source="https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html",
    ),
    *_query(
        "sqlalchemy.engine.Engine",
        "connect begin raw_connection",
        twin="sqlalchemy.ext.asyncio.AsyncEngine.{name}",
        frames=("sqlalchemy.engine.base:Engine.{name}",),
        source="https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html",
    ),
    *_query(
        "sqlalchemy.engine.Result",
        "all fetchall fetchone fetchmany first one scalar",
        twin="sqlalchemy.ext.asyncio.AsyncResult.{name}",
        frames=("sqlalchemy.engine.result:Result.{name}", "sqlalchemy.engine.cursor:CursorResult.{name}"),
    ),
    *_query(
        "sqlalchemy.MetaData",
        "create_all drop_all reflect",
        twin="AsyncConnection.run_sync(metadata.{name})",
        frames=("sqlalchemy.sql.schema:MetaData.{name}",),
    ),
    *_query(
        "sqlalchemy.orm.strategies",
        "_LazyLoader._load_for_state",
        twin="selectinload in the query",
        source="https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#preventing-implicit-io-when-using-asyncsession",
    ),
    *_query("alembic.command", "upgrade downgrade current stamp revision", remedy="database-thread"),
    *_query(
        "django.db.models.QuerySet",
        "get create get_or_create update_or_create first last count exists update delete bulk_create bulk_update aggregate earliest "
        "latest in_bulk iterator",
        twin="django.db.models.QuerySet.a{name}",
        frames=("django.db.models.query:QuerySet.{name}",),
        source="https://docs.djangoproject.com/en/stable/topics/async/#queries-the-orm",
    ),
    *_query(
        "django.db.models.query.QuerySet",
        "_fetch_all __iter__ __len__ __bool__ __getitem__",
        twin="async for",
        source="https://docs.djangoproject.com/en/stable/topics/async/#queries-the-orm",
    ),
    *_query(
        "django.db.models.Model",
        "save delete refresh_from_db full_clean",
        twin="django.db.models.Model.a{name}",
        frames=("django.db.models.base:Model.{name}",),
        source="https://docs.djangoproject.com/en/stable/topics/async/#queries-the-orm",
    ),
    *_query(
        "django.db.backends.utils.CursorWrapper",
        "execute executemany callproc",
        twin="sync_to_async",
        source="https://docs.djangoproject.com/en/stable/topics/async/",
    ),
    *_query(
        "django.db.transaction",
        "Atomic.__enter__ Atomic.__exit__",
        remedy="database-thread",
        source="https://docs.djangoproject.com/en/stable/topics/async/",
    ),
    *_query(
        "django.core.cache.backends.base.BaseCache",
        "get set add delete get_many set_many get_or_set incr clear touch",
        twin="cache.a{name}",
        frames=(
            "django.core.cache.backends.redis:RedisCache.{name}",
            "django.core.cache.backends.memcached:BaseMemcachedCache.{name}",
            "django.core.cache.backends.db:DatabaseCache.{name}",
            "django.core.cache.backends.filebased:FileBasedCache.{name}",
        ),
        source="https://docs.djangoproject.com/en/stable/topics/cache/#asynchronous-support",
    ),
    *_query(
        "django.core.mail",
        "send_mail EmailMessage.send send_mass_mail",
        rule="UJ103",
        remedy="to-thread",
        frames=("django.core.mail.message:{name}",),
    ),
    *_query(
        "peewee.Database",
        "execute execute_sql connect commit begin",
        twin="peewee_async",
        source="https://docs.peewee-orm.com",
    ),
    *_query(
        "peewee.Model",
        "save create get get_or_none get_or_create get_by_id delete_instance bulk_create",
        twin="peewee_async",
        source="https://docs.peewee-orm.com",
    ),
    *_query("peewee.BaseQuery", "execute", twin="peewee_async", source="https://docs.peewee-orm.com"),
    *_query("pony.orm", gil=Gil.UNKNOWN, source="", names="db_session commit flush select", remedy="database-thread"),
    *_query(
        "mongoengine",
        "connect Document.save Document.delete Document.reload QuerySet.first QuerySet.count",
        remedy="database-thread",
    ),
    *_query(
        "cassandra.cluster",
        "Session.execute Cluster.connect ResponseFuture.result",
        twin="cassandra.cluster.Session.execute_async",
        source="https://docs.datastax.com/en/developer/python-driver/latest/api/cassandra/cluster/",
    ),
    *_query(
        "elasticsearch.Elasticsearch",
        "search index get update delete bulk count exists create msearch ping info mget scroll",
        twin="elasticsearch.AsyncElasticsearch.{name}",
        frames=("elasticsearch._sync.client:Elasticsearch.{name}",),
        source="https://elasticsearch-py.readthedocs.io/en/stable/async.html",
    ),
    *_query(
        "elasticsearch.helpers",
        "bulk scan streaming_bulk parallel_bulk",
        twin="elasticsearch.helpers.async_{name}",
        frames=("elasticsearch.helpers.actions:{name}",),
    ),
    *_query(
        "elastic_transport",
        "Transport.perform_request",
        twin="elastic_transport.AsyncTransport.perform_request",
        frames=("elastic_transport._transport:Transport.perform_request",),
    ),
    *_query(
        "opensearchpy.OpenSearch",
        "search index get update delete bulk count",
        twin="opensearchpy.AsyncOpenSearch.{name}",
    ),
    *_query(
        "influxdb_client",
        "QueryApi.query WriteApi.write",
        twin="influxdb_client.client.influxdb_client_async.InfluxDBClientAsync",
        frames=("influxdb_client.client.query_api:QueryApi.query", "influxdb_client.client.write_api:WriteApi.write"),
    ),
    *_query(
        "neo4j",
        "Session.run Driver.execute_query Driver.verify_connectivity Session.execute_read Session.execute_write",
        twin="neo4j.AsyncGraphDatabase",
        frames=("neo4j._sync.work.session:Session.run", "neo4j._sync.driver:Driver.execute_query"),
    ),
    *_query("clickhouse_driver.Client", "execute", twin="asynch.connect"),
    *_query(
        "clickhouse_connect.driver.httpclient.HttpClient",
        "query command insert",
        twin="clickhouse_connect.get_async_client",
    ),
    *_query(
        "chromadb",
        "Collection.query Collection.add Collection.get Collection.upsert Collection.update Collection.delete"
        " Collection.count Collection.peek",
        twin="chromadb.AsyncHttpClient",
        frames=("chromadb.api.models.Collection:Collection.query",),
    ),
    *_query(
        "qdrant_client.QdrantClient",
        "search query_points upsert retrieve scroll",
        twin="qdrant_client.AsyncQdrantClient.{name}",
        frames=("qdrant_client.qdrant_client:QdrantClient.{name}",),
    ),
    *_query(
        "ldap3.Connection",
        "bind search add modify delete unbind",
        remedy="database-thread",
        frames=("ldap3.core.connection:Connection.{name}",),
        source="https://ldap3.readthedocs.io",
    ),
)
