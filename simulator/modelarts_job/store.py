"""The object store in place of OBS: S3's interface on localhost, for as long as a job runs.

OBS answers S3's protocol, and so does moto's server, which is what stands here; boto3 speaks to both.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from modelarts_job.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HINT = "pip install boto3 'moto[s3]' flask flask-cors"
KEY, SECRET = "local", "local"  # the store on localhost asks for no real ones


@dataclass(frozen=True)
class Store:
    """A bucket in a running store.

    Attributes:
        endpoint: the store's address, `http://127.0.0.1:<port>`.
        bucket: the bucket of this job.
    """

    endpoint: str
    bucket: str

    @property
    def client(self) -> Any:
        """A client of boto3 for the store."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    @property
    def environment(self) -> dict[str, str]:
        """How a program in the job finds the store, by the names that ModelArts' containers use."""
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_USE_HTTPS": "0",
            "S3_VERIFY_SSL": "0",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def url(self, prefix: str) -> str:
        """The address of a folder, `obs://<bucket>/<prefix>/`."""
        return f"obs://{self.bucket}/{prefix}/"

    def upload(self, folder: Path, prefix: str) -> list[str]:
        """Copy a folder into the store, links not followed. Returns the keys."""
        keys = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                self.client.upload_file(str(path), self.bucket, key)
                keys.append(key)
        return keys

    def download(self, prefix: str, folder: Path) -> list[Path]:
        """Copy what lies below a prefix into a folder. Returns the files."""
        files = []
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{prefix}/")
        for key in [found["Key"] for page in pages for found in page.get("Contents", [])]:
            target = (folder / key[len(prefix) + 1 :]).resolve()
            if key.endswith("/") or not target.is_relative_to(folder.resolve()):
                continue  # a folder's mark, or a key that leads out of the folder
            target.parent.mkdir(parents=True, exist_ok=True)
            self.client.download_file(self.bucket, key, str(target))
            files.append(target)
        return files


@contextmanager
def serve(bucket: str) -> Iterator[Store]:
    """A store with an empty bucket, on a free port of localhost.

    Raises:
        StoreError: its packages are not installed, or it does not start.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as error:
        raise StoreError(f"the object store needs the package '{error.name}'; {HINT}") from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    try:
        with redirect_stdout(StringIO()):  # it says that it starts
            server.start()
        host, port = server.get_host_and_port()
        store = Store(f"http://{host}:{port}", bucket)
        store.client.create_bucket(Bucket=bucket)
    except Exception as error:
        raise StoreError(
            f"the object store does not start ({error}); see whether localhost can be used"
        ) from error
    try:
        yield store
    finally:
        server.stop()
