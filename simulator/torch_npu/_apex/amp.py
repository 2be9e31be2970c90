"""`apex.amp`: mixed precision by levels, with a scaled loss (NVIDIA/apex, and Ascend/apex with its names).

O0 computes in float32; O1 casts operators by autocast; O2 keeps the model in float16, batch normalization
and the optimizer's master weights in float32; O3 keeps everything in float16.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_map

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["initialize", "load_state_dict", "master_params", "scale_loss", "state_dict"]

_LEVELS = ("O0", "O1", "O2", "O3")
_FIRST_SCALE = 2.0**16
_WINDOW = 2000


class _Scaler:
    """The scale of one loss: halved after an overflow, doubled after 2000 steps without."""

    def __init__(self, loss_scale: float | str, lowest: float | None, highest: float) -> None:
        self.dynamic = loss_scale == "dynamic"
        self.scale = min(highest, _FIRST_SCALE) if self.dynamic else float(loss_scale)
        self.lowest, self.highest = lowest or 0.0, highest
        self.unskipped = 0

    def update(self, *, overflow: bool) -> None:
        if overflow:
            self.scale, self.unskipped = max(self.scale / 2, self.lowest), 0
            return
        self.unskipped += 1
        if self.unskipped == _WINDOW:
            self.scale, self.unskipped = min(self.scale * 2, self.highest), 0


class _State:
    enabled: bool | None = None  # before initialize
    scalers: tuple[_Scaler, ...] = ()


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if _is_list(value) else [value]


def initialize(
    models: Any,
    optimizers: Any = None,
    enabled: bool = True,
    opt_level: str = "O1",
    *,
    keep_batchnorm_fp32: bool | None = None,
    master_weights: bool | None = None,
    loss_scale: float | str | None = None,
    num_losses: int = 1,
    verbosity: int = 1,
    min_loss_scale: float | None = None,
    max_loss_scale: float = 2.0**24,
    combine_grad: bool | None = None,
    **others: Any,
) -> Any:
    """Prepares a model and its optimizer for mixed precision; call it before DistributedDataParallel.

    Args:
        models: a model on the NPU, or a list of models.
        optimizers: an optimizer, or a list of them.
        enabled: False gives everything back unchanged.
        opt_level: "O0" to "O3".
        keep_batchnorm_fp32: whether batch normalization stays in float32; None is as the level says.
        master_weights: whether the optimizer works on float32 copies; None is as the level says.
        loss_scale: a number, "dynamic", or None: as the level says.
        num_losses: how many losses are scaled for themselves.
        verbosity: accepted.
        min_loss_scale: the least that a dynamic scale becomes.
        max_loss_scale: the most.
        combine_grad: accepted; the optimizers of torch_npu.optim combine gradients anyway.
        **others: must be None.

    Returns:
        The models, and the optimizers where some were given, in the form in which they were given.

    Raises:
        RuntimeError: no such level.
        NotImplementedError: an argument that is not simulated.
    """
    unknown = sorted(name for name, value in others.items() if value is not None)
    if unknown:
        raise NotImplementedError(f"apex.amp.initialize: {unknown[0]} is not simulated; leave it out.")
    _State.enabled = enabled
    if not enabled:
        return models if optimizers is None else (models, optimizers)
    if opt_level not in _LEVELS:
        raise RuntimeError(f"Unexpected optimization level {opt_level}. Options are 'O0', 'O1', 'O2', 'O3'.")
    if loss_scale is None:
        loss_scale = "dynamic" if opt_level in {"O1", "O2"} else 1.0
    _State.scalers = tuple(_Scaler(loss_scale, min_loss_scale, max_loss_scale) for _ in range(num_losses))
    keep = opt_level == "O2" if keep_batchnorm_fp32 is None else keep_batchnorm_fp32
    for model in _listed(models):
        _prepare_model(model, opt_level, keep_batchnorm=keep)
    masters = opt_level == "O2" if master_weights is None else master_weights
    for optimizer in _listed(optimizers):
        _prepare_optimizer(optimizer, masters=masters)
    return models if optimizers is None else (models, optimizers)


def _prepare_model(model: nn.Module, level: str, *, keep_batchnorm: bool) -> None:
    if level == "O0":
        model.float()
        return
    inner = model.forward
    if level == "O1":

        def forward(*args: Any, **kwargs: Any) -> Any:
            with torch.autocast("npu", torch.float16):
                return inner(*args, **kwargs)

    else:
        model.half()
        if keep_batchnorm:
            for module in model.modules():
                if isinstance(module, _BatchNorm):
                    module.float()

        def forward(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = tree_map(lambda x: _cast(x, torch.float16), (args, kwargs))
            return tree_map(lambda x: _cast(x, torch.float32), inner(*args, **kwargs))

    model.forward = forward


def _cast(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def _masters(optimizer: Any) -> list[tuple[Tensor, Tensor]]:
    """Puts float32 copies in the place of float16 parameters; returns both."""
    pairs: list[tuple[Tensor, Tensor]] = []
    for group in optimizer.param_groups:
        for place, parameter in enumerate(group["params"]):
            if parameter.dtype == torch.float16:
                master = nn.Parameter(parameter.detach().float())
                group["params"][place] = master
                pairs.append((parameter, master))
                if parameter in optimizer.state:
                    optimizer.state[master] = optimizer.state.pop(parameter)
    return pairs


def _prepare_optimizer(optimizer: Any, *, masters: bool) -> None:
    """Gives the optimizer float32 copies where parameters are float16, and lets it skip steps."""
    pairs = _masters(optimizer) if masters else []
    step, zero_grad = optimizer.step, optimizer.zero_grad

    def masters_step(closure: Any = None) -> Any:
        if optimizer._amp_skip:
            optimizer._amp_skip = False
            return None
        result = step() if closure is None else step(closure)
        with torch.no_grad():
            for parameter, master in pairs:
                parameter.copy_(master)
        return result

    def masters_zero_grad(set_to_none: bool = True) -> None:
        zero_grad(set_to_none=set_to_none)
        for parameter, _ in pairs:
            parameter.grad = None

    optimizer._amp_skip, optimizer._amp_pairs = False, pairs
    optimizer.step, optimizer.zero_grad = masters_step, masters_zero_grad


def master_params(optimizer: Any) -> Iterator[Tensor]:
    """The parameters that the optimizer works on, for example to clip their gradients."""
    for group in optimizer.param_groups:
        yield from group["params"]


@contextmanager
def scale_loss(loss: Tensor, optimizers: Any, loss_id: int = 0, **_others: Any) -> Iterator[Tensor]:
    """Gives the scaled loss for backward; after it, gradients are unscaled and looked at for overflow.

    Args:
        loss: of this step.
        optimizers: those that `initialize` prepared.
        loss_id: which scale.
        **_others: accepted.

    Raises:
        RuntimeError: `initialize` was not called.
    """
    prepared = _listed(optimizers)
    if _State.enabled is None or (
        _State.enabled and not all(hasattr(optimizer, "_amp_pairs") for optimizer in prepared)
    ):
        raise RuntimeError(
            "Invoked 'with amp.scale_loss', but internal Amp state has not been initialized.  "
            "model, optimizer = amp.initialize(model, optimizer, opt_level=...) must be called before it."
        )
    if not _State.enabled:
        yield loss
        return
    scaler = _State.scalers[loss_id]
    yield loss.float() * scaler.scale
    found = [_unscale(optimizer, scaler.scale) for optimizer in prepared]
    overflow = any(found)
    if scaler.dynamic:
        scaler.update(overflow=overflow)
        if overflow:
            for optimizer in prepared:
                optimizer._amp_skip = True
            print(  # noqa: T201 - as the real one does
                f"Gradient overflow.  Skipping step, loss scaler {loss_id} "
                f"reducing loss scale to {scaler.scale}"
            )


def _unscale(optimizer: Any, scale: float) -> bool:
    """Divides gradients by the scale; tells whether one is not finite."""
    for parameter, master in optimizer._amp_pairs:
        if parameter.grad is not None:
            master.grad = parameter.grad.float()
            parameter.grad = None
    overflow = False
    for parameter in master_params(optimizer):
        if parameter.grad is not None:
            parameter.grad.mul_(1 / scale)
            overflow = overflow or not bool(parameter.grad.isfinite().all())
    return overflow


def state_dict() -> dict[str, dict[str, float]]:
    """The scales, for a checkpoint."""
    return {
        f"loss_scaler{number}": {"loss_scale": scaler.scale, "unskipped": scaler.unskipped}
        for number, scaler in enumerate(_State.scalers)
    }


def load_state_dict(state: dict[str, dict[str, float]]) -> None:
    """Takes up what `state_dict` gave."""
    for number, scaler in enumerate(_State.scalers):
        held = state[f"loss_scaler{number}"]
        scaler.scale, scaler.unskipped = held["loss_scale"], int(held["unskipped"])
