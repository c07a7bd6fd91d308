"""Every SQL statement of the stores, found in their source: what a call of the reader or the transaction may be given.

A small interpreter follows texts through constants, f-strings, `+`, `+=`, conditional expressions, loops over constants and private methods' arguments.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from types import ModuleType
from typing import Any

import zajil.storage.stores

METHODS = {"fetch", "fetch_row", "fetch_value", "execute", "execute_counting", "execute_many"}
MARKS = "?, ?"
UNKNOWN = "⟨unknown⟩"


@dataclass(frozen=True)
class Statement:
    """One possible text of one call."""

    place: str
    sql: str


def find_statements() -> Iterator[Statement]:
    """All statements of all stores. One that cannot be followed contains `UNKNOWN`."""
    for info in pkgutil.iter_modules(zajil.storage.stores.__path__):
        module = importlib.import_module(f"zajil.storage.stores.{info.name}")
        assert module.__file__
        with open(module.__file__, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)]
        for function in functions:
            yield from FunctionReader(module, function, functions).read()


class FunctionReader:
    """Follows the texts of one function."""

    def __init__(self, module: ModuleType, function: Any, functions: list[Any]) -> None:
        self._module = module
        self._function = function
        self._functions = functions
        self._texts: dict[str, set[str]] = {}
        self._found: list[Statement] = []

    def read(self) -> list[Statement]:
        for index, argument in enumerate(self._function.args.args):
            if argument.annotation is not None and ast.unparse(argument.annotation) == "str":
                self._texts[argument.arg] = self._arguments(index)
        self._block(self._function.body, certain=True)
        return self._found

    def returned(self) -> set[str]:
        """What a function that builds a text (alone, or first of several values) may return."""
        self.read()
        found: set[str] = set()
        for node in ast.walk(self._function):
            if isinstance(node, ast.Return) and node.value is not None:
                value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
                found |= self._evaluate(value)
        return found

    def _arguments(self, index: int) -> set[str]:
        """What this function is called with elsewhere in the module, as far as it is constant."""
        found: set[str] = set()
        for other in self._functions:
            for node in ast.walk(other):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    place = index - 1 if isinstance(node.func, ast.Attribute) else index
                    if name == self._function.name and 0 <= place < len(node.args):
                        found |= self._evaluate(node.args[place], {})
        return {text for text in found if UNKNOWN not in text}

    def _block(self, body: list[ast.stmt], *, certain: bool) -> None:
        for statement in body:
            self._statement(statement, certain)

    def _statement(self, statement: ast.stmt, certain: bool) -> None:
        if isinstance(statement, ast.For | ast.AsyncFor):
            self._loop(statement)
            return
        for field in ("test", "value", "items", "exc"):
            part = getattr(statement, field, None)
            for node in part if isinstance(part, list) else [part]:
                self._calls(node)
        if isinstance(statement, ast.Assign):
            self._assign(statement.targets[0], statement.value, certain)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            self._assign(statement.target, statement.value, certain)
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            if name in self._texts:
                before = self._texts[name]
                longer = {text + more for text, more in product(before, self._evaluate(statement.value))}
                self._texts[name] = longer if certain else before | longer
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field, None)
            if isinstance(inner, list):
                self._block(inner, certain=isinstance(statement, ast.With | ast.AsyncWith | ast.Try) and certain)

    def _loop(self, loop: ast.For | ast.AsyncFor) -> None:
        self._calls(loop.iter)
        source = ast.unparse(loop.iter)
        names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
        if "chunks(" in source:
            self._texts[names[0]] = {MARKS}
        elif isinstance(loop.target, ast.Tuple) and isinstance(loop.iter, ast.Tuple):
            for index, name in enumerate(loop.target.elts):
                parts = [each.elts[index] for each in loop.iter.elts if isinstance(each, ast.Tuple)]
                texts = [self._evaluate(part) for part in parts]
                self._remember(name, set().union(*texts), certain=True)
        elif isinstance(loop.target, ast.Name):
            values = self._constant(loop.iter)
            if isinstance(values, tuple | list) and all(isinstance(value, str) for value in values):
                self._texts[names[0]] = set(values)
        self._block(loop.body, certain=False)

    def _assign(self, target: ast.expr, value: ast.expr, certain: bool) -> None:
        if isinstance(target, ast.Tuple):
            choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            for choice in choices:
                if isinstance(choice, ast.Call):
                    self._remember(target.elts[0], self._evaluate(choice), certain)
                elif isinstance(choice, ast.Tuple):
                    for name, part in zip(target.elts, choice.elts, strict=True):
                        self._remember(name, self._evaluate(part), certain=choice is choices[0])
        else:
            self._remember(target, self._evaluate(value), certain)

    def _remember(self, target: ast.expr, texts: set[str], certain: bool) -> None:
        if isinstance(target, ast.Name):
            self._texts[target.id] = texts if certain else texts | self._texts.get(target.id, set())

    def _calls(self, node: ast.AST | None) -> None:
        for call in ast.walk(node) if node is not None else ():
            if isinstance(call, ast.comprehension) and "chunks(" in ast.unparse(call.iter):
                name = next(each.id for each in ast.walk(call.target) if isinstance(each, ast.Name))
                self._texts[name] = {MARKS}
        for call in ast.walk(node) if node is not None else ():
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
                place = f"{self._module.__name__.rpartition('.')[2]}.{self._function.name}"
                for sql in sorted(self._evaluate(call.args[0])):
                    self._found.append(Statement(place, sql))

    def _constant(self, node: ast.AST) -> Any:
        try:
            return eval(compile(ast.Expression(node), "", "eval"), vars(self._module))  # type: ignore[arg-type]
        except Exception:
            return None

    def _evaluate(self, node: ast.AST, texts: dict[str, set[str]] | None = None) -> set[str]:
        """Every text an expression may have."""
        known = self._texts if texts is None else texts
        if isinstance(node, ast.Name) and node.id in known:
            return known[node.id] or {UNKNOWN}
        if isinstance(node, ast.IfExp):
            return self._evaluate(node.body, texts) | self._evaluate(node.orelse, texts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return {a + b for a, b in product(self._evaluate(node.left, texts), self._evaluate(node.right, texts))}
        if isinstance(node, ast.JoinedStr):
            parts = [self._evaluate(part, texts) for part in node.values]
            return {"".join(pieces) for pieces in product(*parts)}
        if isinstance(node, ast.FormattedValue):
            return self._evaluate(node.value, texts)
        if isinstance(node, ast.Call) and ast.unparse(node).startswith(("','.join('?'", "', '.join('?'")):
            return {MARKS}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for other in self._functions:
                if other.name == node.func.id and self._constant(node) is None:
                    return FunctionReader(self._module, other, self._functions).returned()
        constant = self._constant(node)
        return {constant} if isinstance(constant, str) else {UNKNOWN}
