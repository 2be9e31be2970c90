# ---
# about: Writes the rows of the matrix in the order B, G, R, as many samples have them for other networks.
# loses: {aipp: 3}
# ---
# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    lines = ["aipp_mode: static", "input_format: YUV420SP_U8", "csc_switch: true"]
    lines += [f"src_image_size_w: {width}", f"src_image_size_h: {height}"]
    lines += ["input_bias_0: 0", "input_bias_1: 128", "input_bias_2: 128"]
    for r, row in enumerate([(256, 454, 0), (256, -88, -183), (256, 0, 359)]):
        lines += [f"matrix_r{r}c{c}: {value}" for c, value in enumerate(row)]
        lines += [f"mean_chn_{r}: {mean[r]}", f"var_reci_chn_{r}: {1 / 255 / std[r]:.8f}"]
    return "aipp_op {\n" + "\n".join(lines) + "\n}"
