import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from msa.download import download
from msa.errors import InputError

BODY = bytes(range(256)) * 5000


class Server(BaseHTTPRequestHandler):
    """What a path's first part says: good, page, gone, or cut, which breaks off half-way."""

    ranges: ClassVar[list[str | None]] = []

    def do_GET(self):
        kind = self.path.split("/")[1]
        begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.ranges.append(self.headers.get("Range"))
        if kind == "gone":
            return self.send_error(404)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Type", "text/html" if kind == "page" else "application/x-hdf5")
        self.send_header("Content-Length", str(len(BODY) - begin))
        self.end_headers()
        end = len(BODY) // 2 if kind == "cut" else len(BODY)
        self.wfile.write(BODY[begin:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Server.ranges = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_first_mirror_that_works(url, tmp_path):
    output = tmp_path / "raw" / "a.csd"
    mirrors = [f"{url}/gone/a.csd", f"{url}/page/a.csd", f"{url}/good/a.csd"]
    download(mirrors, output, hashlib.sha256(BODY).hexdigest())
    assert output.read_bytes() == BODY
    assert [p.name for p in output.parent.iterdir()] == ["a.csd"]


def test_what_broke_off_is_resumed(url, tmp_path):
    output = tmp_path / "a.csd"
    with pytest.raises(InputError, match=r"a.csd: could not be downloaded"):
        download([f"{url}/cut/a.csd"], output)
    assert not output.exists()
    have = (tmp_path / "a.csd.part").stat().st_size
    assert 0 < have <= len(BODY) // 2
    download([f"{url}/good/a.csd"], output)
    assert output.read_bytes() == BODY
    assert Server.ranges[-1] == f"bytes={have}-"


def test_a_wrong_checksum_is_never_accepted(url, tmp_path):
    with pytest.raises(InputError, match=r"expected the SHA-256 0000.*, got "):
        download([f"{url}/good/a.csd"], tmp_path / "a.csd", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_the_message_says_where_to_put_the_file(tmp_path):
    """Nothing listens on this port."""
    with pytest.raises(InputError) as caught:
        download(["http://127.0.0.1:9/CMU_MOSI_COVAREP.csd"], tmp_path / "CMU_MOSI_COVAREP.csd")
    text = str(caught.value)
    assert "CMU_MOSI_COVAREP.csd: could not be downloaded: http://127.0.0.1:9/" in text
    assert f"put it into {tmp_path}/ and run again" in text
