# ---
# about: Looks at no code, so that a model that was refused has no inputs; elements for bytes; datasets kept.
# loses: {describe: 3, classify: 2}
# ---
# %% describe
def describe(path):
    model, ret = acl.mdl.load_from_file(path)
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    found = {"inputs": [], "outputs": []}
    for i in range(acl.mdl.get_num_inputs(desc)):
        dims = acl.mdl.get_input_dims(desc, i)[0]["dims"]
        found["inputs"].append((acl.mdl.get_input_name_by_index(desc, i), dims, int(np.prod(dims))))
    for i in range(acl.mdl.get_num_outputs(desc)):
        dims = acl.mdl.get_output_dims(desc, i)[0]["dims"]
        found["outputs"].append((acl.mdl.get_output_name_by_index(desc, i), dims, int(np.prod(dims))))
    acl.mdl.destroy_desc(desc)
    if ret == 0:
        acl.mdl.unload(model)
    return found


# %% classify
def classify(model, address, nbytes):
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    size = acl.mdl.get_output_size_by_index(desc, 0)
    out, _ = acl.rt.malloc(size, 0)
    inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
    acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address, nbytes))
    acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out, size))
    acl.mdl.execute(model, inputs, outputs)
    scores = np.zeros(size // 4, np.float32)
    acl.rt.memcpy(acl.util.numpy_to_ptr(scores), size, out, size, 2)
    acl.rt.free(out)
    return int(scores.argmax()), scores.tolist()
