"""Helpers around the device: error messages."""
