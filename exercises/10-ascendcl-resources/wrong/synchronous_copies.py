# ---
# about: Uses the copy that waits by itself.
# loses: {upload: 2}
# ---
# %% upload
def upload(frames, nbytes, stream):
    addresses = []
    for frame in frames:
        address, ret = acl.rt.malloc(nbytes, 0)
        check(ret, "malloc")
        check(acl.rt.memcpy(address, nbytes, frame, nbytes, HOST_TO_DEVICE), "copy")
        addresses.append(address)
    return addresses
