"""HTTP server on loopback that sends a live stream, cuts it off, stalls, and comes back."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def stream_server(chunks, plan, *, pace=0.02, refuse=()):
    """Address of a server that sends chunks of an MPEG-TS stream.

    Args:
        chunks: Bytes, sent one after the other without end, `pace` seconds apart, as a camera sends its pictures.
        plan: For each connection, after how many chunks it is cut off; the last one counts for all further ones. A
            negative number stalls after that many, without closing.
        refuse: Numbers of connections, from 0, that are answered with an error.
    """
    state = {"connections": 0}
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            number = state["connections"]
            state["connections"] += 1
            if number in refuse:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            count = plan[min(number, len(plan) - 1)]
            began = time.monotonic()
            try:
                for sent in range(abs(count)):
                    if closing.is_set():
                        return
                    self.wfile.write(chunks[sent % len(chunks)])
                    self.wfile.flush()
                    time.sleep(max(0.0, began + (sent + 1) * pace - time.monotonic()))
                if count < 0:
                    closing.wait(30)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_address[1]}/garden", state
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
