"""Collectives."""

import npusim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from npusim.communication import PASSES, hcom_name, traffic

A2 = npusim.find_chip("Ascend910B3")
A310P = npusim.find_chip("Ascend310P3")
kinds = st.sampled_from([*PASSES, "send", "receive"])
sizes = st.integers(0, 1 << 30)


@given(kinds, sizes, sizes, st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]))
def test_more_bytes_never_take_less_time(kind, size, more, ranks, servers):
    """A larger buffer never takes less time, and time is a whole number."""
    small = npusim.communication_ns(A2, kind, size, ranks * servers, servers)
    assert isinstance(small, int)
    assert small <= npusim.communication_ns(A2, kind, size + more, ranks * servers, servers)


def test_an_all_reduce_is_a_scatter_and_a_gather():
    """all_reduce takes as long as reduce_scatter and all_gather together."""
    both = sum(npusim.communication_ns(A2, kind, 1 << 26, 8) for kind in ("reduce_scatter", "all_gather"))
    assert npusim.communication_ns(A2, "all_reduce", 1 << 26, 8) == pytest.approx(both, abs=2)


def test_links_decide():
    """Own links beat the host's, and a server beats the network."""
    size = 1 << 28
    assert npusim.communication_ns(A2, "all_reduce", size, 8) < npusim.communication_ns(
        A310P, "all_reduce", size, 8
    )
    assert npusim.communication_ns(A2, "all_reduce", size, 8) < npusim.communication_ns(
        A2, "all_reduce", size, 8, 8
    )


def test_no_collective_beats_its_links():
    """Each rank has to send its share to every other: at least that many bytes by the links' rate."""
    size, link = 1 << 30, npusim.CONSTANTS["hccs_link.Ascend910B"].value
    assert npusim.communication_ns(A2, "all_reduce", size, 8) >= 2 * size / 8 / link


@given(kinds, sizes, st.sampled_from([2, 4, 8]), st.sampled_from([1, 2, 4]))
def test_a_mesh_is_never_slower_than_a_ring(kind, size, ranks, servers):
    """Sending to every peer at once never takes longer than sending to one after the other."""
    mesh, ring, auto = (
        npusim.communication_ns(A2, kind, size, ranks * servers, servers, algorithm)
        for algorithm in ("mesh", "ring", "auto")
    )
    assert auto == mesh <= ring


@given(
    kinds, sizes, st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]), st.sampled_from(["mesh", "ring"])
)
def test_no_rank_sends_faster_than_its_links(kind, size, ranks, servers, algorithm):
    """What a rank sends fits through its links in the time: HCCS to each peer, RoCE between servers."""
    took = npusim.communication_ns(A2, kind, size, ranks * servers, servers, algorithm)
    sent = traffic(A2, kind, size, ranks * servers, servers, algorithm)
    hccs, roce = (npusim.CONSTANTS[n].value for n in ("hccs_link.Ascend910B", "roce_bandwidth"))
    assert took >= int(sent.rounds * sent.share / hccs + sent.far_rounds * sent.far_share / roce)
    if kind in {"all_gather", "all_reduce", "reduce_scatter"} and ranks * servers > 1:
        moved = sent.rounds * sent.links * sent.share + sent.far_rounds * sent.far_share
        shares = PASSES[kind] * size * (1 - 1 / (ranks * servers))
        assert moved >= shares * 0.999  # each rank passes on all that is not its own


def test_all_to_all_between_servers_goes_to_each_rank_directly():
    """Half of what a rank sends to two servers leaves its own, whatever the ranks in each."""
    for ranks in (2, 8, 16):
        sent = traffic(A2, "all_to_all", 1 << 20, ranks, 2)
        assert sent.far_rounds * sent.far_share == 1 << 19


def test_names_are_hccl_s():
    """Records carry the names of HCCL's functions."""
    names = [hcom_name(kind) for kind in ("all_reduce", "reduce_scatter", "all_to_all", "receive")]
    assert names == ["hcom_allReduce", "hcom_reduceScatter", "hcom_alltoall", "hcom_receive"]


def test_one_rank_has_nobody_to_talk_to():
    """Alone, a collective costs the start of a task."""
    overhead = npusim.CONSTANTS["task_overhead_ns"].value
    assert npusim.communication_ns(A2, "all_reduce", 1 << 30, 1) == overhead


@pytest.mark.parametrize(
    ("kind", "nbytes", "ranks", "servers"),
    [
        ("all_things", 1, 2, 1),
        ("all_reduce", -1, 2, 1),
        ("all_reduce", 1, 0, 1),
        ("all_reduce", 1, 3, 2),
        ("all_reduce", 1, 16, 1),
    ],
)
def test_impossible_collectives_are_refused(kind, nbytes, ranks, servers):
    """Unknown kinds, negative sizes and ranks that do not fill servers are refused in one line."""
    with pytest.raises(npusim.InvalidArgumentError) as caught:
        npusim.communication_ns(A2, kind, nbytes, ranks, servers)
    assert "\n" not in str(caught.value)
    with pytest.raises(npusim.InvalidArgumentError, match="'star' is not simulated; use auto, mesh, ring"):
        npusim.communication_ns(A2, "all_reduce", 1, 2, algorithm="star")


def test_communication_hides_behind_computing():
    """A collective on its own stream overlaps with work, and the step's table says how much."""
    from npusim.profiler_tables import step_rows

    node = npusim.node()
    device = node.device(0)
    x = npusim.TensorSpec((8192, 8192), "float16")
    work = device.default_stream.launch(npusim.Op("MatMulV2", "matmul", [x, x], [x]))
    talk = device.create_stream().communicate("all_reduce", 1 << 24, 8)
    assert (talk.category, talk.name, talk.unit) == ("collective", "hcom_allReduce", "HCCS")
    assert talk.start < work.end
    header, row = step_rows(node.records)
    table = dict(zip(header, row, strict=True))
    assert float(table["Overlapped"]) > 0
    total = float(table["Overlapped"]) + float(table["Communication(Not Overlapped)"])
    assert total == pytest.approx(float(table["Communication"]))


def test_without_the_cost_model_talk_is_free(monkeypatch):
    """Cost model off: a collective takes no time."""
    monkeypatch.setenv("NPUSIM_COST_MODEL", "0")
    node = npusim.node()
    assert node.device(0).default_stream.communicate("all_reduce", 1 << 30, 8).duration == 0
    assert node.host.now == 0
