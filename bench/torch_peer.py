"""What the PyTorch sides share: settings, the choices that all have, and first weights as rnnc draws them."""
import math
import time
import warnings

import torch

import peer


def add_arguments(parser):
    peer.add_arguments(parser)
    parser.add_argument("--compile", action="store_true", help="by torch.compile; the time it takes is told apart")


def set_up(args):
    peer.set_up()
    warnings.filterwarnings("ignore", message="TF32 acceleration")
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)


def versions():
    return {"torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()}


def measure(args, choices, make):
    """Times the given variant, or the best one; returns what is printed."""

    def make_run(variant):
        """oneDNN and threads are settings of the whole process, so that a call is no dearer by them."""
        torch.backends.mkldnn.enabled = variant["onednn"]
        torch.set_num_threads(variant["threads"])
        return make(variant)

    variant, tried = peer.choose(args, {**choices, "threads": peer.fewer_threads(args)}, make_run)
    result = {"threads": args.threads, "variant": variant, **versions()}
    before = time.perf_counter()
    run = make_run(variant)  # which may run it, too, to compare what comes out
    if args.compile:
        run()
        run()
        result["first_calls_seconds"] = round(time.perf_counter() - before, 3)
    return result | peer.timed(args, run) | peer.rounded_times(tried)


def compiled(args, module):
    return torch.compile(module) if args.compile else module


# ---- Recurrent layers in two forms ----


class Cells(torch.nn.Module):
    """nn.LSTM's layers as a loop over LSTMCell: [steps, batch, columns], states as nn.LSTM has them."""

    def __init__(self, columns, hidden, layers):
        super().__init__()
        sizes = [columns] + [hidden] * (layers - 1)
        self.cells = torch.nn.ModuleList(torch.nn.LSTMCell(size, hidden) for size in sizes)

    def forward(self, x, states):
        h_last, c_last = [], []
        for layer, cell in enumerate(self.cells):
            h, c = states[0][layer], states[1][layer]
            steps = []
            for column in x.unbind(0):
                h, c = cell(column, (h, c))
                steps.append(h)
            x = torch.stack(steps)
            h_last.append(h)
            c_last.append(c)
        return x, (torch.stack(h_last), torch.stack(c_last))


def make_lstm(form, columns, hidden, layers, keep=1.0):
    if form == "cells":
        if keep < 1 and layers > 1:
            raise ValueError("the loop over cells has no dropout between layers")
        return Cells(columns, hidden, layers)
    return torch.nn.LSTM(columns, hidden, layers, dropout=1 - keep if layers > 1 else 0)


# ---- First weights as rnnc draws them ----


def xavier(matrix):
    """[out, in]"""
    limit = math.sqrt(6 / (matrix.shape[0] + matrix.shape[1]))
    torch.nn.init.uniform_(matrix, -limit, limit)


def initialize_gates(module, gates, hidden):
    """Each gate's matrix by itself; biases zero. PyTorch's second bias does nothing that the first does not, but Adam
    would move both: it stays at zero."""
    for name, weight in module.named_parameters():
        with torch.no_grad():
            if "weight" in name:
                for gate in range(gates):
                    xavier(weight[gate * hidden:(gate + 1) * hidden])
            else:
                weight.zero_()
        weight.requires_grad_("bias_hh" not in name)


def initialize_linear(linear):
    with torch.no_grad():
        xavier(linear.weight)
        linear.bias.zero_()


# ---- Updates ----


def clip_norm(parameters, limit):
    """All gradients together to a norm of at most `limit`; those of embeddings may be sparse."""
    gradients = [p.grad.coalesce() if p.grad.is_sparse else p.grad for p in parameters]
    values = [g.values() if g.is_sparse else g for g in gradients]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))
    scale = torch.clamp(limit / (norm + 1e-6), max=1.0)
    torch._foreach_mul_(values, scale)
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient


class Sgd:
    """W <- W - rate * gradient: torch.optim.SGD without its bookkeeping, and for sparse gradients, too."""

    def __init__(self, parameters, rate):
        self.dense = [p for p in parameters if not getattr(p, "sparse", False)]
        self.sparse = [p for p in parameters if getattr(p, "sparse", False)]
        self.rate = rate

    @torch.no_grad()
    def step(self):
        torch._foreach_add_(self.dense, [p.grad for p in self.dense], alpha=-self.rate)
        for parameter in self.sparse:
            gradient = parameter.grad
            parameter.index_add_(0, gradient.indices()[0], gradient.values(), alpha=-self.rate)


def optimizer_of(kind, parameters, rate):
    parameters = list(parameters)
    if kind == "plain":
        return Sgd(parameters, rate)
    if kind.startswith("sgd"):
        return torch.optim.SGD(parameters, lr=rate, fused=kind == "sgd fused", foreach=kind == "sgd foreach")
    return torch.optim.Adam(parameters, lr=rate, fused=kind == "adam fused", foreach=kind == "adam foreach")
