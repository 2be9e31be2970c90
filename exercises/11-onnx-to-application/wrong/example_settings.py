# ---
# about: Leaves mean and deviation out, and has width and height swapped.
# loses: {aipp: 4}
# ---
# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    lines = ["aipp_mode: static", "input_format: YUV420SP_U8", "csc_switch: true"]
    lines += [f"src_image_size_w: {height}", f"src_image_size_h: {width}"]
    lines += ["input_bias_0: 0", "input_bias_1: 128", "input_bias_2: 128"]
    for r, row in enumerate([(256, 0, 359), (256, -88, -183), (256, 454, 0)]):
        lines += [f"matrix_r{r}c{c}: {value}" for c, value in enumerate(row)]
        lines += [f"var_reci_chn_{r}: 0.00392157"]
    return "aipp_op {\n" + "\n".join(lines) + "\n}"
