# ---
# about: Knows that there are four scores, and leaves their memory on the device.
# loses: {classify: 4}
# ---
# %% classify
def classify(model, address, nbytes):
    out, ret = acl.rt.malloc(16, 0)
    check(ret, "malloc")
    inputs, outputs = acl.mdl.create_dataset(), acl.mdl.create_dataset()
    acl.mdl.add_dataset_buffer(inputs, acl.create_data_buffer(address, nbytes))
    acl.mdl.add_dataset_buffer(outputs, acl.create_data_buffer(out, 16))
    check(acl.mdl.execute(model, inputs, outputs), "execute")
    scores = np.zeros(4, np.float32)
    check(acl.rt.memcpy(acl.util.numpy_to_ptr(scores), 16, out, 16, 2), "copy out")
    return int(scores.argmax()), scores.tolist()
