"""The conversion of one file: what changes, what is reported, and that nothing else moves."""

from __future__ import annotations

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ms_fmk_transplt.convert import Options, convert
from ms_fmk_transplt.rules import Names, load

HEAD = "import torch\n"
PAIRS = [
    ("torch.cuda.is_available()", "torch_npu.npu.is_available()"),
    ("x.cuda()", "x.npu()"),
    ("x.cuda(0, non_blocking=True)", "x.npu(0, non_blocking=True)"),
    ("x.is_cuda", "x.is_npu"),
    ("torch.device('cuda')", "torch.device('npu')"),
    ('torch.device("cuda:1")', 'torch.device("npu:1")'),
    ('torch.device(f"cuda:{n}")', 'torch.device(f"npu:{n}")'),
    ('"cuda:{}".format(n)', '"npu:{}".format(n)'),
    ('"cuda:%d" % n', '"npu:%d" % n'),
    ('"cuda:" + str(n)', '"npu:" + str(n)'),
    ("x.to('cuda')", "x.to('npu')"),
    ("x.device.type == 'cuda'", "x.device.type == 'npu'"),
    ("torch.distributed.init_process_group('nccl')", "torch.distributed.init_process_group('hccl')"),
    ("torch.cuda.amp.GradScaler()", "torch_npu.npu.amp.GradScaler()"),
    ("torch.cuda.FloatTensor(2)", "torch_npu.npu.FloatTensor(2)"),
    ("torch.profiler.ProfilerActivity.CUDA", "torch_npu.profiler.ProfilerActivity.NPU"),
    ("torch.cuda.CUDAGraph()", "torch_npu.npu.NPUGraph()"),
    ("torch.distributed.is_nccl_available()", "torch_npu.distributed.is_hccl_available()"),
    ("x.type() == 'torch.cuda.HalfTensor'", "x.type() == 'torch.npu.HalfTensor'"),
    ("os.environ['CUDA_VISIBLE_DEVICES']", "os.environ['ASCEND_RT_VISIBLE_DEVICES']"),
]
UNTOUCHED = [
    "print('I like cuda')",
    "torch.version.cuda",
    "b'cuda'",
    "args.cuda",
    "parser.add_argument('--cuda', dest='cuda')",
    "torch.cuda.tunable.enable()",
    "cuda = 1",
    "torch.cuda.nvtx.range_push('a')",
    "torch.cuda.default_generators",
    "f(cuda=True)",
]


def code(text: str) -> str:
    """The converted code."""
    return convert(text, load())[0].code


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_cuda_expression_becomes_its_counterpart(old, new):
    """Each form in which training code names CUDA becomes the NPU's; torch_npu is imported too."""
    assert code(f"{HEAD}a = {old}\n") == f"{HEAD}import torch_npu\na = {new}\n"


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_cuda_stays(text):
    """Prose, variables, bytes and what an NPU has no counterpart of stay byte for byte."""
    assert code(f"{HEAD}{text}\n") == f"{HEAD}{text}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "from torch.cuda.amp import autocast, GradScaler",
            "from torch_npu.npu.amp import autocast, GradScaler",
        ),
        ("import torch.cuda.amp as amp", "import torch_npu.npu.amp as amp"),
        ("from torch import cuda", "from torch_npu import npu as cuda"),
        ("from torch import nn, cuda as c", "from torch import nn\nfrom torch_npu import npu as c"),
        ("from torch.cuda import *", "from torch_npu.npu import *"),
        ("from torch.cuda import nvtx", "from torch.cuda import nvtx"),
    ],
)
def test_imports_of_cuda_are_rewritten_and_their_names_go_on(old, new):
    """An import from torch.cuda comes from torch_npu afterwards and binds the same names."""
    changed = code(f"{HEAD}{old}\n")
    assert changed.replace("import torch_npu\n", "") == f"{HEAD}{new}\n"


def test_aliases_are_seen_through():
    """`import torch as th` and `from torch.cuda import amp` are the same APIs under other names."""
    text = (
        "import torch as th\nfrom torch.cuda import amp\nth.cuda.synchronize()\n"
        "with amp.autocast():\n    pass\n"
    )
    assert code(text) == (
        "import torch as th\nimport torch_npu\nfrom torch_npu.npu import amp\ntorch_npu.npu.synchronize()\n"
        "with amp.autocast():\n    pass\n"
    )


def test_a_name_of_the_file_is_no_api():
    """A local variable called torch is not PyTorch."""
    text = "def f(torch):\n    return torch.cuda.is_available()\n"
    assert code(text) == text


def test_formatting_and_comments_survive():
    """Blank lines, comments, quotes, line ends and tabs come out as they went in."""
    text = "import torch\r\n\r\n\r\ndef f( x ):   # why\r\n\tx = x . cuda ( )\t# here\r\n\r\n\treturn  x\r\n"
    data = convert(text.encode(), load())[0].bytes
    assert (
        data
        == text.replace("cuda ( )", "npu ( )")
        .replace("torch\r\n", "torch\r\nimport torch_npu\r\n", 1)
        .encode()
    )


def test_a_class_with_its_own_cuda_method_keeps_working():
    """`def cuda(self)` is renamed with its calls; a function outside of a class is not."""
    text = f"{HEAD}class A:\n    def cuda(self):\n        return self\ndef cuda():\n    pass\nA().cuda()\n"
    changed = code(text)
    assert "    def npu(self)" in changed
    assert "\ndef cuda():" in changed
    assert "A().npu()" in changed


def test_docstrings_and_future_imports_stay_first():
    """What Python wants at the top stays there."""
    text = '"""About cuda."""\nfrom __future__ import annotations\nx.cuda()\n'
    assert code(text).startswith('"""About cuda."""\nfrom __future__ import annotations\nimport torch_npu\n')


def test_every_change_is_listed_with_its_line():
    """change_list.csv has a row for each change, with the line of the file as it was."""
    found = convert(f"{HEAD}\nx.cuda()\ny = 'cuda'\n", load())[1]
    assert [(c.where.start, c.operation) for c in found.changes] == [
        (1, "INSERT"),
        (3, "MODIFY"),
        (4, "MODIFY"),
    ]


def test_what_an_npu_lacks_is_reported_with_what_to_do():
    """Unsupported and doubtful APIs, CUDA's APIs and faster counterparts land in their lists."""
    text = (
        "import torch\nfrom torch import nn\nfrom flash_attn import flash_attn_func\n"
        "m = nn.DataParallel(m)\ntorch.fft.fft(x)\no = torch.optim.Adam(m.parameters())\n"
        "for b in torch.utils.data.DataLoader(d):\n    print(loss.item())\nx.nonzero()\n"
    )
    found = convert(text, load())[1]
    assert [f.api for f in found.unsupported] == ["flash_attn.flash_attn_func", "torch.nn.DataParallel"]
    assert [f.api for f in found.unknown] == ["torch.fft.fft"]
    assert [(a.api, a.better) for a in found.affinity] == [
        ("torch.optim.Adam", "torch_npu.optim.NpuFusedAdam")
    ]
    assert [f.where.start for f in found.performance] == [7, 7, 8]
    assert [f.api for f in found.dynamic] == ["torch.Tensor.nonzero"]


def test_functions_of_an_analysed_library_are_reported():
    """An API that a third-party analysis found unsupported is reported where it is called."""
    found = convert(
        "import torch\nfrom lib.ops import nms\nnms(x)\n", load(), Options(frozenset({"lib.ops.nms"}))
    )[1]
    assert [(f.api, f.where.start) for f in found.unsupported] == [("lib.ops.nms", 3)]


def test_the_longest_rule_wins():
    """`a.b.c` is looked up before `a.b.*`, and that before `a.*`."""
    names = Names({"a.*": "far", "a.b.*": "near", "a.b.c": "exact"})
    assert [names.get(n) for n in ("a.b.c", "a.b.x.y", "a.z", "b")] == ["exact", "near", "far", None]


statements = st.lists(
    st.sampled_from(
        [f"a = {old}" for old, _ in PAIRS] + UNTOUCHED + ["from torch.cuda import amp", "# cuda", ""]
    ),
    max_size=12,
)


@given(statements)
def test_converting_twice_is_converting_once(lines):
    """The converted file is a fixed point, and it is still Python."""
    once = code(HEAD + "\n".join(lines) + "\n")
    assert code(once) == once
    compile(once, "converted", "exec")


def test_what_is_no_python_3_raises():
    """The caller is told of a syntax error by the parser's own error."""
    with pytest.raises(cst.ParserSyntaxError):
        convert("print 'cuda'\n", load())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = open('a.txt')", "x = open(ModelArtsPathManager().get_path('a.txt'))"),
        ("x = open(file=p, mode='w')", "x = open(file=ModelArtsPathManager().get_path(p), mode='w')"),
        ("import torch\ntorch.save(m, p)", "torch.save(m, ModelArtsPathManager().get_path(p))"),
        ("import torch\ntorch.save(m, f=p)", "torch.save(m, f=ModelArtsPathManager().get_path(p))"),
        (
            "from shutil import copy as c\nc(a, b)",
            "c(ModelArtsPathManager().get_path(a), ModelArtsPathManager().get_path(b))",
        ),
        ("import numpy as np\nx = np.load(p)", "np.load(ModelArtsPathManager().get_path(p))"),
        (
            "import os\nif os.path.exists(p): open(p)",
            "os.path.exists(ModelArtsPathManager().get_path(p)): open(ModelArtsPathManager().get_path(p))",
        ),
    ],
)
def test_with_modelarts_paths_are_asked_for(before, after):
    """With -m, each argument that is a path goes through the manager, which is imported once."""
    module, findings = convert(before, load(), Options(modelarts=True))
    assert after in module.code
    assert module.code.count("from ascend_modelarts_function import ModelArtsPathManager\n") == 1
    assert all(row.where.start <= before.count("\n") + 1 for row in findings.changes)


@pytest.mark.parametrize(
    "text",
    [
        "def open(x): return x\ny = open(1)\n",  # the project's own
        "x = self.open('a')\n",
        "x = open(*args)\n",
        "import json\nx = json.load(stream)\n",  # takes an open file
        "import torch\nx = torch.load\n",
    ],
)
def test_with_modelarts_other_calls_stay(text):
    """What opens no path, or is not the function of that name, stays as it is."""
    assert convert(text, load(), Options(modelarts=True))[0].code == text


def test_without_modelarts_paths_stay():
    """Without -m no path is touched."""
    assert convert("x = open('a.txt')\n", load())[0].code == "x = open('a.txt')\n"


def test_with_modelarts_converting_twice_is_converting_once():
    """A path that is asked for at the manager is not asked for again, and the manager is imported once."""
    text = "import torch\nx = open('a.txt')\ny = torch.load(f=p)\n"
    once = convert(text, load(), Options(modelarts=True))[0].code
    assert convert(once, load(), Options(modelarts=True))[0].code == once
    more = convert(once + "z = open('b')\n", load(), Options(modelarts=True))[0].code
    assert more == once + "z = open(ModelArtsPathManager().get_path('b'))\n"
