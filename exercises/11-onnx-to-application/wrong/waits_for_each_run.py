# ---
# about: One execute after the other, with a look at each result.
# loses: {many: 1}
# ---
# %% many
def classify_many(model, address, count, nbytes, stream):
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "describe")
    size = acl.mdl.get_output_size_by_index(desc, 0)
    out, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    found = []
    for first in range(0, count, 8):
        inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
        acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address + first * nbytes, 8 * nbytes))
        acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out, size))
        check(acl.mdl.execute(model, inputs, outputs), "execute")
        scores = np.zeros((8, size // 32), np.float32)
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2), "copy out")
        found += scores.argmax(1).tolist()
    acl.rt.free(out)
    return found[:count]
