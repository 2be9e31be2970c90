"""Gives a path as it is on this machine: on ModelArts the copy of what lies in the object store.

ModelArts is recognised by its package moxing. Elsewhere every path stays as it is.
"""
# ruff: noqa: T201 - what is printed is the job's log

from __future__ import annotations

import atexit
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from .path_mapping_config import PATH_MAPPING_CONFIG


def _moxing() -> Any:
    """ModelArts' package for its object store, None elsewhere."""
    try:
        return import_module("moxing").file
    except ImportError:
        return None


class ModelArtsPathManager:
    """One for the program: fetches inputs when it is made, brings outputs back when the program ends."""

    # Where ModelArts has room; MODELARTS_CACHE names another place.
    CACHE_DIR = os.environ.get("MODELARTS_CACHE", "/cache/modelarts_cache")
    _instance: ModelArtsPathManager | None = None

    def __new__(cls) -> ModelArtsPathManager:  # noqa: PYI034 - ModelArts has Pythons without Self
        """The one that is there, or the first."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance._start()
        return cls._instance

    def _start(self) -> None:
        self.store = _moxing()
        self.project = Path(__file__).resolve().parent.parent
        self.places: dict[str, str] = {}
        if self.store is None:
            return
        for path, address in PATH_MAPPING_CONFIG["input"].items():
            self._fetch(path, address)
        for path in PATH_MAPPING_CONFIG["output"]:
            if Path(path).is_absolute():
                self.places[os.path.realpath(path)] = self._cached(path)
                Path(self._cached(path)).parent.mkdir(parents=True, exist_ok=True)
        atexit.register(self._bring_back)

    def _cached(self, path: str) -> str:
        return str(Path(self.CACHE_DIR, os.path.realpath(path).lstrip("/")))

    def _fetch(self, path: str, address: str) -> None:
        if not Path(path).is_absolute():
            print(f"[WARNING] input '{path}' is no absolute path; it is left out")
        elif not self.store.exists(address):
            print(f"[WARNING] there is nothing at {address}; '{path}' is left out")
        else:
            place = self._cached(path)
            print(f"[INFO] Download {address} to {place}", flush=True)
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            folder = self.store.is_directory(address)
            (self.store.copy_parallel if folder else self.store.copy)(address, place)
            self.places[os.path.realpath(path)] = place

    def _bring_back(self) -> None:
        for path, address in PATH_MAPPING_CONFIG["output"].items():
            place = Path(str(self.get_path(path)))
            if place.exists():
                print(f"[INFO] Upload {place} to {address}", flush=True)
                (self.store.copy_parallel if place.is_dir() else self.store.copy)(str(place), address)
            else:
                print(f"[WARNING] '{place}' does not exist; nothing is brought back to {address}")

    def get_path(self, path: Any) -> Any:
        """Where a path lies on this machine; what is no path (an open file) comes back as it is."""
        if self.store is None or not isinstance(path, (str, os.PathLike)):
            return path
        text = os.fspath(path)
        if not isinstance(text, str):
            return path
        if not Path(text).is_absolute():
            return os.path.realpath(self.project / text)
        real = os.path.realpath(text)
        for known, place in self.places.items():
            if real == known or real.startswith(known + os.sep):
                return place + real[len(known) :]
        return path
