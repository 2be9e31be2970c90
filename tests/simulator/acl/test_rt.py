"""`acl.rt` and `acl.util`: return values and codes as the real ones, values that move when they should."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import acl
import npusim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

H2H, H2D, D2H, D2D = range(4)


def host(array):
    """An array's pointer."""
    return acl.util.numpy_to_ptr(array)


def device_memory(size):
    """Device memory of that size."""
    ptr, ret = acl.rt.malloc(size, 0)
    assert ret == 0
    return ptr


@pytest.mark.usefixtures("ready")
def test_a_program_starts_and_ends_as_every_sample_does():
    """Init, device, context, stream, and back, each with 0."""
    context, ret = acl.rt.create_context(0)
    assert ret == 0
    stream, ret = acl.rt.create_stream()
    assert ret == 0
    assert acl.rt.synchronize_stream(stream) == 0
    assert acl.rt.destroy_stream(stream) == 0
    assert acl.rt.destroy_context(context) == 0
    assert acl.rt.reset_device(0) == 0
    assert acl.finalize() == 0


@pytest.mark.usefixtures("ready")
def test_a_device_that_is_reset_takes_its_memory_back():
    """Memory, streams and DVPP's memory of the device are gone, and its pointers are refused."""
    stream, _ = acl.rt.create_stream()
    free, _, _ = acl.rt.get_mem_info(1)
    ptr = device_memory(1 << 20)
    picture, ret = acl.media.dvpp_malloc(1 << 20)
    assert ret == 0
    assert acl.rt.set_device(0) == 0
    assert acl.rt.reset_device(0) == 0
    assert acl.rt.memset(ptr, 4, 0, 4) == 0  # set twice, reset once
    assert acl.rt.reset_device(0) == 0
    assert acl.rt.reset_device(0) == 507007
    assert "once for each set_device" in acl.get_recent_err_msg()
    assert acl.rt.set_device(0) == 0
    assert acl.rt.get_mem_info(1)[0] == free
    assert acl.rt.free(ptr) == 107000
    assert acl.media.dvpp_free(picture) == 107000
    assert acl.rt.destroy_stream(stream) == 107003


@pytest.mark.usefixtures("ready")
def test_a_stream_is_for_its_context_alone():
    """Every call that takes a stream refuses that of another context of the same device."""
    stream, _ = acl.rt.create_stream()
    other, _ = acl.rt.create_context(0)
    ptr = device_memory(64)
    event, _ = acl.rt.create_event()
    for code in (
        acl.rt.synchronize_stream(stream),
        acl.rt.memset_async(ptr, 64, 0, 64, stream),
        acl.rt.record_event(event, stream),
        acl.rt.stream_query(stream)[1],
        acl.rt.destroy_stream(stream),
    ):
        assert code == 107003
    assert "was used in context" in acl.get_recent_err_msg()
    assert acl.rt.destroy_context(other) == 0


@pytest.mark.parametrize("level", range(4))
def test_a_wrong_level_of_logs_does_not_stop_the_application_log(monkeypatch, level):
    """app_log has no code to return; the next call has."""
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "9")
    assert acl.app_log(level, "hello") is None
    assert acl.rt.set_device(0) == 107000
    assert "ASCEND_GLOBAL_LOG_LEVEL" in acl.get_recent_err_msg()


def test_an_environment_without_cann_has_no_acl():
    """What set_env.sh puts on PYTHONPATH is not there, so Python does not find the module."""
    environment = {**os.environ, "NPUSIM_FAULT": "cann_environment"}
    done = subprocess.run(
        [sys.executable, "-c", "import acl"], check=False, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'acl'"


@pytest.mark.usefixtures("ready")
def test_bytes_come_back_as_they_went():
    """Host to device, device to device, device to host: the same bytes."""
    sent = np.arange(1000, dtype=np.float32)
    back = np.zeros_like(sent)
    a, b = device_memory(sent.nbytes), device_memory(sent.nbytes)
    assert acl.rt.memcpy(a, sent.nbytes, host(sent), sent.nbytes, H2D) == 0
    assert acl.rt.memcpy(b, sent.nbytes, a, sent.nbytes, D2D) == 0
    assert acl.rt.memcpy(host(back), back.nbytes, b, sent.nbytes, D2H) == 0
    assert (back == sent).all()
    assert acl.rt.free(a) == 0
    assert acl.rt.free(b) == 0


@pytest.mark.usefixtures("ready")
def test_the_device_takes_time_for_a_copy():
    """A copy of ten times the bytes takes longer on the virtual clock."""
    data = np.zeros(10_000_000, dtype=np.uint8)
    ptr = device_memory(data.nbytes)
    host_clock = npusim.node().host
    taken = []
    for size in (1_000_000, 10_000_000):
        before = host_clock.now
        assert acl.rt.memcpy(ptr, size, host(data), size, H2D) == 0
        taken.append(host_clock.now - before)
    assert taken[1] > 2 * taken[0]


@pytest.mark.usefixtures("ready")
def test_an_asynchronous_copy_is_only_there_after_the_wait():
    """A program that forgets to synchronise reads what was there before."""
    sent, back = np.full(8, 7, dtype=np.uint8), np.zeros(8, dtype=np.uint8)
    stream, _ = acl.rt.create_stream()
    ptr = device_memory(8)
    assert acl.rt.memcpy_async(ptr, 8, host(sent), 8, H2D, stream) == 0
    assert acl.rt.memcpy_async(host(back), 8, ptr, 8, D2H, stream) == 0
    assert (back == 0).all()
    assert acl.rt.synchronize_stream(stream) == 0
    assert (back == 7).all()


@pytest.mark.usefixtures("ready")
def test_memset_fills_device_and_host_memory():
    """`memset` sets as many bytes as it was told."""
    ptr = device_memory(8)
    back = np.zeros(8, dtype=np.uint8)
    assert acl.rt.memset(ptr, 8, 5, 4) == 0
    assert acl.rt.memcpy(host(back), 8, ptr, 8, D2H) == 0
    assert back.tolist() == [5] * 4 + [0] * 4
    assert acl.rt.memset(ptr, 8, 5, 9) == 107000


POINTERS = {
    "a host pointer where the device's belongs": lambda d, h, x: acl.rt.memcpy(h, 8, h, 8, H2D),
    "a device pointer where the host's belongs": lambda d, h, x: acl.rt.memcpy(d, 8, d, 8, H2D),
    "a freed device pointer": lambda d, h, x: acl.rt.memcpy(x, 8, h, 8, H2D),
    "no pointer at all": lambda d, h, x: acl.rt.memcpy(d, 8, 0, 8, H2D),
    "a wild pointer": lambda d, h, x: acl.rt.memcpy(d, 8, 12345, 8, H2D),
    "past the end of the target": lambda d, h, x: acl.rt.memcpy(d, 4096, h, 4096, H2D),
    "past the end of the source": lambda d, h, x: acl.rt.memcpy(h, 8, d + 4, 8, D2H),
    "more bytes than room": lambda d, h, x: acl.rt.memcpy(d, 4, h, 8, H2D),
    "no bytes": lambda d, h, x: acl.rt.memcpy(d, 8, h, 0, H2D),
    "an unknown direction": lambda d, h, x: acl.rt.memcpy(d, 8, h, 8, 9),
    "freed twice": lambda d, h, x: acl.rt.free(x),
    "host memory given to free": lambda d, h, x: acl.rt.free(h),
    "the middle of an allocation": lambda d, h, x: acl.rt.free(d + 4),
    "memory of no bytes": lambda d, h, x: acl.rt.malloc(0, 0)[1],
    "an unknown policy": lambda d, h, x: acl.rt.malloc(8, 99)[1],
    "host memory that malloc_host did not make": lambda d, h, x: acl.rt.free_host(h),
}


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("what", POINTERS)
def test_a_wrong_pointer_is_a_code_and_a_message(what):
    """Every wrong pointer or size gives its code, says why, and never crashes the interpreter."""
    array = np.zeros(8, dtype=np.uint8)
    freed = device_memory(8)
    live = device_memory(8)
    acl.rt.free(freed)
    ret = POINTERS[what](live, host(array), freed)
    assert ret in {107000, 100000}
    message = acl.get_recent_err_msg()
    assert f"error code {ret}" in message
    assert "\n" not in message
    assert acl.get_recent_err_msg() == ""


@pytest.mark.usefixtures("ready")
def test_more_memory_than_the_chip_has_is_refused():
    """Malloc beyond the device's memory answers 207001, and nothing is lost."""
    free, total, ret = acl.rt.get_mem_info(1)
    assert ret == 0
    assert acl.rt.malloc(total + 1, 0) == (0, 207001)
    assert acl.rt.get_mem_info(1) == (free, total, 0)


@pytest.mark.usefixtures("ready")
def test_memory_returns_to_where_it_was():
    """What was taken and freed is free again."""
    before = acl.rt.get_mem_info(1)
    pointers = [device_memory(n) for n in (1, 1000, 10**9)]
    assert acl.rt.get_mem_info(1)[0] < before[0]
    assert [acl.rt.free(p) for p in pointers] == [0, 0, 0]
    assert acl.rt.get_mem_info(1) == before


@pytest.mark.usefixtures("ready")
def test_host_memory_can_be_read_as_bytes_and_as_an_array():
    """malloc_host, ptr_to_bytes and ptr_to_numpy show the same memory; a view outlives the free."""
    ptr, ret = acl.rt.malloc_host(16)
    assert ret == 0
    array = acl.util.ptr_to_numpy(ptr, (4,), np.dtype(np.float32).num)
    array[:] = [1, 2, 3, 4]
    assert np.frombuffer(acl.util.ptr_to_bytes(ptr, 16), dtype=np.float32).tolist() == [1, 2, 3, 4]
    assert acl.rt.free_host(ptr) == 0
    assert acl.rt.free_host(ptr) == 107000
    assert array.sum() == 10


@pytest.mark.usefixtures("ready")
def test_a_pointer_of_bytes_can_be_copied_from():
    """`bytes_to_ptr` points at the object's own data."""
    data = b"ascend!!"
    ptr, back = device_memory(8), np.zeros(8, dtype=np.uint8)
    assert acl.rt.memcpy(ptr, 8, acl.util.bytes_to_ptr(data), 8, H2D) == 0
    assert acl.rt.memcpy(host(back), 8, ptr, 8, D2H) == 0
    assert back.tobytes() == data


def test_on_a_host_the_device_cannot_be_read_and_on_a_board_it_can(monkeypatch):
    """Run mode 1 keeps device memory out of reach; a board (run mode 0) shares it."""
    acl.init()
    acl.rt.set_device(0)
    assert acl.rt.get_run_mode() == (1, 0)
    assert acl.util.ptr_to_bytes(device_memory(4), 4) == b""
    assert "device pointer" in acl.get_recent_err_msg()
    acl.finalize()
    npusim.reset()
    monkeypatch.setenv("NPUSIM_SOC", "Ascend310B4")
    acl.init()
    acl.rt.set_device(0)
    assert acl.rt.get_run_mode() == (0, 0)
    ptr = device_memory(4)
    acl.rt.memset(ptr, 4, 3, 4)
    assert acl.util.ptr_to_bytes(ptr, 4) == b"\3\3\3\3"


def test_on_a_board_a_copy_within_the_device_takes_the_programs_own_memory(monkeypatch):
    """Kind 3 takes an array on a board (run mode 0), as samples do there; on a host it is 107000."""
    data, back = np.arange(8, dtype=np.uint8), np.zeros(8, dtype=np.uint8)
    for soc, wanted in (("Ascend310B4", 0), ("Ascend310P3", 107000)):
        acl.finalize()
        npusim.reset()
        monkeypatch.setenv("NPUSIM_SOC", soc)
        acl.init()
        acl.rt.set_device(0)
        ptr = device_memory(8)
        assert acl.rt.memcpy(ptr, 8, host(data), 8, 3) == wanted
        assert acl.rt.memcpy(host(back), 8, ptr, 8, 3) == wanted
        assert bytes(back) == (data.tobytes() if wanted == 0 else back.tobytes())
        assert acl.rt.memcpy(1234, 8, host(data), 8, 3) == 107000
        back[:] = 0


def test_a_thread_without_a_context_is_told_so(ready):
    """Contexts belong to threads: a new thread has none (107002) until it sets one."""
    found = {}

    def work(args):
        found["before"] = acl.rt.malloc(8, 0)[1]
        found["set"] = acl.rt.set_context(args[0])
        found["after"] = acl.rt.malloc(8, 0)[1]

    thread, ret = acl.util.start_thread(work, [ready])
    assert ret == 0
    assert acl.util.stop_thread(thread) == 0
    assert found == {"before": 107002, "set": 0, "after": 0}


def foreign_stream():
    """A stream of device 0, while device 1 is in use."""
    acl.rt.set_device(0)
    stream, _ = acl.rt.create_stream()
    acl.rt.set_device(1)
    return stream


STATES = {
    "no such device": (lambda: acl.rt.set_device(99), 107001),
    "a negative device": (lambda: acl.rt.set_device(-1), 107001),
    "no such context": (lambda: acl.rt.set_context(5), 107002),
    "no such stream": (lambda: acl.rt.synchronize_stream(5), 107003),
    "no such event": (lambda: acl.rt.destroy_event(5), 107000),
    "initialised twice": (acl.init, 100002),
    "a stream of another device": (lambda: acl.rt.synchronize_stream(foreign_stream()), 107003),
    "a thread that is none": (lambda: acl.util.stop_thread(7), 100000),
    "a configuration that is not there": (lambda: acl.init("nowhere.json"), 100003),
    "a callback on a stream without a thread": (lambda: acl.rt.launch_callback(print, 0, 0, 0), 107015),
    "a report for a thread that has none": (lambda: acl.rt.process_report(1), 107012),
    "a default context destroyed": (lambda: acl.rt.destroy_context(acl.rt.get_context()[0]), 107000),
}


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("what", STATES)
def test_a_wrong_state_has_its_code(what):
    """Each wrong call answers with the code of the real one, and the next call works."""
    call, code = STATES[what]
    assert call() == code
    assert acl.rt.set_device(0) == 0


def test_the_end_without_a_beginning():
    """Finalize before init, and twice, are told apart."""
    assert acl.finalize() in {100001, 100037}
    assert acl.init() == 0
    assert acl.finalize() == 0
    assert acl.finalize() == 100037


@pytest.mark.usefixtures("ready")
def test_events_measure_device_time_between_streams():
    """Elapsed time is that of the work between two records; a stream that waits starts later."""
    data = np.zeros(50_000_000, dtype=np.uint8)
    ptr = device_memory(data.nbytes)
    first, _ = acl.rt.create_stream()
    second, _ = acl.rt.create_stream()
    start, stop, later = (acl.rt.create_event()[0] for _ in range(3))
    acl.rt.record_event(start, first)
    acl.rt.memcpy_async(ptr, data.nbytes, host(data), data.nbytes, H2D, first)
    acl.rt.record_event(stop, first)
    acl.rt.stream_wait_event(second, stop)
    acl.rt.record_event(later, second)
    assert acl.rt.query_event(stop) == (1, 0)
    assert acl.rt.synchronize_event(stop) == 0
    assert acl.rt.query_event(stop) == (0, 0)
    took, ret = acl.rt.event_elapsed_time(start, stop)
    assert ret == 0
    assert took > 1
    assert acl.rt.event_elapsed_time(start, later)[0] >= took


def test_callbacks_run_in_the_thread_that_subscribed(ready):
    """Functions launched into a stream run in order, in the subscriber's thread, before the wait ends."""
    stream, _ = acl.rt.create_stream()
    seen, stop = [], threading.Event()

    def process(args):
        acl.rt.set_context(args[0])
        while not stop.is_set():
            acl.rt.process_report(20)

    thread, _ = acl.util.start_thread(process, [ready])
    assert acl.rt.subscribe_report(thread, stream) == 0
    assert acl.rt.subscribe_report(thread, stream) == 107011
    for number in range(3):
        ret = acl.rt.launch_callback(lambda n: seen.append((n, threading.get_ident())), number, 1, stream)
        assert ret == 0
    assert acl.rt.synchronize_stream(stream) == 0
    assert acl.rt.unsubscribe_report(thread, stream) == 0
    stop.set()
    assert acl.util.stop_thread(thread) == 0
    assert seen == [(0, thread), (1, thread), (2, thread)]


@pytest.mark.usefixtures("ready")
def test_a_report_that_does_not_come_times_out():
    """process_report answers 507012 when nothing comes in time."""
    assert acl.rt.subscribe_report(threading.get_ident(), 0) == 0
    assert acl.rt.process_report(1) == 507012
    assert acl.rt.unsubscribe_report(threading.get_ident(), 0) == 0


@pytest.mark.usefixtures("ready")
def test_data_buffers_and_descriptions():
    """What was put into a handle comes out; a handle of another kind is refused."""
    buffer = acl.create_data_buffer(4096, 12)
    assert (acl.get_data_buffer_addr(buffer), acl.get_data_buffer_size_v2(buffer)) == (4096, 12)
    assert acl.update_data_buffer(buffer, 8192, 5) == 0
    assert (acl.get_data_buffer_addr(buffer), acl.get_data_buffer_size(buffer)) == (8192, 5)
    assert acl.destroy_data_buffer(buffer) == 0
    assert acl.destroy_data_buffer(buffer) == 100000
    desc = acl.create_tensor_desc(1, [2, 3, 16], 2)
    assert acl.get_tensor_desc_size(desc) == 2 * 3 * 16 * 2
    assert acl.get_tensor_desc_element_count(desc) == 96
    assert [acl.get_tensor_desc_dim(desc, i) for i in range(4)] == [2, 3, 16, -1]
    assert acl.destroy_data_buffer(desc) == 100000
    assert acl.create_tensor_desc(99, [1], 2) == 0
    assert "no data type" in acl.get_recent_err_msg()


def test_a_failing_call_leaves_a_line_in_the_log(tmp_path, monkeypatch):
    """Plog holds the code, its name and what was wrong."""
    monkeypatch.setenv("ASCEND_GLOBAL_LOG_LEVEL", "3")
    monkeypatch.setenv("ASCEND_PROCESS_LOG_PATH", str(tmp_path))
    npusim.reset()
    acl.init()
    acl.rt.set_device(0)
    acl.rt.free(4711)
    text = "".join(p.read_text(encoding="utf-8") for p in tmp_path.rglob("*.log"))
    assert "107000 (ACL_ERROR_RT_PARAM_INVALID)" in text
    assert "0x1267" in text


@pytest.mark.usefixtures("ready")
def test_wrong_types_are_python_errors():
    """What the real module's argument parser refuses is a TypeError here too."""
    with pytest.raises(TypeError, match="device_id must be an int, not str"):
        acl.rt.set_device("0")
    with pytest.raises(TypeError, match="bytes are needed"):
        acl.util.bytes_to_ptr("text")


CALLS = [
    lambda p, n: acl.rt.free(p),
    lambda p, n: acl.rt.free_host(p),
    lambda p, n: acl.rt.memcpy(p, n, p, n, n % 5),
    lambda p, n: acl.rt.memcpy_async(p, n, p, n, n % 5, p % 3),
    lambda p, n: acl.rt.memset(p, n, n, n),
    lambda p, n: acl.util.ptr_to_bytes(p, max(n, 1)),
    lambda p, n: acl.rt.destroy_stream(p),
    lambda p, n: acl.rt.set_context(p),
    lambda p, n: acl.rt.synchronize_stream(p),
    lambda p, n: acl.destroy_data_buffer(p),
    lambda p, n: acl.rt.malloc(n, 0),
    lambda p, n: acl.rt.malloc_host(n),
    lambda p, n: acl.rt.record_event(p, 0),
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(CALLS), st.integers(-(2**62), 2**62), st.integers(-9, 70_000)), max_size=8
    )
)
def test_no_sequence_of_calls_crashes_or_raises(steps):
    """Random calls with random numbers, and with pointers of earlier calls, end in codes."""
    npusim.reset()
    acl.init()
    acl.rt.set_device(0)
    known = [0]
    for call, pointer, size in steps:
        found = call(known[pointer % len(known)] if pointer % 2 else pointer, size)
        if isinstance(found, tuple) and found[-1] == 0:
            known.append(found[0])
    acl.finalize()


@pytest.mark.slow
def test_importing_acl_is_quick_and_brings_no_torch():
    """`import acl` loads neither torch nor numpy nor onnxruntime: it starts at once."""
    code = "import sys, acl; print(sorted({'torch', 'numpy', 'onnxruntime', 'torch_npu'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("block", [0, 1], ids=["the stream goes on", "the stream waits"])
@pytest.mark.usefixtures("ready")
def test_each_report_is_one_callback(block):
    """A program may count reports instead of waiting: each processes one callback, and gives 0."""
    me, seen = threading.get_ident(), []
    assert acl.rt.subscribe_report(me, 0) == 0
    for number in range(3):
        assert acl.rt.launch_callback(seen.append, number, block, 0) == 0
    for number in range(3):
        assert acl.rt.process_report(1000) == 0
        assert seen == list(range(number + 1))
    assert acl.rt.process_report(1) == 507012
    assert acl.rt.unsubscribe_report(me, 0) == 0


def test_threads_may_take_memory_at_the_same_time(ready):
    """Calls of several threads for memory, streams and copies do not meet each other half done."""
    codes, interval = [], sys.getswitchinterval()

    def work():
        codes.append(acl.rt.set_context(ready))
        for _ in range(40):
            ptr, ret = acl.rt.malloc(64, 0)
            other, other_ret = acl.rt.malloc_host(64)
            codes.extend([ret, other_ret, acl.rt.memcpy(ptr, 64, other, 64, H2D)])
            codes.extend([acl.rt.free(ptr), acl.rt.free_host(other)])

    threads = [threading.Thread(target=work) for _ in range(6)]
    try:
        sys.setswitchinterval(1e-6)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert codes == [0] * (6 * 201)


def test_a_callback_does_not_stop_the_host_from_giving_more_work(ready):
    """While the stream waits for a function of the host, other threads may put work on it."""
    given, in_vain = threading.Event(), []

    def reports():
        acl.rt.set_context(ready)
        while acl.rt.process_report(1000) != 0:
            pass

    thread = threading.Thread(target=reports)
    thread.start()
    assert acl.rt.subscribe_report(thread.ident, 0) == 0
    acl.rt.launch_callback(lambda _: in_vain.append(not given.wait(5)), None, 1, 0)
    ptr = device_memory(64)
    assert acl.rt.memset_async(ptr, 64, 0, 64, 0) == 0
    given.set()
    thread.join()
    assert in_vain == [False]
    assert acl.rt.unsubscribe_report(thread.ident, 0) == 0


@pytest.mark.usefixtures("ready")
def test_a_callback_that_nobody_processes_ends_the_wait(monkeypatch):
    """A stream that waits for a function of a thread that never comes gives 507046, and goes on then."""
    monkeypatch.setattr("npusim.callbacks.PATIENCE", 0.02)
    stream, _ = acl.rt.create_stream()
    assert acl.rt.subscribe_report(1, stream) == 0
    assert acl.rt.launch_callback(print, None, 1, stream) == 0
    assert acl.rt.synchronize_stream(stream) == 507046
    assert "507046" in acl.get_recent_err_msg()
    assert acl.rt.unsubscribe_report(1, stream) == 0


@pytest.mark.usefixtures("ready")
def test_callbacks_stand_in_the_records_at_their_time():
    """A callback is launched like other work, and its record has the time at which the stream comes to it."""
    me = threading.get_ident()
    assert acl.rt.subscribe_report(me, 0) == 0
    ptr = device_memory(1 << 20)
    host, _ = acl.rt.malloc_host(1 << 20)
    assert acl.rt.memcpy_async(ptr, 1 << 20, host, 1 << 20, H2D, 0) == 0
    assert acl.rt.launch_callback(print, None, 0, 0) == 0
    copy, called = list(npusim.node().records)[-2:]
    assert (copy.category, called.category) == ("copy", "callback")
    assert called.start == copy.end
    assert acl.rt.process_report(1000) == 0
    assert npusim.node().host.now >= called.start
    assert acl.rt.unsubscribe_report(me, 0) == 0


def test_host_memory_is_set_in_a_streams_turn(ready):
    """The call memset_async takes host memory too, and changes it when the stream comes to it."""
    assert ready
    host, _ = acl.rt.malloc_host(64)
    assert acl.rt.memset_async(host, 64, 7, 64, 0) == 0
    assert acl.rt.synchronize_stream(0) == 0
    assert acl.util.ptr_to_bytes(host, 64) == bytes([7]) * 64


def test_halves_and_numbers():
    """float16 bits and numbers go back and forth as IEEE 754 says; too large is infinity."""
    for bits, number in ((0x3C00, 1.0), (0xC000, -2.0), (0x0001, 2.0**-24), (0x7BFF, 65504.0)):
        assert acl.float16_to_float(bits) == number
        assert acl.float_to_float16(number) == bits
    assert acl.float_to_float16(1e9) == 0x7C00
    assert acl.float_to_float16(-1e9) == 0xFC00
    assert acl.get_version() == acl.rt.get_version()
    with pytest.raises(TypeError, match="must be a float"):
        acl.float_to_float16("1")
