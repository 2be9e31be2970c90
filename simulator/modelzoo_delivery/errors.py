"""What can be wrong with a call of `delivery`: one class a kind, one line each."""

from __future__ import annotations


class DeliveryError(Exception):
    """A call that cannot be carried out; nothing was written."""


class NoFolderError(DeliveryError):
    """The delivery to look at is no folder."""


class FolderExistsError(DeliveryError):
    """The folder of a new delivery is there already; it is never overwritten."""


class NetworkNameError(DeliveryError):
    """The name of a new delivery is not of the form that ModelZoo asks for."""


class NoResultsError(DeliveryError):
    """The delivery has no logs to read results from."""
