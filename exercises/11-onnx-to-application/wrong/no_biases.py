# ---
# about: Forgets that U and V lie around 128, and divides by 255 only.
# loses: {aipp: 4}
# ---
# %% aipp
def aipp_config(width, height, mean=(0, 0, 0), std=(1.0, 1.0, 1.0)):
    lines = ["aipp_mode: static", "input_format: YUV420SP_U8", "csc_switch: true"]
    lines += [f"src_image_size_w: {width}", f"src_image_size_h: {height}"]
    for r, row in enumerate([(256, 0, 359), (256, -88, -183), (256, 454, 0)]):
        lines += [f"matrix_r{r}c{c}: {value}" for c, value in enumerate(row)]
        lines += [f"mean_chn_{r}: {mean[r]}", f"var_reci_chn_{r}: 0.00392157"]
    return "aipp_op {\n" + "\n".join(lines) + "\n}"
