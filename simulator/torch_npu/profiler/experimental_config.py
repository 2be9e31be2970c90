"""What the profiler collects beyond the usual (torch_npu/profiler/experimental_config.py of Ascend/pytorch).

A wrong value is reported and replaced, as by the real one. What the simulated device does not have
(counters of the host's system, of network cards and of links) is accepted and stays empty.
"""

from __future__ import annotations

import warnings
from typing import Any

from torch_npu.profiler._messages import warn

__all__ = [
    "AiCMetrics",
    "ExportType",
    "HostSystem",
    "ProfilerLevel",
    "_ExperimentalConfig",
    "supported_ai_core_metrics",
    "supported_export_type",
    "supported_profiler_level",
]


class ProfilerLevel:
    """How much is collected."""

    Level0 = "Level0"
    Level1 = "Level1"
    Level2 = "Level2"
    Level_none = "Level_none"


class AiCMetrics:
    """Which counters of the cores are collected from Level1 on."""

    PipeUtilization = "ACL_AICORE_PIPE_UTILIZATION"
    ArithmeticUtilization = "ACL_AICORE_ARITHMETIC_UTILIZATION"
    Memory = "ACL_AICORE_MEMORY_BANDWIDTH"
    MemoryL0 = "ACL_AICORE_L0B_AND_WIDTH"
    MemoryUB = "ACL_AICORE_MEMORY_UB"
    ResourceConflictRatio = "ACL_AICORE_RESOURCE_CONFLICT_RATIO"
    L2Cache = "ACL_AICORE_L2_CACHE"
    MemoryAccess = "ACL_AICORE_MEMORY_ACCESS"
    AiCoreNone = "ACL_AICORE_NONE"


class ExportType:
    """The form of the results."""

    Db = "db"
    Text = "text"


class HostSystem:
    """What of the host's system is collected."""

    CPU = "cpu"
    MEM = "mem"
    DISK = "disk"
    NETWORK = "network"
    OSRT = "osrt"
    NUMA = "numa"


def _values(options: type) -> set[str]:
    return {value for name, value in vars(options).items() if not name.startswith("_")}


def supported_profiler_level() -> set[str]:
    """All levels."""
    return _values(ProfilerLevel)


def supported_ai_core_metrics() -> set[str]:
    """All groups of counters."""
    return _values(AiCMetrics)


def supported_export_type() -> set[str]:
    """All forms of results."""
    return _values(ExportType)


class _ExperimentalConfig:
    """Extended settings of a profile; see `torch_npu.profiler.profile`.

    Args:
        profiler_level: a `ProfilerLevel`.
        aic_metrics: an `AiCMetrics`, from Level1 on.
        l2_cache: counters of the L2 cache.
        msprof_tx: older name of mstx.
        mstx: ranges and marks of `torch_npu.npu.mstx`.
        data_simplification: remove what is not needed after the results are written.
        record_op_args: arguments of operators.
        op_attr: attributes of operators, with ExportType.Db only.
        gc_detect_threshold: milliseconds from which garbage collections are recorded; None: none.
        export_type: an `ExportType`, or a list of them.
        host_sys: a list of `HostSystem`.
        mstx_domain_include: only these domains of mstx.
        mstx_domain_exclude: all domains but these.
        sys_io: counters of network cards.
        sys_interconnection: counters of links.
    """

    def __init__(
        self,
        profiler_level: str = ProfilerLevel.Level0,
        aic_metrics: str = AiCMetrics.PipeUtilization,
        l2_cache: bool = False,
        msprof_tx: bool = False,
        mstx: bool = False,
        data_simplification: Any = True,
        record_op_args: bool = False,
        op_attr: bool = False,
        gc_detect_threshold: float | None = None,
        export_type: str | list[str] = ExportType.Text,
        host_sys: list[str] | None = None,
        mstx_domain_include: list[str] | None = None,
        mstx_domain_exclude: list[str] | None = None,
        sys_io: bool = False,
        sys_interconnection: bool = False,
    ) -> None:
        self._profiler_level = profiler_level
        self._aic_metrics = aic_metrics
        self._l2_cache = l2_cache
        self._msprof_tx = msprof_tx
        self._mstx = mstx
        self._data_simplification = data_simplification
        self.record_op_args = record_op_args
        self._export_type = _as_list(export_type)
        self._host_sys = host_sys or []
        self._op_attr = op_attr
        self._gc_detect_threshold = gc_detect_threshold
        self._mstx_domain_include = mstx_domain_include or []
        self._mstx_domain_exclude = mstx_domain_exclude or []
        self._sys_io = sys_io
        self._sys_interconnection = sys_interconnection
        self._check_switches()
        self._check_choices()
        self._check_domains()

    @property
    def export_type(self) -> list[str]:
        """The forms of the results."""
        return self._export_type

    @property
    def with_gc(self) -> bool:
        """Whether garbage collections are recorded."""
        return self._gc_detect_threshold is not None

    @property
    def tx_enabled(self) -> bool:
        """Whether ranges and marks of mstx are recorded."""
        return bool(self._msprof_tx or self._mstx)

    def wants_domain(self, domain: str) -> bool:
        """Whether marks of that domain are recorded."""
        if self._mstx_domain_include:
            return domain in self._mstx_domain_include
        return domain not in self._mstx_domain_exclude

    def _check_switches(self) -> None:
        for name in (
            "_l2_cache",
            "_msprof_tx",
            "_mstx",
            "record_op_args",
            "_op_attr",
            "_sys_io",
            "_sys_interconnection",
        ):
            if not isinstance(getattr(self, name), bool):
                warn(f"Invalid parameter {name.lstrip('_')}, which must be of bool type, reset it to False.")
                setattr(self, name, False)
        if not isinstance(self._data_simplification, bool):
            warn("Invalid parameter data_simplification, which must be of bool type, reset it to default.")
            self._data_simplification = True
        if self._msprof_tx:
            warnings.warn(
                "The parameter msprof_tx will be deprecated. Please use the new parameter mstx instead.",
                stacklevel=3,
            )
        if self._op_attr and ExportType.Db not in self._export_type:
            warn("op_attr switch is invalid with export type set as text.")
            self._op_attr = False

    def _check_choices(self) -> None:
        if self._profiler_level not in supported_profiler_level():
            warn("Invalid parameter profiler_level, reset it to ProfilerLevel.Level0.")
            self._profiler_level = ProfilerLevel.Level0
        low = self._profiler_level in {ProfilerLevel.Level0, ProfilerLevel.Level_none}
        if low and self._aic_metrics != AiCMetrics.AiCoreNone:
            if self._aic_metrics != AiCMetrics.PipeUtilization:  # the default: nobody asked for it
                warn(
                    "Please use level1 or level2 if you want to collect aic metrics, "
                    "reset aic metrics to None!"
                )
            self._aic_metrics = AiCMetrics.AiCoreNone
        if self._aic_metrics not in supported_ai_core_metrics():
            warn("Invalid parameter aic_metrics, reset it to default.")
            self._aic_metrics = AiCMetrics.PipeUtilization
        if self._profiler_level == ProfilerLevel.Level_none and not self.tx_enabled:
            self._mstx = True
            warn("Parameter mstx or msprof_tx must be True if profiler_level is set to Level_none.")
        if not set(self._export_type) <= supported_export_type():
            warn("Invalid parameter export_type, reset it to text.")
            self._export_type = [ExportType.Text]
        if ExportType.Db in self._export_type:
            warn("ExportType.Db is not simulated: the results are written as text.")
            self._export_type = [ExportType.Text]
        if not isinstance(self._host_sys, list) or not set(self._host_sys) <= _values(HostSystem):
            warn("Invalid parameter host_sys, reset it to empty.")
            self._host_sys = []
        threshold = self._gc_detect_threshold
        if threshold is not None and (not isinstance(threshold, int | float) or threshold < 0):
            warn("Parameter gc_detect_threshold can not be negative, reset it to default.")
            self._gc_detect_threshold = None

    def _check_domains(self) -> None:
        for name in ("_mstx_domain_include", "_mstx_domain_exclude"):
            value: Any = getattr(self, name)
            if not self.tx_enabled and value:
                warn("mstx_domain_include and mstx_domain_exclude are valid when msprof_tx or mstx is True.")
                setattr(self, name, [])
            elif not isinstance(value, list) or not all(isinstance(domain, str) for domain in value):
                warn(f"Invalid parameter {name[1:]}, which must be of list type, reset it to default.")
                setattr(self, name, [])
        if self._mstx_domain_include and self._mstx_domain_exclude:
            warn(
                "Parameter mstx_domain_include and mstx_domain_exclude can not be both set, "
                "only mstx_domain_include will work."
            )
            self._mstx_domain_exclude = []


def _as_list(export_type: Any) -> list[str]:
    if isinstance(export_type, str) and export_type:
        return [export_type]
    if isinstance(export_type, list) and export_type:
        return sorted({str(e) for e in export_type})
    warn(f"Invalid parameter export_type: {export_type}, reset it to text.")
    return [ExportType.Text]
