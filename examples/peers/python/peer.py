"""A PeerLab peer in Python: docs/peer-contract.md as a program that can be read in ten minutes.

It serves its share over gRPC, takes work at an HTTP control port, and talks to the directory over REST. It checks every
file by its SHA-256 before it keeps it. It has no hash trees, no batches and no tickets: it is always open.
"""

import hashlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc

# The wire is one file for all languages. It is compiled when the peer starts: nothing generated lies about.
HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE / "../../../proto")]
messages, services = grpc.protos_and_services("peer.proto")

SHARE = Path(os.environ["PEER_SHARE_DIR"])
UNFINISHED = SHARE / ".peerlab"  # the only folder of the share in which a file may be half there
ADDRESS = os.environ["PEER_ADVERTISE"]
CHUNK_BYTES = 64 * 1024
CALLS_AT_ONCE = 32
DIRECTORY_SECONDS = 10
STALL_SECONDS = 10

moved = {"sent": 0, "received": 0}
counting = threading.Lock()


def count(direction, size):
    with counting:
        moved[direction] += size


def log(level, message):
    """A line that the lab can read: 30 is information, 40 a warning, 50 an error."""
    print(json.dumps({"level": level, "time": time.time(), "msg": message}), flush=True)


class Failure(Exception):
    """Something that the caller is told, with a code of docs/errors.md."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# --- The share -------------------------------------------------------------------------------------------------------

hashes = {}  # what was hashed already: (name, size, time of the last change) → SHA-256


def path_of(name):
    """Where the file of this name lies. A name is one path segment, so that nothing outside of the share is reached."""
    if not 0 < len(name.encode()) <= 255 or name in (".", "..", ".peerlab") or any(c in name for c in "/\\\0"):
        raise Failure("bad-name", f"not the name of a file: {name!r}")
    return SHARE / name


def describe(path):
    """What the directory is told of a file; None if it is no plain file."""
    if path.is_symlink() or not path.is_file():
        return None
    found = path.stat()
    key = (path.name, found.st_size, found.st_mtime_ns)
    if key not in hashes:
        with path.open("rb") as file:
            hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "size": found.st_size, "sha256": hashes[key]}


def files():
    return [told for path in sorted(SHARE.iterdir()) if (told := describe(path))]


def keep(part, name):
    """Gives a finished file its name. A link never replaces a file, where a rename would."""
    try:
        os.link(part, path_of(name))
    except FileExistsError:
        raise Failure("file-exists", f"{name} is there already, with another content") from None


# --- The directory ---------------------------------------------------------------------------------------------------

session = {"token": None, "ticket": None, "lease": 30.0}
publishing = threading.Lock()
logged_in = threading.Event()
over = threading.Event()
# The lab is never behind a proxy.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method, route, body=None):
    request = urllib.request.Request(
        os.environ["PEER_DIRECTORY_URL"] + route,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json", "authorization": f"Bearer {session['token']}"},
    )
    try:
        with opener.open(request, timeout=DIRECTORY_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        error = json.load(refused).get("error", {})
        raise Failure(error.get("code", "internal"), error.get("message", f"status {refused.code}")) from None
    except OSError as away:
        raise Failure("directory-unreachable", str(away)) from None


def all_pages(route, key, **query):
    found, cursor = [], None
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        page = ask("GET", f"{route}?{urllib.parse.urlencode(asked)}")
        found += page[key]
        cursor = page.get("next")
        if not cursor:
            return found


def login():
    ip, _, port = ADDRESS.rpartition(":")
    me = {"user": os.environ["PEER_USER"], "password": os.environ["PEER_PASSWORD"]}
    told = ask("POST", "/login", {**me, "ip": ip.strip("[]"), "port": int(port), "files": files()})
    session.update(token=told["token"], ticket=told.get("ticket"), lease=told["leaseSeconds"])
    logged_in.set()


def renew_for_ever():
    """A third of the lease is a good interval: two heartbeats may get lost. How long it is, the login says."""
    logged_in.wait()
    while not over.wait(session["lease"] / 3):
        token = session["token"]
        if not token:
            continue
        try:
            session["ticket"] = ask("POST", "/heartbeat", {}).get("ticket", session["ticket"])
        except Failure as failure:
            log(40, f"heartbeat: {failure}")
            # The directory has forgotten this peer, unless it logged out just now.
            if failure.code == "unauthorized" and session["token"] == token:
                log_in_again()


def log_in_again():
    """If it fails, the next heartbeat tries it once more."""
    try:
        login()
    except Failure as failure:
        log(40, f"login: {failure}")


def publish():
    """One after the other: an older list that comes late would replace a newer one."""
    with publishing:
        told = files()
        if session["token"]:
            ask("PUT", "/loadfiles", {"files": told})
        return len(told)


# --- Fetching and sending --------------------------------------------------------------------------------------------


def credentials():
    return [("authorization", f"Bearer {session['ticket']}")] if session["ticket"] else []


def fetch(address, name, wanted):
    """One file from one source, into a file of its own. Raises Failure if it is not exactly what was announced."""
    part = tempfile.NamedTemporaryFile(dir=UNFINISHED, delete=False)
    digest, size = hashlib.sha256(), 0
    try:
        with part, grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            request = messages.FileRequest(filename=name, sha256=wanted["sha256"])
            call = services.PeerServiceStub(channel).DownloadFile(request, metadata=credentials())
            for chunk in watched(call):
                size += len(chunk.content)
                count("received", len(chunk.content))
                if size > wanted["size"]:
                    call.cancel()
                    raise Failure("too-many-bytes", f"{address} sent more than {wanted['size']} bytes")
                digest.update(chunk.content)
                part.write(chunk.content)
        if size < wanted["size"]:
            raise Failure("truncated", f"{address} sent {size} bytes of {wanted['size']}")
        if digest.hexdigest() != wanted["sha256"]:
            raise Failure("hash-mismatch", f"{address} sent other bytes")
        return part.name, size
    except BaseException as error:
        os.unlink(part.name)
        code = getattr(error, "code", "internal")
        if isinstance(error, grpc.RpcError):
            code = "file-not-found" if error.code() == grpc.StatusCode.NOT_FOUND else "source-unreachable"
        error.got = {"peer": address, "bytes": size, "error": code if isinstance(code, str) else "internal"}
        raise


def watched(call):
    """The messages of a call, which ends if nothing comes for too long."""
    alive, ended = threading.Event(), threading.Event()

    def watch():
        while not ended.is_set():
            alive.clear()
            if not alive.wait(STALL_SECONDS):
                call.cancel()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        for message in call:
            alive.set()
            yield message
    finally:
        ended.set()
        alive.set()


def download(name, sha256=None, **asked):
    began = time.monotonic()
    target = path_of(name)
    found = all_pages("/search", "results", name=name)
    found = [one for one in found if sha256 in (None, one["sha256"])]
    wanted = found[0] if found else None
    here = describe(target)
    if here and (not wanted or here["sha256"] == wanted["sha256"]):
        return {**transfer(here, [], began), "bytes": 0}
    if here:
        raise Failure("file-exists", f"{name} is there already, with another content")
    if not wanted:
        raise Failure("no-source", f"nobody has {name}")
    sources = {address(one): one["name"] for one in wanted["peers"] if address(one) != ADDRESS}
    if asked.get("from"):
        sources = {asked["from"]: sources.get(asked["from"], name)}
    tried = []
    for source, its_name in sources.items():
        try:
            part, size = fetch(source, its_name, wanted)
        except (Failure, grpc.RpcError, OSError) as failure:
            tried.append(failure.got)
            continue
        try:
            keep(part, name)
        finally:
            os.unlink(part)
        tried.append({"peer": source, "bytes": size})
        publish()
        return transfer(wanted | {"name": name}, tried, began)
    failure = Failure("no-source", "; ".join(f"{one['peer']}: {one['error']}" for one in tried) or f"nobody has {name}")
    failure.sources = tried
    raise failure


def address(peer):
    ip = f"[{peer['ip']}]" if ":" in peer["ip"] else peer["ip"]
    return f"{ip}:{peer['port']}"


def transfer(file, sources, began):
    """What a transfer answers: its sources add up to its bytes."""
    told = {key: file[key] for key in ("name", "size", "sha256")}
    total = sum(source["bytes"] for source in sources)
    return {"outcome": "ok", **told, "bytes": total, "sources": sources, "seconds": time.monotonic() - began}


def upload(name, to):
    began = time.monotonic()
    told = describe(path_of(name))
    if not told:
        raise Failure("file-not-found", f"{name} is not in the share")

    def parts():
        yield messages.FileUpload(filename=name, size=told["size"], sha256=told["sha256"])
        for content in read(path_of(name), 0, told["size"]):
            yield messages.FileUpload(content=content)

    with grpc.insecure_channel(to, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = services.PeerServiceStub(channel).UploadFile(parts(), metadata=credentials())
        except grpc.RpcError as error:
            raise Failure("source-unreachable", f"{to}: {error.details()}") from None
    if not answer.success:
        raise Failure("upload-refused", answer.message)
    size = answer.bytes if answer.HasField("bytes") else told["size"]
    return transfer(told, [{"peer": to, "bytes": size}], began)


# --- Serving ---------------------------------------------------------------------------------------------------------


def read(path, start, end):
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (content := file.read(min(CHUNK_BYTES, end - start))):
            start += len(content)
            count("sent", len(content))
            yield content


class PeerService(services.PeerServiceServicer):
    def DownloadFile(self, request, context):
        try:
            told = self.find(request)
        except Failure as failure:
            context.abort(grpc.StatusCode.NOT_FOUND, str(failure))
        start, end = request.offset, request.offset + request.length if request.length else told["size"]
        if start > told["size"] or end > told["size"]:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, f"{told['name']} has {told['size']} bytes")
        chunk = messages.FileChunk(offset=start, size=told["size"], sha256=told["sha256"])
        if start == end:
            yield chunk
        for content in read(path_of(told["name"]), start, end):
            chunk.content = content
            yield chunk
            start += len(content)
            chunk = messages.FileChunk(offset=start)
        if start != end:
            context.abort(grpc.StatusCode.ABORTED, "the file changed")

    def find(self, request):
        if request.sha256:
            for told in files():
                if told["sha256"] == request.sha256:
                    return told
            raise Failure("file-not-found", "nothing with this content")
        told = describe(path_of(request.filename))
        if not told:
            raise Failure("file-not-found", f"no file {request.filename!r}")
        return told

    def UploadFile(self, requests, context):
        first = next(requests, messages.FileUpload())
        if not (first.HasField("size") and first.HasField("sha256")) or first.offer:
            return messages.FileResponse(success=False, message="size, SHA-256 and content are wanted")
        try:
            return self.take(first, requests)
        except Failure as failure:
            return messages.FileResponse(success=False, message=str(failure))

    def take(self, first, requests):
        here = describe(path_of(first.filename))
        if here and here["sha256"] == first.sha256:
            return messages.FileResponse(success=True, message="it was there", bytes=0)
        if here:
            raise Failure("file-exists", "this name has another content")
        part = tempfile.NamedTemporaryFile(dir=UNFINISHED, delete=False)
        try:
            digest, size = hashlib.sha256(), 0
            with part:
                message = first
                while message is not None:
                    size += len(message.content)
                    count("received", len(message.content))
                    if size > first.size:
                        raise Failure("too-many-bytes", "more bytes than announced")
                    digest.update(message.content)
                    part.write(message.content)
                    message = next(requests, None)
            if size < first.size:
                raise Failure("truncated", "fewer bytes than announced")
            if digest.hexdigest() != first.sha256:
                raise Failure("hash-mismatch", "other bytes than announced")
            keep(part.name, first.filename)
        finally:
            os.unlink(part.name)
        publish()
        return messages.FileResponse(success=True, message="stored", bytes=size)


# --- The control port ------------------------------------------------------------------------------------------------


def do_login():
    login()
    return {"leaseSeconds": session["lease"]}


def do_logout():
    if session["token"]:
        ask("POST", "/logout", {})
    session["token"] = None
    return {}


VERBS = {
    "login": do_login,
    "index": lambda: {"peers": all_pages("/index", "peers")},
    "search": lambda **what: {"results": all_pages("/search", "results", **what)},
    "download": download,
    "upload": upload,
    "loadfiles": lambda: {"files": publish()},
    "logout": do_logout,
}
METRICS = """# TYPE peerlab_transfer_bytes_total counter
peerlab_transfer_bytes_total{{direction="sent"}} {sent}
peerlab_transfer_bytes_total{{direction="received"}} {received}
"""


class Control(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/metrics":
            return self.answer(200, METRICS.format(**moved).encode(), "text/plain; version=0.0.4")
        return self.answer(200 if self.path == "/healthz" else 404, b"{}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("authorization") != f"Bearer {os.environ['PEER_CONTROL_TOKEN']}":
            return self.refuse(401, "unauthorized", "the token is missing or wrong")
        verb = VERBS.get(self.path.removeprefix("/control/"))
        if not verb:
            return self.refuse(404, "no-such-route", f"this peer has no {self.path}")
        try:
            return self.answer(200, json.dumps(verb(**json.loads(body or b"{}"))).encode())
        except Failure as failure:
            sources = getattr(failure, "sources", [])
            told = {"bytes": sum(source["bytes"] for source in sources), "sources": sources} if sources else {}
            return self.refuse(500, failure.code, str(failure), told)
        except Exception as error:  # told, and the peer goes on
            log(50, repr(error))
            return self.refuse(500, "internal", repr(error))

    def refuse(self, status, code, message, told={}):
        self.answer(status, json.dumps({"error": {"code": code, "message": message}, **told}).encode())

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class ControlServer(ThreadingHTTPServer):
    # As many connections may wait as the lab opens at one time.
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A connection that breaks is no error of this program; a traceback would be a line that no log reader knows."""
        log(40, f"control: {sys.exc_info()[1]!r}")


def main():
    UNFINISHED.mkdir(exist_ok=True)
    host = os.environ["PEER_HOST"]
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=[("grpc.so_reuseport", 0)])
    services.add_PeerServiceServicer_to_server(PeerService(), server)
    server.add_insecure_port(f"{host}:{os.environ['PEER_PORT']}")
    server.start()
    control = ControlServer((host, int(os.environ["PEER_CONTROL_PORT"])), Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    threading.Thread(target=renew_for_ever, daemon=True).start()
    log(30, f"serves {SHARE} at {host}:{os.environ['PEER_PORT']}")
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    over.wait()
    try:
        do_logout()
    except Failure as failure:
        log(40, f"logout: {failure}")
    server.stop(grace=3).wait()


if __name__ == "__main__":
    main()
