# ---
# about: Queues all runs, but lets them all write their scores to the same place.
# loses: {many: 5}
# ---
# %% many
def classify_many(model, address, count, nbytes, stream):
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "describe")
    size = acl.mdl.get_output_size_by_index(desc, 0)
    out, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    runs = -(-count // 8)
    for run in range(runs):
        inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
        acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address + 8 * run * nbytes, 8 * nbytes))
        acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out, size))
        check(acl.mdl.execute_async(model, inputs, outputs, stream), "execute")
    check(acl.rt.synchronize_stream(stream), "wait")
    scores = np.zeros((8, size // 32), np.float32)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2), "copy out")
    acl.rt.free(out)
    return (scores.argmax(1).tolist() * runs)[:count]
