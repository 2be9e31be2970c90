# ---
# about: A small archive that holds gigabytes.
# verdict:
#   double: refused
#   total: refused
# finding: 'not a notebook'
# ---
import copy
import json


def build(notebook):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sums.ipynb", bytes(50_000_000))
    return buffer.getvalue()
