# ---
# about: Replaces the letters wherever they stand.
# loses: {finish_settings: 2}
# ---
# %% finish_settings
def finish_settings(text):
    for old, new in (
        ("CUDA_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"),
        ("CUDA_LAUNCH_BLOCKING", "ASCEND_LAUNCH_BLOCKING"),
        ("nvidia-smi", "npu-smi info"),
        ("nccl", "hccl"),
        ("cuda", "npu"),
    ):
        text = text.replace(old, new)
    return text
