# ---
# about: Takes the boundaries of regular expressions for those of names, so that paths change.
# loses: {finish_settings: 1}
# ---
# %% finish_settings
import re


def finish_settings(text):
    def change(part):
        part = re.sub(r"\bnvidia-smi\b", "npu-smi info", part)
        part = re.sub(r"\bCUDA_VISIBLE_DEVICES\b", "ASCEND_RT_VISIBLE_DEVICES", part)
        part = re.sub(r"\bCUDA_LAUNCH_BLOCKING\b", "ASCEND_LAUNCH_BLOCKING", part)
        return re.sub(r"\bcuda\b", "npu", re.sub(r"\bnccl\b", "hccl", part))

    lines = []
    for line in text.split("\n"):
        found = re.search(r"(^|\s)#", line)
        end = found.start() if found else len(line)
        lines.append(change(line[:end]) + line[end:])
    return "\n".join(lines)
