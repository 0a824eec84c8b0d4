"""Brokers, remote shells, devices and browsers that wait in the caller's thread."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_SOCKET = "https://github.com/python/cpython/blob/3.13/Modules/socketmodule.c"
_remote = partial(family, rule="UJ103", gil=Gil.RELEASES, remedy="to-thread", source=_SOCKET)
"""Protocols rather than vendors: remote shells, brokers."""

CALLS: tuple[Call, ...] = (
    *_remote(
        "grpc._channel",
        "_UnaryUnaryMultiCallable.__call__ _UnaryUnaryMultiCallable._blocking _StreamUnaryMultiCallable.__call__ "
        "_MultiThreadedRendezvous.result _MultiThreadedRendezvous._next _SingleThreadedRendezvous._next",
        remedy="async-client",
        twin="grpc.aio",
        source="https://grpc.github.io/grpc/python/grpc_asyncio.html",
    ),
    *_remote(
        "grpc.UnaryUnaryMultiCallable",
        "__call__ with_call",
        remedy="async-client",
        twin="grpc.aio.UnaryUnaryMultiCallable",
    ),
    *_remote(
        "paramiko.SSHClient",
        "connect exec_command open_sftp invoke_shell",
        remedy="async-twin",
        twin="asyncssh.connect",
        frames=("paramiko.client:SSHClient.{name}",),
        source="https://docs.paramiko.org",
    ),
    *_remote(
        "paramiko.SFTPClient",
        "get put open listdir stat remove mkdir getfo putfo _request",
        remedy="async-twin",
        twin="asyncssh.SFTPClient.{name}",
        frames=("paramiko.sftp_client:SFTPClient.{name}",),
        source="https://docs.paramiko.org",
    ),
    *_remote(
        "paramiko.Channel",
        "recv send sendall recv_exit_status",
        remedy="async-twin",
        twin="asyncssh.SSHClientProcess",
        frames=(
            "paramiko.channel:Channel.{name}",
            "paramiko.channel:ChannelFile._read",
            "paramiko.file:BufferedFile.read",
        ),
        source="https://docs.paramiko.org",
    ),
    *_remote(
        "fabric.Connection",
        "run sudo local get put open",
        frames=("fabric.connection:Connection.{name}",),
        source="https://docs.fabfile.org",
    ),
    *_remote("netmiko", "ConnectHandler BaseConnection.send_command", source="https://github.com/ktbyers/netmiko"),
    *_remote(
        "kafka.KafkaProducer",
        "__init__ flush close send partitions_for",
        remedy="async-client",
        twin="aiokafka.AIOKafkaProducer.{name}",
        frames=("kafka.producer.kafka:KafkaProducer.{name}", "kafka.producer.kafka:KafkaProducer._wait_on_metadata"),
        source="https://kafka-python.readthedocs.io",
    ),
    *_remote(
        "kafka.KafkaConsumer",
        "__init__ poll __next__ commit position partitions_for_topic close",
        remedy="async-client",
        twin="aiokafka.AIOKafkaConsumer",
        frames=("kafka.consumer.group:KafkaConsumer.{name}",),
        source="https://kafka-python.readthedocs.io",
    ),
    *_remote(
        "kafka.producer.future.FutureRecordMetadata",
        "get",
        remedy="async-client",
        twin="aiokafka.AIOKafkaProducer.send_and_wait",
    ),
    *_remote(
        "confluent_kafka",
        "Producer.flush Producer.poll Consumer.poll Consumer.consume Consumer.commit Consumer.close Producer.list_topics",
        remedy="async-client",
        twin="confluent_kafka.aio",
        frames=("confluent_kafka.cimpl:{name}",),
        source="https://github.com/confluentinc/confluent-kafka-python/blob/master/src/confluent_kafka/src/Producer.c",
    ),
    *_remote(
        "pika",
        "BlockingConnection",
        remedy="async-client",
        twin="aio_pika.connect_robust",
        frames=("pika.adapters.blocking_connection:BlockingConnection.__init__",),
        source="https://pika.readthedocs.io/en/stable/modules/adapters/blocking.html",
    ),
    *_remote(
        "pika.adapters.blocking_connection",
        "BlockingConnection.process_data_events BlockingConnection.sleep BlockingConnection.channel BlockingChannel.basic_publish "
        "BlockingChannel.basic_get BlockingChannel.start_consuming BlockingChannel.queue_declare BlockingChannel.consume "
        "BlockingChannel.basic_ack BlockingConnection._flush_output",
        remedy="async-client",
        twin="aio_pika",
        source="https://pika.readthedocs.io/en/stable/modules/adapters/blocking.html",
    ),
    *_remote(
        "kombu",
        "Connection.drain_events Producer.publish Connection.ensure_connection",
        frames=("kombu.messaging:Producer.publish", "kombu.connection:Connection.drain_events"),
    ),
    *_remote("celery.app.task.Task", "apply_async delay apply", weight=Weight.MILLISECONDS),
    *_remote("stomp.Connection", "connect send"),
    *_remote("nats.NATS", "connect", remedy="async-client", twin="nats.connect"),
    *_remote(
        "paho.mqtt.client.Client", "connect reconnect loop loop_forever", remedy="async-client", twin="aiomqtt.Client"
    ),
    *_remote("paho.mqtt.publish", "single multiple", remedy="async-client", twin="aiomqtt.Client.publish"),
    *_remote(
        "zmq.Socket",
        "recv recv_string recv_json recv_pyobj recv_multipart send_multipart",
        remedy="async-client",
        twin="zmq.asyncio.Socket",
        frames=("zmq.sugar.socket:Socket.{name}",),
    ),
    *_remote(
        "serial.Serial",
        "read write readline read_until",
        remedy="async-client",
        twin="serial_asyncio.open_serial_connection",
        frames=("serial.serialposix:Serial.{name}",),
    ),
    *_remote(
        "pymodbus.client.ModbusTcpClient",
        "connect read_holding_registers write_register",
        remedy="async-client",
        twin="pymodbus.client.AsyncModbusTcpClient",
    ),
    *_remote(
        "selenium.webdriver.remote.webdriver.WebDriver",
        "execute get find_element find_elements execute_script get_screenshot_as_png quit",
        remedy="async-client",
        twin="playwright.async_api",
        source="https://www.selenium.dev/documentation/",
    ),
    *_remote(
        "selenium.webdriver.support.wait.WebDriverWait",
        "until until_not",
        remedy="async-client",
        twin="playwright.async_api",
    ),
    *_remote(
        "playwright._impl._sync_base.SyncBase",
        "_sync",
        remedy="async-client",
        twin="playwright.async_api",
        source="https://playwright.dev/python/docs/library#sync-vs-async",
    ),
    *_remote(
        "playwright.sync_api",
        "sync_playwright Page.goto Page.click Page.content Page.screenshot Page.wait_for_selector",
        remedy="async-client",
        twin="playwright.async_api",
        frames=("playwright.sync_api._generated:{name}",),
    ),
)
