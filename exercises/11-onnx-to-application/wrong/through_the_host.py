# ---
# about: Decodes with Pillow on the host, in RGB, because it is shorter.
# loses: {decode: 4}
# ---
# %% decode
def decoded(jpeg, width, height, channel, stream):
    shot = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB").resize((width, height)))
    address, ret = acl.media.dvpp_malloc(shot.nbytes)
    check(ret, "malloc")
    shot = np.ascontiguousarray(shot)
    check(acl.rt.memcpy(address, shot.nbytes, acl.util.numpy_to_ptr(shot), shot.nbytes, 1), "copy")
    return address, shot.nbytes, 3 * width
