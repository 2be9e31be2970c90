"""What a copier does to an answer, and what is left of it: each returns another text of the same answer."""

import ast


class _Rename(ast.NodeTransformer):
    def __init__(self, names):
        self._names = names

    def visit_Name(self, node):
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node):
        node.arg = self._names.get(node.arg, node.arg)
        return node


def verbatim(source):
    """Hand it in as it is."""
    return source


def renamed(source):
    """Give every variable and argument another name; comments are lost on the way."""
    tree = ast.parse(source)
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)} - {"self"}
    return ast.unparse(_Rename({name: f"my_{at}" for at, name in enumerate(sorted(bound))}).visit(tree))


def reformatted(source):
    """Other indents, quotes, brackets and blank lines."""
    return ast.unparse(ast.parse(source)).replace("    ", "  ").replace("\n", "\n\n")


def recommented(source):
    """Comments of one's own at the end of every other line."""
    lines = source.splitlines()
    return "\n".join(
        f"{line}  # step {at} of my plan" if at % 2 and line.strip() and '"' not in line else line
        for at, line in enumerate(lines)
    )


def reordered(source):
    """Swap neighbouring assignments that do not need each other; the same text where there are none."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for at in range(len(body) - 1 if isinstance(body, list) else 0):
            if _independent(body[at], body[at + 1]):
                body[at], body[at + 1] = body[at + 1], body[at]
    return ast.unparse(tree)


def _independent(one, other):
    if not (isinstance(one, ast.Assign) and isinstance(other, ast.Assign)):
        return False
    return not (_names(one, ast.Store) & (_names(other)) or _names(other, ast.Store) & _names(one))


def _names(node, context=ast.expr_context):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


ALL = (verbatim, renamed, reformatted, recommented, reordered)
