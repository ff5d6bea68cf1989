"""What the tests of the service share: a collection, the real server, and plain HTTP."""
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from common import PROGRAM, SOURCE, picture, run  # noqa: E402,F401

BOUNDARY = "----test0123456789"


def jpeg(image, quality=90, **options):
    out = io.BytesIO()
    image.save(out, options.pop("format", "JPEG"), quality=quality, **options)
    return out.getvalue()


def frame(seed, size=(800, 600)):
    """A camera frame with the picture `seed` on it, a little turned."""
    canvas = picture(1000).resize(size).point(lambda v: v // 3 + 90)
    thing = picture(seed).rotate(8, expand=True, resample=3, fillcolor=(120, 120, 120))
    canvas.paste(thing, ((size[0] - thing.size[0]) // 2, (size[1] - thing.size[1]) // 2))
    return jpeg(canvas)


def form(*parts, boundary=BOUNDARY):
    """A multipart body of (name, bytes or str[, file name]) parts."""
    out = b""
    for name, value, *filename in parts:
        disposition = f'form-data; name="{name}"'
        if filename:
            disposition += f'; filename="{filename[0]}"'
        value = value.encode() if isinstance(value, str) else value
        out += (f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + value +
                b"\r\n")
    return out + f"--{boundary}--\r\n".encode()


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    def json(self):
        assert self.headers["content-type"].startswith("application/json"), self.headers

        def refuse(word):
            raise ValueError(f"{word} is no JSON")
        return json.loads(self.body.decode("utf-8"), parse_constant=refuse)


class Server:
    """The program's `serve` on a free port of loopback."""

    def __init__(self, *args, env=None, tls=None):
        clean = {k: v for k, v in os.environ.items()
                 if k not in ("PORT", "CARD_INDEX", "REFS_DIR", "CARD_PRICES", "FALCON_URL",
                              "NOTIFY_SOCKET")}
        self.log = tempfile.TemporaryFile(buffering=0)
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--json", *map(os.fspath, args)],
            stdout=subprocess.PIPE, stderr=self.log, env=dict(clean, **(env or {})))
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(self.said())
        self.hello = json.loads(line)
        self.port = self.hello["port"]
        self.tls = tls

    def said(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def connect(self, timeout=60, host="127.0.0.1"):
        if self.tls:
            return http.client.HTTPSConnection(host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(host, self.port, timeout=timeout)

    def ask(self, method, target, body=None, headers=None, connection=None, host="127.0.0.1"):
        c = connection or self.connect(host=host)
        try:
            c.putrequest(method, target, skip_accept_encoding=True,
                         skip_host="Host" in (headers or {}))
            for key, value in (headers or {}).items():
                c.putheader(key, value)
            if body is not None and "Transfer-Encoding" not in (headers or {}):
                c.putheader("Content-Length", str(len(body)))
            c.endheaders(body)
            return Reply(c.getresponse())
        finally:
            if connection is None:
                c.close()

    def get(self, target, **headers):
        return self.ask("GET", target, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, target, *parts, headers=None, **options):
        kind = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}
        return self.ask("POST", target, form(*parts), {**kind, **(headers or {})}, **options)

    def falcon(self, image, *parts, **options):
        return self.post("/api/falcon", ("image", image, "frame.jpg"), ("query", "card"), *parts,
                         **options)

    def raw(self, data, timeout=20, shut=False):
        """Sends bytes and reads until the server closes, or has said nothing for `timeout`."""
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        out = b""
        try:
            try:
                s.sendall(data)
                if shut:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            while True:
                try:
                    piece = s.recv(65536)
                except OSError:
                    return out
                if not piece:
                    return out
                out += piece
        finally:
            s.close()

    def stop(self):
        """Ends it as systemd does; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class ServiceTest(unittest.TestCase):
    """One collection and one server for all tests of a class."""
    ARGS = ()
    NAMES = {"LOCH-JP001_dark_magician_ur.jpg": 1, "LOCH-JP002_wolf.jpg": 2, "red bird.jpg": 3,
             "old_owl.png": 4}

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="identify-http-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        cls.refs = os.path.join(cls.dir, "refs")
        cls.index = os.path.join(cls.dir, "index.npz")
        os.mkdir(cls.refs)
        for name, seed in cls.NAMES.items():
            cls.add(name, seed)
        cls.build()
        cls.server = Server("--index", cls.index, *cls.args())
        cls.addClassCleanup(cls.server.stop)

    @classmethod
    def args(cls):
        return cls.ARGS

    @classmethod
    def add(cls, name, seed):
        picture(seed).save(os.path.join(cls.refs, name), quality=90)

    @classmethod
    def build(cls):
        result = run("index", "--refs", cls.refs, "--out", cls.index, "--encoder", "builtin",
                     "--quiet")
        assert result.returncode == 0, result.stderr

    def assertFound(self, reply, filename):
        self.assertEqual(reply.status, 200, reply.body)
        found = [mask["ref_filename"] for mask in reply.json()["masks"]]
        self.assertEqual(found[:1], [filename])
