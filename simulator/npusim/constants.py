"""Every constant of the cost model, with where it comes from.

`kind` is "published" (printed by a source), "derived" (computed from published figures; the derivation says
how) or "fitted" (on published throughputs by `python -m calibration.fit`). A test counts the unsourced ones
and asserts zero. Figures of single chips are called `<what>.<chip>`, where <chip> is the beginning of the
names they hold for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npusim.exceptions import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from npusim.chips import Chip

KINDS = ("published", "derived", "fitted")
GIB = 1 << 30
MIB = 1 << 20


class Constant(NamedTuple):
    """A number of the model: value, unit, source, kind ("published", "derived", "fitted") and derivation."""

    name: str
    value: float
    unit: str
    kind: str
    source: str
    derivation: str


_FIT = "throughputs printed in Ascend/ModelZoo-PyTorch (perf_calibration.csv names each page)"
_SEARCH = "python -m calibration.fit --fit"
_ALIGNED = (
    "hiascend.com, Ascend C best practices (atlas_ascendc_best_practices_10_0014): "
    "use 512-byte alignment for the GM address"
)
_EAGER = "gitcode.com/Ascend/pytorch issue 5109: DistilBERT on a 910B3, 5.570 ms eager"
_PCIE = "PCI Express base specification 4.0: 16 GT/s a lane, 128b/130b, 16 lanes"
_DK_A2 = "hiascend.com, Atlas 200I DK A2, basic specification (pd_0004)"
_DUO = "3dnews.ru 1131049, Atlas 300I Duo: two chips, 408 GB/s, 96 GB"
_CARD_310 = "support.huawei.com, Atlas 300I inference card (models 3000 and 3010), specifications"
_SERVER_A2 = "e.huawei.com, Atlas 800I A2 server, specifications: HCCS full mesh of 392 GB/s, 200GE RoCE"
_CARD_910 = "support.huawei.com, Atlas 300T training card (model 9000), specifications"
_OOM = "out-of-memory messages in vllm-project/vllm-omni issue 1199 and hiyouga/LlamaFactory issue 5491"
_JPEGD = "hiascend.com, CANN commercial 8.5, JPEGD performance specifications (aclcppdevg_03_0685)"
_JPEGD_310 = "hiascend.com, CANN commercial 8.0, JPEGD performance specifications (aclcppdevg_03_0356)"
_VPC = "hiascend.com, CANN commercial 8.5, VPC performance specifications (aclpythondevg_01_0430)"
_VPC_310 = "hiascend.com, CANN commercial 8.0, VPC performance specifications (aclcppdevg_03_0338)"
_VENC_310 = "hiascend.com, CANN commercial 5.0.4, VENC functions and restrictions (aclpythondevg_01_0326)"
_VDEC_310 = "hiascend.com, CANN commercial 8.0, VDEC performance specifications (aclcppdevg_03_0374)"
_VDEC = "hiascend.com, CANN commercial 8.5, VDEC performance specifications (aclcppdevg_03_0374)"
_SMI = "npu-smi output in Ascend/ModelZoo-PyTorch, ACL_PyTorch/built-in/cv/Resnet50_Pytorch_Infer/README.md"

_ROWS = (
    # What the host does
    (
        "host_launch_ns",
        44_000,
        "ns",
        "derived",
        _EAGER,
        "5.570 ms by 127 launches (20 for each of 6 layers, 7 around them), the time of Python included",
    ),
    (
        "host_query_ns",
        1_000,
        "ns",
        "derived",
        "AscendCL reference: aclrtQueryEvent and aclrtQueryStream read a status word in host memory",
        "order of magnitude of one call without a device round trip; its size only spaces polls",
    ),
    (
        "model_execute_ns",
        58_300,
        "ns",
        "fitted",
        _FIT,
        f"{_SEARCH}: time of one model execution beside its operators",
    ),
    # What starting and running an operator takes on the device
    (
        "task_overhead_ns",
        3_210,
        "ns",
        "fitted",
        _FIT,
        f"{_SEARCH}: time of one task beside its work",
    ),
    (
        "cube_efficiency",
        0.888,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: share of the Cube's peak, after padding and tiling",
    ),
    (
        "depthwise_efficiency",
        0.323,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: the same for convolutions in groups",
    ),
    (
        "vector_efficiency",
        0.293,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: share of the Vector unit's peak",
    ),
    (
        "memory_efficiency",
        0.85,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: share of the memory's peak bandwidth",
    ),
    (
        "line_bytes",
        512,
        "B",
        "derived",
        _ALIGNED,
        "data moves best in aligned pieces of 512 bytes; a shorter run is taken to cost as much as one",
    ),
    ("l2_efficiency", 0.699, "1", "fitted", _FIT, f"{_SEARCH}: share of the rate between L2 and cores"),
    (
        "l2_room",
        0.605,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: share of L2 within which nothing is displaced",
    ),
    (
        "l2_falloff",
        1.6,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: exponent with which hits fall beyond that room",
    ),
    (
        "overlap",
        0.9,
        "1",
        "fitted",
        _FIT,
        f"{_SEARCH}: share of the faster resources' time that the slowest hides",
    ),
    (
        "aicpu_overhead_ns",
        50_000,
        "ns",
        "derived",
        "msprof-analyze, advisor rule for AI CPU operators (reports those above 20 us)",
        "between that threshold and the hundred microseconds seen where such an operator is worth a report",
    ),
    (
        "aicpu_bandwidth",
        4.0,
        "GB/s",
        "derived",
        "chip table: an AI CPU core at about 1 GHz",
        "one 4-byte element a cycle on one core",
    ),
    # Copies between host and device
    (
        "pcie_bandwidth",
        24.0,
        "GB/s",
        "derived",
        _PCIE,
        "16 lanes x 16 GT/s x 128/130 / 8 = 31.5 GB/s, of which three quarters are payload",
    ),
    (
        "pcie_latency_ns",
        10_000,
        "ns",
        "derived",
        _PCIE,
        "order of magnitude of one DMA descriptor, transfer start and completion",
    ),
    # Between chips and servers
    (
        "hccs_link.Ascend910B",
        28.0,
        "GB/s",
        "derived",
        _SERVER_A2,
        "392 GB/s a chip in both directions, by 7 peers, by 2 directions",
    ),
    (
        "hccs_link.Ascend910",
        30.0,
        "GB/s",
        "derived",
        "vengineer.hatenablog.com 2019/09/06 on Hot Chips 31: three HCCS ports of 240 Gbit/s",
        "240 Gbit/s / 8",
    ),
    (
        "roce_bandwidth",
        25.0,
        "GB/s",
        "derived",
        _SERVER_A2,
        "200 Gbit/s a chip / 8; the 910's two ports of 100 Gbit/s (Hot Chips 31) come to the same",
    ),
    # Memory
    (
        "memory_bandwidth.Ascend310P",
        204.0,
        "GB/s",
        "derived",
        _DUO,
        "408 GB/s of the card by its two chips",
    ),
    ("memory_bandwidth.Ascend310B4", 25.6, "GB/s", "derived", _DK_A2, "LPDDR4X, 3200 Mbit/s x 64 bit / 8"),
    (
        "memory_bandwidth.Ascend310B",
        102.0,
        "GB/s",
        "fitted",
        _FIT,
        f"{_SEARCH}; near 4266 Mbit/s x 192 bit / 8 = 102.4, LPDDR4X on 192 bit",
    ),
    (
        "memory_bandwidth.Ascend310",
        51.2,
        "GB/s",
        "derived",
        _CARD_310,
        "204.8 GB/s of the card by its four chips",
    ),
    ("memory_bytes.Ascend310B4", 4 * GIB, "B", "published", _DK_A2, "capacity of the board"),
    ("memory_bytes.Ascend310B", 16 * GIB, "B", "derived", _DK_A2, "the larger board of the same family"),
    ("memory_bytes.Ascend310", 8 * GIB, "B", "derived", _CARD_310, "32 GB of the card by its four chips"),
    ("memory_bytes.Ascend910B2C", 64 * GIB, "B", "derived", "chip table, Ascend910B2", "as its sibling"),
    ("memory_bytes.Ascend910_", 64 * GIB, "B", "derived", "chip table, Ascend910_9372", "as its siblings"),
    ("memory_bytes.Ascend910", 32 * GIB, "B", "published", _CARD_910, "32 GB of HBM beside the chip"),
    (
        "memory_reserved.Ascend910B",
        3113 * MIB,
        "B",
        "derived",
        _OOM,
        "64 GiB less the 60.96 GiB that the runtime reports as total capacity",
    ),
    (
        "memory_reserved.Ascend310P",
        24_000_000_000 - 21_534 * MIB,
        "B",
        "derived",
        _SMI,
        "24 GB less the 21534 MB that npu-smi shows",
    ),
    # What the media units (DVPP) do: pictures of 1920 x 1080 a second of one unit, and how many units
    ("jpegd_fps.Ascend310", 128, "1/s", "published", _JPEGD_310, "1-channel 1080p: 128 FPS"),
    (
        "jpegd_units.Ascend310",
        2,
        "units",
        "derived",
        _JPEGD_310,
        "256 FPS of several channels by 128 of one",
    ),
    ("vpc_fps.Ascend310", 360, "1/s", "published", _VPC_310, "n x 360 FPS below 4 channels"),
    (
        "vpc_units.Ascend310",
        4,
        "units",
        "derived",
        _VPC_310,
        "1440 FPS of 4 and more channels by 360 of one",
    ),
    ("jpegd_fps.Ascend310P", 128, "1/s", "published", _JPEGD, "Atlas inference products: n x 128 FPS"),
    ("jpegd_units.Ascend310P", 16, "units", "derived", _JPEGD, "2048 FPS by 128 of one channel"),
    ("vpc_fps.Ascend310P", 360, "1/s", "published", _VPC, "Atlas inference products: n x 360 FPS"),
    ("vpc_units.Ascend310P", 12, "units", "derived", _VPC, "4320 FPS by 360 of one channel"),
    ("jpegd_fps.Ascend310B", 256, "1/s", "published", _JPEGD, "Atlas 200I/500 A2: n x 256 FPS"),
    ("jpegd_units.Ascend310B", 2, "units", "derived", _JPEGD, "512 FPS by 256 of one channel"),
    ("vpc_fps.Ascend310B", 800, "1/s", "published", _VPC, "Atlas 200I/500 A2: n x 800 FPS"),
    ("vpc_units.Ascend310B", 2, "units", "derived", _VPC, "1600 FPS by 800 of one channel"),
    ("jpegd_fps.Ascend910", 128, "1/s", "published", _JPEGD_310, "Atlas training series: n x 128 FPS"),
    ("jpegd_units.Ascend910", 16, "units", "derived", _JPEGD_310, "2048 FPS by 128 of one channel"),
    ("vpc_fps.Ascend910", 360, "1/s", "derived", _VPC_310, "as the 310 of the same generation"),
    ("vpc_units.Ascend910", 16, "units", "derived", _JPEGD_310, "as many as it has for JPEGD"),
    ("jpegd_fps.Ascend910B", 512, "1/s", "published", _JPEGD, "Atlas A2 training: n x 512 FPS, YUV420"),
    ("jpegd_units.Ascend910B", 28, "units", "derived", _JPEGD, "14336 FPS by 512 of one channel"),
    ("vpc_fps.Ascend910B", 1440, "1/s", "published", _VPC, "Atlas A2 training: n x 1440 FPS"),
    ("vpc_units.Ascend910B", 10, "units", "derived", _VPC, "14400 FPS by 1440 of one channel"),
    ("vdec_fps.Ascend310", 480, "1/s", "published", _VDEC_310, "1080p: 480 FPS / n channels"),
    ("vdec_units.Ascend310", 1, "units", "derived", _VDEC_310, "the channels share one rate"),
    ("vdec_fps.Ascend310P", 240, "1/s", "published", _VDEC, "1080p, n channels: n x 240 FPS"),
    ("vdec_units.Ascend310P", 12, "units", "derived", _VDEC, "2880 FPS by 240 of one channel"),
    ("venc_fps.Ascend310", 30, "1/s", "published", _VENC_310, "1080p, n channels: 30 FPS in all"),
    ("venc_units.Ascend310", 1, "units", "derived", _VENC_310, "one queue with the whole rate"),
)


class Constants(dict[str, Constant]):
    """The table by name. What was computed from it is told when an entry changes.

    Attributes:
        dependants: functions that forget what was computed.
    """

    def __init__(self, rows: Iterable[tuple[str, float, str, str, str, str]]) -> None:
        super().__init__({row[0]: Constant(*row) for row in rows})
        self.dependants: list[Callable[[], None]] = []

    def __setitem__(self, name: str, constant: Constant) -> None:
        super().__setitem__(name, constant)
        self._tell()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._tell()

    def _tell(self) -> None:
        for forget in self.dependants:
            forget()


CONSTANTS = Constants(_ROWS)


def number(name: str) -> float:
    """A constant's value."""
    return CONSTANTS[name].value


def value(name: str) -> int:
    """A constant's value as a whole number (nanoseconds)."""
    return int(CONSTANTS[name].value)


def provenance_counts() -> dict[str, int]:
    """How many constants are published, derived and fitted, and how many lack a source or a derivation."""
    counts = dict.fromkeys((*KINDS, "unsourced"), 0)
    for constant in CONSTANTS.values():
        sound = constant.kind in KINDS and constant.source.strip() and constant.derivation.strip()
        counts[constant.kind if sound else "unsourced"] += 1
    return counts


def of_chip(what: str, chip: Chip) -> float | None:
    """A chip's figure: that of the longest name with which the chip's begins, or None."""
    for end in range(len(chip.soc), 0, -1):
        found = CONSTANTS.get(f"{what}.{chip.soc[:end]}")
        if found is not None:
            return found.value
    return None


def memory_bandwidth(chip: Chip) -> float:
    """Peak bandwidth of the device's memory in bytes per nanosecond (GB/s).

    Where nobody prints it: what all cores together draw at the rate of the chip table.
    """
    found = of_chip("memory_bandwidth", chip)
    if found is not None:
        return found
    return (chip.ddr_rate or DEFAULT_RATE) * chip.cubes * chip.clock_mhz / 1000


DEFAULT_RATE = 17  # bytes per cycle and core of the small chips whose file has a rate


def reported_memory(chip: Chip) -> int:
    """Bytes of device memory as the runtime reports them: the capacity less what the driver keeps.

    Raises:
        InvalidArgumentError: no source tells the size of this chip's memory.
    """
    size = chip.memory_bytes or of_chip("memory_bytes", chip)
    if size is None:
        raise InvalidArgumentError(
            f"no public source tells the memory size of {chip.soc}; "
            "set NPUSIM_SOC to an Ascend310 or Ascend910 chip."
        )
    return int(size - (of_chip("memory_reserved", chip) or 0))
