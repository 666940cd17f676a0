"""The same step in PyTorch: eager with its default Adam, with its fused Adam, or compiled; or an
epoch of MNIST with its DataLoader."""

import math

import torch
from case import BETA1, BETA2, EPS, LR, SIGMA_MIN, batches, epochs, from_argv, mnist, run
from torch import nn
from torch.nn import functional as F

from numvae.hardware import blas_threads

case, amount, mode = from_argv()
torch.set_num_threads(blas_threads())
torch.manual_seed(0)
ACTIVATION = {"tanh": nn.Tanh, "relu": nn.ReLU}[case.activation]
LOG_FLOOR = math.log(SIGMA_MIN**2)


def mlp(shapes):
    return nn.Sequential(*(part for s in shapes for part in (nn.Linear(*s), ACTIVATION())))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        encoder, decoder = case.layers()
        self.encoder, self.decoder = mlp(encoder), mlp(decoder)
        self.mu = nn.Linear(case.hidden[-1], case.Z)
        self.logvar = nn.Linear(case.hidden[-1], case.Z)
        self.heads = nn.ModuleList(nn.Linear(case.hidden[0], case.D) for _ in range(case.heads()))

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        g = self.decoder(z)
        if case.likelihood == "bernoulli":
            nll = F.binary_cross_entropy_with_logits(self.heads[0](g), x, reduction="sum")
        else:
            mean, s = self.heads[0](g), self.heads[1](g)
            v = F.softplus(s - LOG_FLOOR) + LOG_FLOOR
            nll = 0.5 * torch.sum((x - mean) ** 2 * torch.exp(-v) + v + math.log(2 * math.pi))
        kl = 0.5 * torch.sum(mu * mu + logvar.exp() - 1.0 - logvar)
        return (nll + kl) / len(x)


model = VAE()
optimizer = torch.optim.Adam(
    model.parameters(),
    lr=LR,
    betas=(BETA1, BETA2),
    eps=EPS,
    fused=mode in ("fused", "compile") or None,
)
loss_of = torch.compile(model) if mode == "compile" else model


def step(x):
    optimizer.zero_grad()
    loss = loss_of(x)
    loss.backward()
    optimizer.step()
    return loss.item()


if mode == "epoch":
    X = torch.utils.data.TensorDataset(torch.from_numpy(mnist()))
    loader = torch.utils.data.DataLoader(X, batch_size=case.B, shuffle=True)
    epochs(lambda: [step(x) for (x,) in loader], int(amount))
else:
    run(step, torch.from_numpy(batches(case)), amount)
