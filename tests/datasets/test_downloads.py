"""Downloads from a server on this machine's loopback address."""

import errno
import hashlib
import os
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from minebench.datasets.downloads import DownloadError, download, how_to_get
from minebench.datasets.files import DataFileError
from minebench.datasets.published import PublishedFile

pytest.importorskip("pooch", reason="pooch is a dependency of minebench: install the package again")
CONTENT = bytes(range(256)) * 8192  # 2 MB, two of the chunks that are received at once
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves the content whole, cut or damaged, by the path."""

    asked: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        body = {"/cut": CONTENT[:-1], "/other": CONTENT[:-1] + b"?", "/short": b"short"}.get(self.path, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) if self.path == "/cut" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Handler.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def file_at(*urls: str, checksum: str | None = f"sha256:{SHA256}", n_bytes: int | None = len(CONTENT)) -> PublishedFile:
    return PublishedFile("toy.npz", "toy", "https://example.org/toy", n_bytes, checksum, urls)


def left_behind(root: Path) -> list[str]:
    return [file.name for file in (root / "toy").glob("*") if file.suffix != ".lock"]


def test_a_file_is_put_in_its_place_with_progress(address, tmp_path):
    told = []
    path = download(file_at(f"{address}/toy"), tmp_path, lambda *words: told.append(words))
    assert path == tmp_path / "toy" / "toy.npz"
    assert path.read_bytes() == CONTENT
    assert left_behind(tmp_path) == ["toy.npz"]
    assert told[-1] == ("download of toy.npz", len(CONTENT), len(CONTENT))
    assert 0 < told[0][1] < len(CONTENT)


def test_a_good_copy_is_kept_and_nothing_is_asked(address, tmp_path):
    file = file_at(f"{address}/toy")
    download(file, tmp_path)
    Handler.asked.clear()
    download(file, tmp_path)
    assert Handler.asked == []


def test_a_bad_copy_is_told_and_not_replaced(address, tmp_path):
    path = tmp_path / "toy" / "toy.npz"
    path.parent.mkdir()
    path.write_bytes(b"x" * len(CONTENT))
    with pytest.raises(DataFileError, match=r"expected sha256 .* delete it and get it again"):
        download(file_at(f"{address}/toy"), tmp_path)
    assert path.read_bytes() == b"x" * len(CONTENT)
    assert Handler.asked == []


def test_of_two_that_want_one_file_one_gets_it_and_the_other_waits(address, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: download(file_at(f"{address}/toy"), tmp_path), range(2)))
    assert paths == [tmp_path / "toy" / "toy.npz"] * 2
    assert Handler.asked == ["/toy"]


def test_what_a_killed_download_left_is_removed(address, tmp_path):
    leftover = tmp_path / "toy" / ".toy.npz.download" / "tmp1234"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    download(file_at(f"{address}/toy"), tmp_path)
    assert left_behind(tmp_path) == ["toy.npz"]


def test_a_full_disk_is_told_and_leaves_nothing(address, tmp_path):
    """A limit on the size of files stands for the disk: the kernel stops the write half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DownloadError, match=os.strerror(errno.EFBIG)):
            download(file_at(f"{address}/toy"), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("bad", ["missing", "cut", "other", "short"])
def test_where_one_address_fails_the_next_one_is_asked(address, tmp_path, bad):
    path = download(file_at(f"{address}/{bad}", f"{address}/toy"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert Handler.asked == [f"/{bad}", "/toy"]


@pytest.mark.parametrize("bad", ["missing", "cut", "other", "short"])
def test_where_all_fail_the_message_says_what_to_do_and_nothing_is_left(address, tmp_path, bad):
    with pytest.raises(DownloadError) as refused:
        download(file_at(f"{address}/{bad}"), tmp_path)
    message = str(refused.value)
    assert f"{address}/{bad}: " in message
    assert f"get toy.npz (2,097,152 bytes, sha256 {SHA256}) from https://example.org/toy" in message
    assert f"put it at {tmp_path / 'toy' / 'toy.npz'}, e.g. with curl -L -C - --create-dirs -o" in message
    assert left_behind(tmp_path) == []


def test_without_a_checksum_the_size_is_compared(address, tmp_path):
    with pytest.raises(DownloadError, match="expected 2,097,152 bytes; got 5: the file is cut"):
        download(file_at(f"{address}/short", checksum=None), tmp_path)
    assert left_behind(tmp_path) == []
    assert download(file_at(f"{address}/toy", checksum=None), tmp_path).read_bytes() == CONTENT


def test_without_a_network_the_message_says_what_to_do(tmp_path):
    """Nothing listens on port 9 (discard) of the loopback address."""
    with pytest.raises(
        DownloadError, match=r"toy\.npz cannot be downloaded \(http://127\.0\.0\.1:9/toy: .*\): get toy"
    ):
        download(file_at("http://127.0.0.1:9/toy"), tmp_path)
    assert left_behind(tmp_path) == []


def test_a_file_without_an_address_is_got_by_a_person(tmp_path):
    with pytest.raises(
        DownloadError, match=r"has no address for programs: get toy.npz .* from https://example.org/toy"
    ):
        download(file_at(), tmp_path)
    assert "curl" not in how_to_get(file_at(), tmp_path)
