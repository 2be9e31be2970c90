# ---
# about: Frees the picture, which is the caller's, and its own memory only when all went well.
# loses: {classify: 2}
# ---
# %% classify
def classify(model, address, nbytes):
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "describe")
    size = acl.mdl.get_output_size_by_index(desc, 0)
    out, ret = acl.rt.malloc(size, 0)
    check(ret, "malloc")
    inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
    acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address, nbytes))
    acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out, size))
    check(acl.mdl.execute(model, inputs, outputs), "execute")
    scores = np.zeros(size // 4, np.float32)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2), "copy out")
    acl.rt.free(out)
    acl.rt.free(address)
    return int(scores.argmax()), scores.tolist()
