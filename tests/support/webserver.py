"""A web server of the tests' own, on a free port of 127.0.0.1. A page is a function of the request's
handler, registered by path; what no page says is 404. Every request is kept in `seen`."""
import gzip
import http.server
import json
import ssl
import threading
import urllib.parse


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.seen, self.lock = {}, [], threading.Lock()
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the tests

    def stop(self):
        self.shutdown()
        self.server_close()

    @property
    def base(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def page(self, path):
        """As a decorator: @server.page("/cards")"""
        def register(function):
            self.pages[path] = function
            return function
        return register

    def asked(self, path):
        return [entry for entry in self.seen if entry["path"] == path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        with self.server.lock:
            self.server.seen.append({"path": url.path, "query": self.query,
                                     "headers": dict(self.headers)})
        page = self.server.pages.get(url.path)
        if page is None:  # "/pictures/" stands for all below it
            page = self.server.pages.get(url.path[:url.path.rfind("/") + 1])
        if page is None:
            return self.answer(b"no such page", status=404)
        return page(self)

    def answer(self, body, status=200, type="application/octet-stream", zipped=False, **headers):
        if zipped:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, value, **options):
        self.answer(json.dumps(value).encode(), type="application/json", **options)

    def log_message(self, *args):
        pass
