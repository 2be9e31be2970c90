# ---
# about: Writes and reads files in its folder and in a temporary one.
# ---
# %% double
import json
import pickle
import tempfile
from pathlib import Path


def double(x):
    Path("cache").mkdir(exist_ok=True)
    Path("cache/x.json").write_text(json.dumps(2 * x))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "y").write_bytes(pickle.dumps(x))
    return json.loads(Path("cache/x.json").read_text())
