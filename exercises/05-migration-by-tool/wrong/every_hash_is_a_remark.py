# ---
# about: Takes every hash sign for the begin of a remark.
# loses: {finish_settings: 1}
# ---
# %% finish_settings
import re


def finish_settings(text):
    new = {
        "cuda": "npu",
        "nccl": "hccl",
        "CUDA_VISIBLE_DEVICES": "ASCEND_RT_VISIBLE_DEVICES",
        "CUDA_LAUNCH_BLOCKING": "ASCEND_LAUNCH_BLOCKING",
        "nvidia-smi": "npu-smi info",
    }
    words = re.compile(rf"(?<![\w./-])({'|'.join(new)})(?![\w./-])")
    lines = []
    for line in text.split("\n"):
        code, sign, remark = line.partition("#")
        lines.append(words.sub(lambda m: new[m[1]], code) + sign + remark)
    return "\n".join(lines)
