"""`moxing.file`: files and folders in the object store by the names that MoXing gives the functions.

An address is `obs://<bucket>/<key>` or `s3://…`; anything else is a path of this machine. The store is found
by S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

SCHEMES = ("obs://", "s3://")


@cache
def _client() -> Any:
    import boto3

    if "S3_ENDPOINT" not in os.environ:
        raise OSError("S3_ENDPOINT is not set; moxing finds the object store by it, inside a training job")
    return boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1")


def _one_thread() -> Any:
    """Transfers without threads, which a program that is ending can no longer start."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(use_threads=False)


def _split(url: str) -> tuple[str, str] | None:
    """Bucket and key of an address; None of a path."""
    for scheme in SCHEMES:
        if url.startswith(scheme):
            bucket, _, key = url[len(scheme) :].partition("/")
            return bucket, key
    return None


def _keys(bucket: str, prefix: str) -> dict[str, int]:
    """The keys below a prefix, with their bytes."""
    pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}


def _below(bucket: str, key: str) -> dict[str, int]:
    """The files of a folder in the store, by their keys; {} where there is no such folder."""
    folder = f"{key.rstrip('/')}/" if key.strip("/") else ""
    return {name: size for name, size in _keys(bucket, folder).items() if not name.endswith("/")}


def is_directory(url: str) -> bool:
    """Whether it is a folder."""
    place = _split(url)
    if place is None:
        return Path(url).is_dir()
    bucket, key = place
    return bool(_keys(bucket, f"{key.rstrip('/')}/" if key.strip("/") else ""))


def exists(url: str) -> bool:
    """Whether there is a file or a folder."""
    place = _split(url)
    if place is None:
        return Path(url).exists()
    return place[1] in _keys(*place) or is_directory(url)


def _missing(url: str) -> FileNotFoundError:
    return FileNotFoundError(2, "there is nothing at this address", url)


def copy(src_url: str, dst_url: str) -> None:
    """Copy one file.

    Raises:
        FileNotFoundError: it is not there.
    """
    source, target = _split(src_url), _split(dst_url)
    if not exists(src_url) or is_directory(src_url):
        raise _missing(src_url)
    if target is None:
        Path(dst_url).parent.mkdir(parents=True, exist_ok=True)
    if source is None and target is None:
        shutil.copyfile(src_url, dst_url)
    elif source is None and target is not None:
        _client().upload_file(src_url, *target, Config=_one_thread())
    elif source is not None and target is None:
        _client().download_file(*source, dst_url, Config=_one_thread())
    elif source is not None and target is not None:
        _client().copy_object(
            Bucket=target[0], Key=target[1], CopySource={"Bucket": source[0], "Key": source[1]}
        )


def copy_parallel(src_url: str, dst_url: str) -> None:
    """Copy a folder with all below it; MoXing does it with many threads.

    Raises:
        FileNotFoundError: it is not there.
    """
    if not is_directory(src_url):
        raise _missing(src_url)
    if _split(dst_url) is None:
        Path(dst_url).mkdir(parents=True, exist_ok=True)
    for name in list_directory(src_url, recursive=True):
        if not is_directory(_join(src_url, name)):
            copy(_join(src_url, name), _join(dst_url, name))


def _join(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{name}"


def list_directory(url: str, recursive: bool = False) -> list[str]:  # noqa: FBT001, FBT002 - MoXing's signature
    """The names in a folder; with `recursive`, of everything below it.

    Raises:
        FileNotFoundError: it is not there.
    """
    if not is_directory(url):
        raise _missing(url)
    place = _split(url)
    if place is None:
        root = Path(url)
        paths = root.rglob("*") if recursive else root.iterdir()
        return sorted(path.relative_to(root).as_posix() for path in paths)
    length = len(f"{place[1].rstrip('/')}/") if place[1].strip("/") else 0
    names = [key[length:] for key in _below(*place)]
    return sorted(names if recursive else {name.split("/", 1)[0] for name in names})


def get_size(url: str, recursive: bool = False) -> int:  # noqa: FBT001, FBT002
    """The bytes of a file; with `recursive`, of all files of a folder."""
    place = _split(url)
    if place is None:
        path = Path(url)
        if recursive and path.is_dir():
            return sum(below.stat().st_size for below in path.rglob("*") if below.is_file())
        return path.stat().st_size
    sizes = _keys(*place)
    if place[1] in sizes:
        return sizes[place[1]]
    if not exists(url):
        raise _missing(url)
    return sum(_below(*place).values()) if recursive else 0


def make_dirs(url: str) -> None:
    """Make a folder and those above it."""
    place = _split(url)
    if place is None:
        Path(url).mkdir(parents=True, exist_ok=True)
    else:
        _client().put_object(Bucket=place[0], Key=f"{place[1].rstrip('/')}/", Body=b"")


def read(url: str, binary: bool = False) -> str | bytes:  # noqa: FBT001, FBT002
    """What a file holds, as text or, with `binary`, as bytes."""
    place = _split(url)
    if place is None:
        data = Path(url).read_bytes()
    elif exists(url) and not is_directory(url):
        data = _client().get_object(Bucket=place[0], Key=place[1])["Body"].read()
    else:
        raise _missing(url)
    return data if binary else data.decode("utf-8")


def write(url: str, buf: str) -> None:
    """Write a text into a file."""
    place = _split(url)
    if place is None:
        Path(url).write_text(buf, encoding="utf-8")
    else:
        _client().put_object(Bucket=place[0], Key=place[1], Body=buf.encode())


def __getattr__(name: str) -> object:
    """Say what is not simulated; a name with `__` is Python asking."""
    if name.startswith("__"):
        raise AttributeError(name)
    there = "copy, copy_parallel, exists, get_size, is_directory, list_directory, make_dirs, read, write"
    raise NotImplementedError(f"moxing.file.{name} is not simulated; there is {there}")
