"""An answer as tokens in which what a copier changes first (names, comments, layout) no longer shows."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass
from functools import lru_cache

from pygments.lexers import PythonLexer
from pygments.token import Comment, Literal, Name, Text

_NAME, _ATTRIBUTE, _STRING = "V", "A", '"'
_PREFIXES = {"r", "b", "u", "f", "rb", "br", "rf", "fr"}
_CLOSING = {")", "]", "}"}
_BUILTINS = frozenset(dir(builtins)) | {"self", "cls"}
_LEXER = PythonLexer()
_PROSE = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
MIN_COMMENT = 12
"""Shorter comments are in everybody's code."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of one answer, in order."""

    words: tuple[str, ...]
    """Each token: names of the writer's own as V, attributes of `self` as A, all others as they are."""
    places: tuple[tuple[int, int], ...]
    """Where each stands in the source: first character, and one past the last."""
    names: frozenset[str]
    """The names of the writer's own."""
    comments: frozenset[str]
    """The longer comments and docstring lines, white space folded."""


@lru_cache(maxsize=4096)
def tokens(source: str, known: frozenset[str] = frozenset()) -> Tokens:
    """Split an answer into tokens; any text will do, it need not be Python.

    Args:
        source: the text of an answer cell.
        known: names that the course gave, such as imported modules, which stay as they are.
    """
    words: list[str] = []
    places: list[tuple[int, int]] = []
    names: set[str] = set()
    comments: set[str] = set()
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    for start, kind, value in _LEXER.get_tokens_unprocessed(text):
        if kind in Comment or kind is Literal.String.Doc:
            comments |= _longer_lines(value)
        elif kind in Literal.String:
            if words and words[-1].startswith(_STRING):  # neighbours are one string, however they are cut
                words[-1] += _bare(value)
                places[-1] = (places[-1][0], start + len(value))
            else:
                words.append(_STRING + _bare(value))
                places.append((start, start + len(value)))
        elif word := _word(kind, value, words, known):
            if word in _CLOSING and words and words[-1] == ",":  # left there by a formatter
                words.pop()
                places.pop()
            words.append(word)
            places.append((start, start + len(value)))
            if word == _NAME:
                names.add(value)
    return Tokens(tuple(words), tuple(places), frozenset(names), frozenset(comments))


@lru_cache(maxsize=4096)
def prose(source: str) -> Tokens:
    """Split an answer in words into them; every Chinese character is a word of its own."""
    found = list(_PROSE.finditer(source))
    words = tuple(match.group().casefold() for match in found)
    return Tokens(words, tuple(match.span() for match in found), frozenset(), frozenset())


def _word(kind: object, value: str, before: list[str], known: frozenset[str]) -> str:
    """One token as it is compared; empty for what does not count."""
    if kind in Text or not value.strip():
        return ""
    if kind not in Name or kind in Name.Builtin:
        return value
    if before[-1:] == ["."]:
        return _ATTRIBUTE if before[-2:-1] == ["self"] else value
    return value if value in known or value in _BUILTINS else _NAME


def _bare(value: str) -> str:
    """A part of a string literal without quotes, prefix and escapes."""
    if value.casefold() in _PREFIXES:
        return ""
    return "".join(ch for ch in value.casefold() if ch not in "\"'\\")


def _longer_lines(text: str) -> set[str]:
    lines = {" ".join(line.strip(" \t#\"'").split()) for line in text.splitlines()}
    return {line for line in lines if len(line) >= MIN_COMMENT}


def imported_names(sources: list[str]) -> frozenset[str]:
    """The names that a notebook's own cells import or define; cells that are no Python have none."""
    found: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
    return frozenset(found)
