# ---
# about: The stack of contextlib, and callbacks that are counted and that the stream does not wait for.
# ---
# %% begin_end
from contextlib import ExitStack


def with_device(device_id, work):
    with ExitStack() as stack:
        ret = acl.init()
        if ret == 0:
            stack.callback(acl.finalize)
        elif ret != 100002:
            raise RuntimeError(f"acl.init: {ret}")
        check(acl.rt.set_device(device_id), "acl.rt.set_device")
        stack.callback(acl.rt.reset_device, device_id)
        context, ret = acl.rt.create_context(device_id)
        check(ret, "acl.rt.create_context")
        stack.callback(acl.rt.destroy_context, context)
        stream, ret = acl.rt.create_stream()
        check(ret, "acl.rt.create_stream")
        stack.callback(acl.rt.destroy_stream, stream)
        return work(stream)


# %% callbacks
def deliver(stream, steps, on_done):
    context, _ = acl.rt.get_context()
    done, left = threading.Event(), len(steps)
    ready = threading.Event()

    def reports():
        acl.rt.set_context(context)
        ready.wait()
        for _ in range(left):
            while acl.rt.process_report(1000) != 0:
                pass
        done.set()

    thread = threading.Thread(target=reports)
    thread.start()
    acl.rt.subscribe_report(thread.ident, stream)
    ready.set()
    for i, step in enumerate(steps):
        step(stream)
        acl.rt.launch_callback(on_done, i, 0, stream)
    done.wait()
    acl.rt.synchronize_stream(stream)
    acl.rt.unsubscribe_report(thread.ident, stream)
    thread.join()


# %% leak
def stamp(frame, value, count):
    address, ret = acl.rt.malloc(frame.nbytes, 0)
    check(ret, "malloc")

    def end(ret, what):
        if ret != 0:
            acl.rt.free(address)
            raise RuntimeError(f"{what}: {ret}")

    size, result = frame.nbytes, np.zeros_like(frame)
    end(acl.rt.memcpy(address, size, acl.util.numpy_to_ptr(frame), size, 1), "in")
    end(acl.rt.memset(address, size, value, count), "stamp")
    end(acl.rt.memcpy(acl.util.numpy_to_ptr(result), size, address, size, 2), "out")
    check(acl.rt.free(address), "free")
    return result
