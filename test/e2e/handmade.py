"""Models of no family, by hand: a stack of layers whose body a test writes.

Each op of the dialect runs in one of them, compiled, and `mica diff` holds every
result to the reference, which `test/passes/Reference` holds to numpy.
"""
import dataclasses

import numpy as np
import safetensors.numpy

D, V, LAYERS = 36, 97, 2
EPS = "1.0e-5"


def rows(columns):
    return f"tensor<?x{columns}xf32>"


def weight_type(shape):
    return f"!mica.weight<{'x'.join(map(str, shape))}, f32>"


def source(name, shape):
    """Returns the line that names a weight and where it is: of three dimensions,
    in matrices that are one tensor."""
    parts = f", parts = {shape[0]}" if len(shape) == 3 else ""
    return (f"mica.weight @{name} : {weight_type(shape)} from [#mica.source<"
            f'file = 0, tensor = "{name}", first = 0, rows = {shape[-2:][0]}, '
            f"transposed = false, permuted = 0{parts}>]")


def module(directory, target, shapes, *functions):
    """Returns the text of a whole model, its weights in `directory`."""
    parameters = sum(int(np.prod(s)) for s in shapes.values())
    layers = len({n.split(".")[0] for n in shapes if "." in n})
    lines = [*(source(n, s) for n, s in shapes.items()), *functions]
    return f"""module attributes {{
  mica.checkpoint = "{directory}", mica.dtype = f32,
  mica.model = {{dtype = "f32", family = "none", layers = {layers} : i64,
                max_context = 256 : i64, name = "hand-written",
                padded_vocab = 112 : i64, parameters = {parameters} : i64,
                vocab = {V} : i64}},
  mica.target = {target}}} {{
{chr(10).join(lines)}
}}
"""


def write(folder, weights, module):
    """Writes `weights` to a directory in `folder`, and beside it the module that
    `module` makes of that directory; returns the module."""
    directory = folder / "weights"
    directory.mkdir()
    safetensors.numpy.save_file(weights, directory / "model.safetensors")
    (directory / "config.json").write_text("{}")
    text = folder / "model.mlir"
    text.write_text(module(directory))
    return text


@dataclasses.dataclass
class Model:
    """`weights`: the shapes of a layer's weights by name; `body`: lines that make
    %y of the rows %n, the cache %cache and %batch; `tail`: lines that make
    %logits of %scores. `spread` multiplies what is drawn for a weight."""
    weights: dict
    body: list
    heads: int = 2
    key: int = 20
    window: int = 0
    element: str = "f32"
    tail: tuple = ()
    spread: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)

    @property
    def kv(self):
        return (f"!mica.kv<heads = {self.heads}, key = {self.key}, value = "
                f"{self.key}, element = {self.element}, page = 32, window = "
                f"{self.window}>")

    def shapes(self):
        return {f"l{i}.{n}": s for i in range(LAYERS)
                for n, s in ({"norm": [D]} | self.weights).items()} | {
                    "table": [V, D], "last": [D]}

    def layer(self):
        names = {"norm": [D]} | self.weights
        arguments = ", ".join(f"%{n}: {weight_type(s)}" for n, s in names.items())
        lines = [f"%n = mica.rms_norm %x, %norm {{eps = {EPS} : f32}} : "
                 f"{rows(D)}, {weight_type([D])}", *self.body,
                 f"%sum = arith.addf %x, %y : {rows(D)}",
                 f"return %sum, %kv : {rows(D)}, {self.kv}"]
        return (f"func.func private @block(%x: {rows(D)}, %cache: {self.kv}, "
                f"%batch: !mica.batch, {arguments}) -> ({rows(D)}, {self.kv}) "
                "{\n  " + "\n  ".join(lines) + "\n}")

    def step(self):
        table, kv = weight_type([V, D]), self.kv
        layers = ", ".join(
            "#mica.layer<@block, kv = [0], shared = [0], weights = ["
            + ", ".join(f"@l{i}.{n}" for n in ["norm", *self.weights]) + "]>"
            for i in range(LAYERS))
        tail = "\n  ".join(self.tail)
        result = "logits" if self.tail else "scores"
        return f"""
func.func @step(%batch: !mica.batch, %cache: {kv}) -> ({rows(V)}, {kv}) {{
  %table = mica.get_weight @table : {table}
  %last = mica.get_weight @last : {weight_type([D])}
  %ids = mica.tokens %batch : tensor<?xi32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, {table} -> {rows(D)}
  %y, %out = mica.stack %x, (%cache), (%batch) [{layers}]
      : {rows(D)}, ({kv}), (!mica.batch) -> {rows(D)}, {kv}
  %chosen = mica.output_rows %y, %batch : {rows(D)} -> {rows(D)}
  %n = mica.rms_norm %chosen, %last {{eps = {EPS} : f32}} : {rows(D)}, {weight_type([D])}
  %scores = mica.linear %n, %table : {rows(D)}, {table} -> {rows(V)}
  {tail}
  return %{result}, %out : {rows(V)}, {kv}
}}"""

    def text(self, directory, target):
        return module(directory, target, self.shapes(), self.layer(),
                      self.step())

    def drawn(self):
        draw = np.random.default_rng(3)
        out = {}
        for name, shape in self.shapes().items():
            noise = draw.normal(size=shape)
            own = name.split(".")[-1]
            if own in self.values:
                out[name] = np.asarray(self.values[own])
            elif len(shape) == 1:
                out[name] = 1 + 0.3 * noise * self.spread.get(own, 1)
            else:
                out[name] = self.spread.get(own, 1) * noise * shape[1] ** -0.5
        return {n: w.astype(np.float32) for n, w in out.items()}

    def write(self, folder, target):
        """Writes the module and its weights to `folder`; returns the module."""
        return write(folder, self.drawn(),
                     lambda directory: self.text(directory, target))


def linear(result, operand, weight, columns, out):
    return (f"%{result} = mica.linear %{operand}, %{weight} : {rows(columns)}, "
            f"{weight_type([out, columns])} -> {rows(out)}")
