# ---
# about: Turns heads to the front for the operator, builds the mask from indices, and splits remarks off.
# ---
# %% tool_command
def tool_command(project, output, version, main=None, model="model"):
    from pathlib import Path

    home, result = Path(project).resolve(), Path(output).resolve()
    if home == result or home in result.parents:
        raise ValueError(f"{result} is in {home}")
    tail = [] if main is None else ["distributed", "-m", main, "-t", model]
    return ["pytorch_gpu2npu.sh", "-v", version, "-i", project, "-o", output, *tail]


# %% work_list
def work_list(report):
    from collections import defaultdict
    from csv import DictReader

    text = report.encode("utf-8").decode("utf-8-sig")
    work = defaultdict(dict)
    for row in DictReader(text.splitlines(keepends=True)):
        work[row["File"]][int(row["Start Line"]), row["OP"]] = True
    return {file: sorted(pairs) for file, pairs in work.items()}


# %% finish_settings
import re


def finish_settings(text):
    def code(part):
        alone = r"(?<![A-Za-z0-9_./-])%s(?![A-Za-z0-9_./-])"
        part = re.sub(alone % "nvidia-smi", "npu-smi info", part)
        part = re.sub(alone % "CUDA_(VISIBLE_DEVICES)", r"ASCEND_RT_\1", part)
        part = re.sub(alone % "CUDA_(LAUNCH_BLOCKING)", r"ASCEND_\1", part)
        return re.sub(alone % "cuda", "npu", re.sub(alone % "nccl", "hccl", part))

    pieces = re.split(r"((?:^|(?<=[ \t]))#.*$)", text, flags=re.MULTILINE)
    return "".join(piece if i % 2 else code(piece) for i, piece in enumerate(pieces))


# %% make_optimizer
def make_optimizer(parameters, lr, weight_decay=0.0):
    optimizer = torch_npu.optim.NpuFusedAdamW(parameters, lr=lr)
    for group in optimizer.param_groups:
        group["weight_decay"] = weight_decay
    return optimizer


# %% attention
def attention(q, k, v, causal):
    heads = [x.transpose(1, 2).contiguous() for x in (q, k, v)]
    n, m = q.size(1), k.size(1)
    hidden = None
    if causal:
        i, j = torch.arange(n)[:, None], torch.arange(m)[None, :]
        hidden = (j > i + m - n).to(q.device)
    out, *_ = torch_npu.npu_fusion_attention(
        *heads, q.size(2), "BNSD", atten_mask=hidden, scale=q.size(-1) ** -0.5
    )
    return out.transpose(1, 2).contiguous()
