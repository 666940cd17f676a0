"""What a type checker makes of numvae: mypy reads this file, in .ci/run; nobody runs it."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from typing_extensions import assert_type

import numvae
from numvae import VAE
from numvae.network import Autoencoder
from numvae.settings import Settings

X = np.zeros((100, 3))
vae = VAE(2, hidden=64, likelihood="gaussian:2,bernoulli:1", random_state=np.random.default_rng(0))
VAE(hidden=[64, 8], denoise=("gaussian", 0.1), epochs=None, clip=None, contamination=0.05)
VAE(hidden="64")  # type: ignore[arg-type]
VAE(early_stopping=True)  # type: ignore[call-arg]
VAE(2, (64,))  # type: ignore[call-arg]

assert_type(vae.fit(X), VAE)
assert_type(vae.partial_fit([[1.0, 2.0, 3.0]]), VAE)
assert_type(vae.set_params(lr=0.1).set_output(transform="pandas"), VAE)
assert_type(vae.fit_transform(X), np.ndarray)
assert_type(vae.fit_predict(X), np.ndarray)
assert_type(vae.transform(X), np.ndarray)
assert_type(vae.encode(X, random_state=0), tuple[np.ndarray, np.ndarray, np.ndarray])
assert_type(vae.decode(X), Any)
assert_type(vae.inverse_transform(X), Any)
assert_type(vae.reconstruct(X), Any)
assert_type(vae.sample(3, random_state=0), Any)
assert_type(vae.score_samples(X), np.ndarray)
assert_type(vae.elbo(X), np.ndarray)
assert_type(vae.score(X), float)
assert_type(vae.predict(X), np.ndarray)
assert_type(vae.decision_function(X), np.ndarray)
assert_type(vae.p_values(X), np.ndarray)
assert_type(vae.p_values(X, X_reference=X), np.ndarray)
assert_type(vae.impute(X), Any)
assert_type(vae.plot(X, [1, 2], shape=(1, 3)), Figure)
assert_type(vae.explore("page.html", X), Path)
assert_type(vae.offset_, float)
assert_type(vae.sigma_, np.ndarray)
assert_type(vae.best_epoch_, int)
assert_type(vae.n_latent, int | None)
assert_type(vae.history_[-1]["train_elbo"], float)
assert_type(vae.network_, Autoencoder)
vae.save("vae.npz")
vae.fit(X, comm=None).get_params(deep=False)["lr"]
vae.get_feature_names_out()
vae.fit(X, 3, 4)  # type: ignore[call-arg]
vae.sample(n="3")  # type: ignore[arg-type]


class Mine(VAE):
    pass


assert_type(Mine().fit(X), Mine)
assert_type(numvae.load(Path("vae.npz")), VAE)
assert_type(vae.checked(), Settings)
numvae.load(3)  # type: ignore[arg-type]
