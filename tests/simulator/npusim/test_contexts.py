"""Contexts, and streams that were destroyed."""

import threading

import npusim
import pytest


def test_a_thread_without_a_context_is_107002():
    """Before set_device, and in every other thread, there is no context."""
    contexts = npusim.node().contexts
    with pytest.raises(npusim.NoContextError, match="107002") as caught:
        contexts.current()
    assert caught.value.code == 107002
    contexts.set_device(0)
    seen = []

    def elsewhere():
        try:
            contexts.current()
        except npusim.NoContextError:
            seen.append("none")
        contexts.set_device(3)
        seen.append(contexts.current().device.index)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == ["none", 3]
    assert contexts.current().device.index == 0


def test_a_device_has_one_default_context():
    """set_device always makes the same context current, with the device's default stream."""
    contexts = npusim.node().contexts
    first = contexts.set_device(1)
    contexts.set_device(0)
    assert contexts.set_device(1) is first
    assert first.stream is npusim.node().device(1).default_stream
    assert first.default


def test_created_contexts_come_and_go():
    """A created context is current where it is made, can be returned to, and is gone when destroyed."""
    contexts = npusim.node().contexts
    default = contexts.set_device(0)
    made = contexts.create(0)
    assert contexts.current() is made
    assert made.stream is not default.stream
    contexts.set_current(default)
    contexts.destroy(made)
    with pytest.raises(npusim.NoContextError, match="was destroyed"):
        contexts.set_current(made)
    with pytest.raises(npusim.InvalidArgumentError, match="only once"):
        contexts.destroy(made)
    with pytest.raises(npusim.WrongStreamError):
        made.stream.copy("H2D", 1, asynchronous=True)
    assert contexts.current() is default


def test_the_default_context_ends_with_the_device():
    """It cannot be destroyed; reset_device ends it, and set_device makes another."""
    contexts = npusim.node().contexts
    default = contexts.set_device(0)
    with pytest.raises(npusim.InvalidArgumentError, match="reset the device"):
        contexts.destroy(default)
    contexts.reset_device(0)
    with pytest.raises(npusim.NoContextError):
        contexts.current()
    assert contexts.set_device(0) is not default
    with pytest.raises(npusim.ContextReleaseError, match="not set") as caught:
        contexts.reset_device(5)
    assert caught.value.code == 507007


def test_a_device_is_reset_as_often_as_it_was_set():
    """Only the last reset ends the context and its streams; with force, the first."""
    contexts = npusim.node().contexts
    default = contexts.set_device(0)
    contexts.set_device(0)
    stream = contexts.create_stream()
    assert not contexts.reset_device(0)
    contexts.check_stream(stream)
    assert contexts.reset_device(0)
    assert not default.alive
    assert not stream.alive
    contexts.set_device(0)
    contexts.set_device(0)
    assert contexts.reset_device(0, force=True)
    with pytest.raises(npusim.ContextReleaseError):
        contexts.reset_device(0, force=True)


def test_a_created_context_keeps_the_device():
    """Its streams go on when the default context is gone; the device is free only when it is, too."""
    contexts = npusim.node().contexts
    contexts.set_device(0)
    made = contexts.create(0)
    stream = contexts.create_stream()
    assert not contexts.reset_device(0)
    contexts.check_stream(stream)
    contexts.destroy(made)
    assert not stream.alive
    contexts.set_device(0)
    assert contexts.reset_device(0)


@pytest.mark.parametrize("call", ["set_device", "create", "reset_device"])
def test_unknown_devices_are_107001(call):
    """Every call that names a device refuses an unknown one."""
    with pytest.raises(npusim.InvalidDeviceError):
        getattr(npusim.node().contexts, call)(8)


def test_a_stream_of_another_device_is_107003():
    """A stream may only be used in a context of its device."""
    node = npusim.node()
    node.contexts.set_device(0)
    node.contexts.check_stream(node.device(0).create_stream())
    with pytest.raises(npusim.WrongStreamError, match="107003") as caught:
        node.contexts.check_stream(node.device(1).default_stream)
    assert caught.value.code == 107003


def test_a_stream_of_another_context_is_107003():
    """Also on the same device; a stream that was made without a context may be used in all."""
    node = npusim.node()
    free = node.device(0).create_stream()
    node.contexts.set_device(0)
    first = node.contexts.create_stream()
    node.contexts.create(0)
    node.contexts.check_stream(free)
    node.contexts.check_stream(node.contexts.create_stream())
    with pytest.raises(npusim.WrongStreamError, match="context 1 was used in context 2") as caught:
        node.contexts.check_stream(first)
    assert caught.value.code == 107003
    with pytest.raises(npusim.WrongStreamError):
        node.contexts.check_stream(node.device(0).default_stream)


def test_a_destroyed_stream_is_refused():
    """Destroying waits for the stream.

    Afterwards nothing can be given to it, and its number is not used again.
    """
    node = npusim.node()
    device = node.device(0)
    stream = device.create_stream()
    copy = stream.copy("H2D", 1 << 24, asynchronous=True)
    device.destroy_stream(stream)
    assert node.host.now >= copy.end
    x = npusim.TensorSpec((4,), "float16")
    for use in (
        lambda: stream.launch(npusim.Op("Add", "elementwise", [x], [x])),
        lambda: stream.copy("D2H", 4, asynchronous=True),
        lambda: stream.communicate("all_reduce", 4, 2),
        lambda: device.destroy_stream(stream),
    ):
        with pytest.raises(npusim.WrongStreamError, match="destroyed"):
            use()
    assert device.create_stream().id != stream.id


def test_the_default_stream_stays():
    """The default stream cannot be destroyed, nor a stream of another device."""
    node = npusim.node()
    with pytest.raises(npusim.InvalidArgumentError, match="default stream"):
        node.device(0).destroy_stream(node.device(0).default_stream)
    with pytest.raises(npusim.WrongStreamError):
        node.device(0).destroy_stream(node.device(1).create_stream())


def test_every_stream_is_waited_for_before_a_fault_is_told():
    """A fault on one stream does not keep the host from waiting for the others."""
    node = npusim.node()
    device = node.device(0)
    device.default_stream.fail("broken", code=507015, task="T")
    copy = device.create_stream().copy("H2D", 1 << 26, asynchronous=True)
    with pytest.raises(npusim.DeviceFaultError):
        device.synchronize()
    assert node.host.now >= copy.end
