"""What nbclient needs to run notebooks in warm kernels: a manager, and clients that wait for news only."""

from __future__ import annotations

import asyncio
from queue import Empty
from typing import TYPE_CHECKING, Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from traitlets import Dict, Integer, Type, Unicode, default
from traitlets.config import Config

from camp.warm.limits import Backend, Limits

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_client.kernelspec import KernelSpec

PROVISIONER = "camp-warm"
_ASK_AGAIN_SECONDS = 0.05
_MESSAGES_WAITING = 100


def _bounded_context(output_bytes: int) -> zmq.asyncio.Context:
    """A ZeroMQ context whose sockets neither take nor keep more than the grader has room for."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, output_bytes)
    context.setsockopt(zmq.RCVHWM, _MESSAGES_WAITING)
    return context


class WarmKernelClient(AsyncKernelClient):
    """A client that is ready when the kernel is, and takes no message larger than the limit."""

    @default("context")
    def _context_default(self) -> zmq.asyncio.Context:
        self._created_context = True
        return _bounded_context(Limits.from_data(getattr(self.parent, "limits", {})).output_bytes)

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the interface's
        """Wait until the kernel answers on both channels.

        Raises:
            RuntimeError: it ended, or did not answer in `timeout` seconds.
        """
        try:
            await asyncio.wait_for(self._ready(), timeout)
        except TimeoutError:
            raise RuntimeError(f"the kernel did not answer in {timeout} s") from None

    async def _ready(self) -> None:
        """Ask until an answer has come on each channel.

        The first answers on iopub are lost if they are sent before the kernel knows of this client.
        """
        waiting = {self.shell_channel, self.iopub_channel}
        while waiting:
            self.kernel_info()
            for channel in tuple(waiting):
                try:
                    await channel.get_msg(timeout=_ASK_AGAIN_SECONDS)
                    waiting.discard(channel)
                except Empty:
                    break
            if waiting and not await self._async_is_alive():
                raise RuntimeError("the kernel ended before it answered")


class WarmKernelManager(AsyncKernelManager):
    """A kernel manager whose kernels are forked into a sandbox, whatever the kernelspec says."""

    client_factory = Type(WarmKernelClient)
    limits = Dict(help="Bounds of each kernel; see camp.warm.Limits for the names.").tag(config=True)
    backend = Unicode(None, allow_none=True, help="The sandbox; default: the best there is.").tag(config=True)
    seed = Integer(0, allow_none=True, help="Seed of the kernel's random generators.").tag(config=True)

    @property
    def kernel_spec(self) -> KernelSpec | None:
        """The kernelspec, with the provisioner of warm kernels in it."""
        spec = super().kernel_spec
        if spec is not None:
            config = {"limits": self.limits, "backend": self.backend, "seed": self.seed}
            spec.metadata["kernel_provisioner"] = {"provisioner_name": PROVISIONER, "config": config}
        return spec

    @property
    def ended_by(self) -> str:
        """Why the kernel ended, if it is known: "memory", "cpu", "ended" (by the grader) or ""."""
        return getattr(self.provisioner, "ended_by", "")


class WarmNotebookClient(NotebookClient):
    """An nbclient that notices the end of a warm kernel at once instead of within a second."""

    async def _async_poll_kernel_alive(self) -> None:
        died = getattr(getattr(self.km, "provisioner", None), "died", None)
        if died is None:
            await super()._async_poll_kernel_alive()
            return
        await died()
        try:
            await self._async_check_alive()
        except DeadKernelError:
            if self.task_poll_for_reply is not None:
                self.task_poll_for_reply.cancel()


def client_options(
    folder: Path | str | None = None,
    limits: Limits | None = None,
    *,
    backend: Backend | None = None,
    seed: int | None = 0,
) -> dict[str, Any]:
    """Options for nbclient's NotebookClient that make it run its notebook in a warm kernel.

    Args:
        folder: its files, if any, are copied into the kernel's private home folder, where it runs.
        limits: the kernel's bounds; None takes the usual ones.
        backend: the sandbox by name; None takes the best that this machine has.
        seed: seed of random, NumPy and PyTorch; None leaves what all kernels of this process share.
    """
    options = {
        "limits": (limits or Limits()).to_data(),
        "backend": None if backend is None else str(backend),
        "seed": seed,
    }
    return {
        "kernel_manager_class": WarmKernelManager,
        "kernel_name": "python3",
        "shutdown_kernel": "immediate",
        "config": Config({"WarmKernelManager": options}),
        "resources": {"metadata": {"path": str(folder)}} if folder else {},
    }
