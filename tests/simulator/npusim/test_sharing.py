"""What streams of one device share: cores, and the memory's bandwidth."""

import npusim
from hypothesis import given, settings
from hypothesis import strategies as st
from npusim.bandwidth import FULL, Bandwidth
from npusim.constants import memory_bandwidth

times = st.integers(0, 1000)


def product(n):
    """An n x n product of halves."""
    x = npusim.TensorSpec((n, n), "float16")
    return npusim.Op("MatMulV2", "matmul", [x, x], [x])


def addition(mib, dtype="float16"):
    """An addition that reads and writes so many MiB a tensor."""
    x = npusim.TensorSpec((mib << 19,), dtype)
    return npusim.Op("Add", "elementwise", [x, x], [x])


ops = st.one_of(
    st.integers(1, 200).map(addition),
    st.integers(1, 3000).map(product),
    st.just(npusim.Op("NonZero", "aicpu", [npusim.TensorSpec((64,), "int64")], [])),
)
plans = st.lists(st.tuples(st.booleans(), st.one_of(ops, st.integers(1, 1 << 26))), min_size=1, max_size=12)


def makespan(plan, *, together):
    """Runs a plan of (stream, operator or bytes to copy): the device, and when all is done."""
    npusim.reset()
    device = npusim.node().device(0)
    streams = [device.create_stream(), device.create_stream()]
    for second, work in plan:
        stream = streams[second and together]
        if isinstance(work, int):
            stream.copy("D2D", work, asynchronous=True)
        else:
            stream.launch(work)
    return device, max(stream.tail for stream in streams)


@settings(max_examples=60, deadline=None)
@given(plans)
def test_two_streams_are_never_slower_than_one(plan):
    """The same calls spread over two independent streams are done no later than on one."""
    _, alone = makespan(plan, together=False)
    _, both = makespan(plan, together=True)
    assert both <= alone


@settings(max_examples=60, deadline=None)
@given(plans)
def test_streams_together_are_never_faster_than_physics(plan):
    """Whatever overlaps: the memory moves no more than it can, and no unit has more cores than it has."""
    device, both = makespan(plan, together=True)
    node = npusim.node()
    work = [r for r in node.records if r.category in {"kernel", "copy"}]
    begin = min(r.start for r in work)
    assert sum(r.task.memory for r in work) <= (both - begin) * (1 + len(work) / FULL) + len(work)
    for unit, cores in (("AI_CORE", device.chip.cubes), ("AI_VECTOR_CORE", device.chip.vectors)):
        on_unit = [r for r in work if r.unit == unit]
        assert sum(r.duration * r.task.blocks for r in on_unit) <= (both - begin) * cores
    moments = sorted({r.start for r in work})
    for now in moments:
        running = [r for r in work if r.start <= now < r.end]
        for unit, cores in (("AI_CORE", device.chip.cubes), ("AI_VECTOR_CORE", device.chip.vectors)):
            assert sum(r.task.blocks for r in running if r.unit == unit) <= cores


@given(st.lists(st.tuples(times, st.integers(1, 300), times), max_size=20))
def test_shares_add_up_to_one_at_most(tasks):
    """No moment gives away more than the whole bandwidth; each task gets what it moves, in order."""
    shared = Bandwidth()
    for start, duration, busy in tasks:
        end = shared.place(start, duration, busy)
        assert end >= start + duration
        assert all(0 <= used <= FULL for used in shared._used)
    assert shared._times == sorted(set(shared._times))
    assert shared._used[-1] == 0


def test_two_copies_share_the_memory():
    """Two additions that each saturate the memory take twice as long together, on half the cores each."""
    npusim.reset()
    device = npusim.node().device(0)
    a, b = device.create_stream(), device.create_stream()
    cube = a.launch(product(2048))
    copy = b.copy("D2D", 1 << 30, asynchronous=True)
    again = a.copy("D2D", 1 << 30, asynchronous=True)
    rate = memory_bandwidth(device.chip)
    assert copy.start < cube.end  # the copy engine works beside the Cube
    assert again.end - copy.start >= 2 * 2 * (1 << 30) / rate


def test_cube_and_vector_cores_work_side_by_side():
    """On a chip with cores of both kinds a product and an addition overlap; on one without, not."""
    for soc, overlap in (("Ascend910B3", True), ("Ascend310P3", False)):
        chip = npusim.find_chip(soc)
        node = npusim.Node(npusim.Settings({"NPUSIM_SOC": chip.soc, "NPUSIM_SHARE_STATE": "0"}))
        device = node.device(0)
        a, b = device.create_stream(), device.create_stream()
        heavy = a.launch(product(4096))
        assert (b.launch(addition(64)).start < heavy.end) == overlap


def test_a_task_keeps_what_it_was_given():
    """A later call on another stream never changes what an earlier one was told."""
    npusim.reset()
    node = npusim.node()
    device = node.device(0)
    a, b = device.create_stream(), device.create_stream()
    first = repr(a.launch(addition(256)))
    for _ in range(20):
        b.copy("D2D", 1 << 28, asynchronous=True)
    assert repr(node.records[0]) == first


def test_the_past_is_forgotten():
    """A long program does not remember who had the memory in its past."""
    shared = Bandwidth()
    for i in range(10_000):
        shared.forget(i * 100)
        shared.place(i * 100 + i % 7, 50, 30)
    assert len(shared._times) < 200
