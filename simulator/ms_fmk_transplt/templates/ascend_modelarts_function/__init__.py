"""Paths of this project on ModelArts and elsewhere: path_mapping_config.py says what comes from where."""

from .modelarts_path_manager import ModelArtsPathManager

__all__ = ["ModelArtsPathManager"]
