# ---
# about: Describes, and leaves the model loaded.
# loses: {describe: 1}
# ---
# %% describe
def describe(path):
    model, ret = acl.mdl.load_from_file(path)
    check(ret, "load")
    desc = acl.mdl.create_desc()
    check(acl.mdl.get_desc(desc, model), "describe")
    one = acl.mdl.get_input_name_by_index(desc, 0), acl.mdl.get_input_dims(desc, 0)[0]["dims"]
    two = acl.mdl.get_output_name_by_index(desc, 0), acl.mdl.get_output_dims(desc, 0)[0]["dims"]
    sizes = acl.mdl.get_input_size_by_index(desc, 0), acl.mdl.get_output_size_by_index(desc, 0)
    return {"inputs": [(*one, sizes[0])], "outputs": [(*two, sizes[1])]}
