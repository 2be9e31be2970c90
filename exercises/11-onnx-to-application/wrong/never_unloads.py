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
    found = {"inputs": [], "outputs": []}
    for i in range(acl.mdl.get_num_inputs(desc)):
        row = acl.mdl.get_input_name_by_index(desc, i), acl.mdl.get_input_dims(desc, i)[0]["dims"]
        found["inputs"].append((*row, acl.mdl.get_input_size_by_index(desc, i)))
    for i in range(acl.mdl.get_num_outputs(desc)):
        row = acl.mdl.get_output_name_by_index(desc, i), acl.mdl.get_output_dims(desc, i)[0]["dims"]
        found["outputs"].append((*row, acl.mdl.get_output_size_by_index(desc, i)))
    acl.mdl.destroy_desc(desc)
    return found
