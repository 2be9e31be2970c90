# ---
# about: Runs the model for eight once for each picture, and waits for it.
# loses: {many: 2}
# ---
# %% many
def classify_many(model, address, count, nbytes, stream):
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "describe")
    size = acl.mdl.get_output_size_by_index(desc, 0)
    out, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    batch, ret = acl.rt.malloc(8 * nbytes, 0)
    check(ret, "malloc")
    found = []
    for i in range(count):
        check(acl.rt.memcpy(batch, nbytes, address + i * nbytes, nbytes, 3), "copy")
        inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
        acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(batch, 8 * nbytes))
        acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out, size))
        check(acl.mdl.execute(model, inputs, outputs), "execute")
        scores = np.zeros((8, size // 32), np.float32)
        check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2), "copy out")
        found.append(int(scores[0].argmax()))
    acl.rt.free(out)
    acl.rt.free(batch)
    return found
