"""MQTT broker on loopback that takes what is published: version 3.1.1, CONNECT, PUBLISH, PINGREQ and DISCONNECT."""

import socket
import struct
import threading
from contextlib import contextmanager


@contextmanager
def small_broker():
    """Port of a broker, and a list of (topic, payload, retained) that grows; its CONNECT packets come first."""
    published, connects, clients = [], [], []
    server = socket.create_server(("127.0.0.1", 0))

    def read(client, count):
        data = b""
        while len(data) < count:
            part = client.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def serve(client):
        try:
            while True:
                first = read(client, 1)[0]
                length = shift = 0
                while True:
                    byte = read(client, 1)[0]
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = read(client, length)
                kind = first >> 4
                if kind == 1:
                    connects.append(body)
                    client.sendall(b"\x20\x02\x00\x00")
                elif kind == 3:
                    size = struct.unpack(">H", body[:2])[0]
                    rest = body[2 + size :]
                    if first & 6:
                        client.sendall(b"\x40\x02" + rest[:2])
                        rest = rest[2:]
                    published.append((body[2 : 2 + size].decode(), rest, bool(first & 1)))
                elif kind == 12:
                    client.sendall(b"\xd0\x00")
                elif kind == 14:
                    return
        except (EOFError, OSError):
            return

    def accept():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            clients.append(client)
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1], published, connects, clients
    finally:
        server.close()
        for client in clients:
            client.close()
