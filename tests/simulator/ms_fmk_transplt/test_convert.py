"""The conversion of one file: what changes, what is reported, and that nothing else moves."""

from __future__ import annotations

import re

import libcst as cst
import pytest
from hypothesis import given, settings
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


NAMES = [  # each: a program, and what of it changes
    ('p.add_argument("--cuda")\nif getattr(args, "cuda", False) and hasattr(args, "cuda"): args.cuda', []),
    ('defaults = {"cuda": True, "size": 3}\nself.__dict__.update(defaults)\nself.cuda', []),
    ('options["cuda"] or kwargs.pop("cuda", 1) or cfg.get("cuda") or "cuda" in kwargs', []),
    ('"cuda" in d or d["cuda"]', []),
    ('def f(cuda=1): pass\nf(**{"cuda": 2})', []),
    ('p.add_argument("cuda")\np.add_argument("-c", dest="cuda")\nnamedtuple("P", ["cuda", "cpu"])', []),
    ('class A:\n    __slots__ = ("cuda",)\n    is_cuda: bool = False\nA(is_cuda=True).is_cuda', []),
    ("class A:\n    @property\n    def cuda(self): return 1\nA().cuda", []),
    ('open(os.path.join(here, "cuda", "a.cu"))\nhere / "cuda"', []),
    ('table = {"cuda": "nccl", "cpu": "gloo"}\ntable["cuda"]', ["npu", "hccl", "npu"]),
    ('made = {d: 1 for d in ("cuda", "cpu")}\nmade["cuda"]', ["npu", "npu"]),
    ('{"cuda": 1, "cpu": 2}.get("cuda")', ["npu", "npu"]),
    ('getattr(x, "is_cuda", False) and x.is_cuda', ["is_npu", "is_npu"]),
    ('if hasattr(m, "cuda"): m.cuda()', ["npu", "npu"]),
    ('getattr(m, "cuda")()', ["npu"]),
    ('operator.methodcaller("cuda")', ["npu"]),
    ('getattr(torch, "cuda").empty_cache()', ["npu"]),
    ("list(map(torch.Tensor.cuda, xs))", ["npu"]),
    ("class A:\n    @property\n    def is_cuda(self): return 1\nA().is_cuda", ["is_npu", "is_npu"]),
    (
        "class A:\n    def cuda(self): return 1\n    def all(self): return map(self.cuda, args.cuda)",
        ["npu"] * 2,
    ),
    ('"cuda" in device or "cuda" in args.device', ["npu", "npu"]),
    ('device = os.environ.get("DEVICE", "cuda")', ["npu"]),
    ('你 = "我们"; 好 = kwargs["cuda"]; x.to("cuda")', ["npu"]),
    ("f\"{cfg['cuda']}\"\nf\"{x.to('cuda')}\"", ["npu"]),
]


@pytest.mark.parametrize(("program", "changed"), NAMES)
def test_a_name_changes_in_every_place_or_in_none(program, changed):
    """What is spelt in a string and as an attribute, option or key goes on naming the same thing."""
    new = code(f"{HEAD}{program}\n").replace("import torch_npu\n", "", 1)
    words = re.compile(r"\w*(?:cuda|nccl|npu|hccl)\w*")
    before, after = words.findall(f"{HEAD}{program}\n"), words.findall(new)
    assert [b for a, b in zip(before, after, strict=True) if a != b] == changed
    assert code(new) == code(code(new))
    compile(new, "converted", "exec")


def test_names_are_found_in_a_file_of_another_encoding():
    """Columns are counted in characters, whatever bytes the file has."""
    text = "# coding: gbk\nimport torch\n你们好 = 1; a = cfg['cuda']; b = x.to('cuda')\n"
    assert "a = cfg['cuda']; b = x.to('npu')" in convert(text.encode("gbk"), load())[0].bytes.decode("gbk")


def test_the_error_of_a_full_memory_is_pytorchs_own():
    """The NPU raises torch.cuda.OutOfMemoryError, which every PyTorch has; torch_npu has none of its own."""
    text = f"{HEAD}try:\n    pass\nexcept torch.cuda.OutOfMemoryError:\n    pass\n"
    assert code(text) == text


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


@settings(deadline=None)
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
