# ---
# about: Compares the parts of paths, reads rows by hand, walks through lines, compresses the mask.
# ---
# %% tool_command
import os


def tool_command(project, output, version, main=None, model="model"):
    inner, outer = os.path.realpath(output), os.path.realpath(project)
    if os.path.commonpath([inner, outer]) == outer:
        raise ValueError("give a folder outside of the project")
    words = {"-v": version, "-o": output, "-i": project}
    call = ["pytorch_gpu2npu.sh"] + [word for pair in words.items() for word in pair]
    return call if main is None else [*call, "distributed", "-t", model, "-m", main]


# %% work_list
def work_list(report):
    import csv
    from io import StringIO

    rows = list(csv.reader(StringIO(report.lstrip("\ufeff"))))
    head = rows[0]
    file, line, api = head.index("File"), head.index("Start Line"), head.index("OP")
    found = {}
    for row in sorted(rows[1:], key=lambda r: (int(r[line]), r[api])):
        pairs = found.setdefault(row[file], [])
        if (int(row[line]), row[api]) not in pairs:
            pairs.append((int(row[line]), row[api]))
    return found


# %% finish_settings
def finish_settings(text):
    table = [
        ("nvidia-smi", "npu-smi info"),
        ("CUDA_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"),
        ("CUDA_LAUNCH_BLOCKING", "ASCEND_LAUNCH_BLOCKING"),
        ("cuda", "npu"),
        ("nccl", "hccl"),
    ]

    def touches(sign):
        return sign.isalnum() or (sign != "" and sign in "_-./")

    done = []
    for line in text.split("\n"):
        out, i = "", 0
        while i < len(line):
            before = line[i - 1] if i else ""
            if line[i] == "#" and (i == 0 or before in " \t"):
                out += line[i:]
                break
            for old, new in table:
                behind = line[i + len(old) : i + len(old) + 1]
                if line.startswith(old, i) and not touches(before) and not touches(behind):
                    out += new
                    i += len(old)
                    break
            else:
                out += line[i]
                i += 1
        done.append(out)
    return "\n".join(done)


# %% make_optimizer
def make_optimizer(parameters, lr, weight_decay=0.0):
    from torch_npu.optim import NpuFusedAdamW

    groups = [{"params": list(parameters), "weight_decay": weight_decay}]
    return NpuFusedAdamW(groups, lr, betas=(0.9, 0.999), eps=1e-8)


# %% attention
def attention(q, k, v, causal):
    import math

    given = {"scale": 1 / math.sqrt(q.size(3))}
    if causal:
        given["atten_mask"] = torch.triu(torch.ones(2048, 2048, device=q.device), diagonal=1).bool()
        given["sparse_mode"] = 3
    out = torch_npu.npu_fusion_attention(q, k, v, head_num=q.size(2), input_layout="BSND", **given)
    return out[0]
