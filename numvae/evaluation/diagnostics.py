"""What is going on inside a trained model: which latent units work, what the code is worth, and how
the loss reads in other programs. `diagnose` measures, `lines` puts it into words.
"""

import numpy as np

from numvae.evaluation import conventions, importance
from numvae.network.likelihoods import COUNTS, parse_blocks
from numvae.rows import (
    BLOCK_ROWS,
    beside,
    blocks,
    by_blocks,
    column_moments,
    split_condition,
)
from numvae.rules import (
    bernoulli,
    categorical,
    codes,
    continuous_bernoulli,
    gaussian,
    negative_binomial,
    poisson,
)
from numvae.streams import EVALUATION, stream

ACTIVE = 0.01  # Burda, Grosse & Salakhutdinov 2016: a unit whose mean code varies more is active
FEW = 0.1  # fewer than this share of the units active: collapsed
HEAVY = 0.7  # Vehtari et al. 2024: from this Pareto k̂ on, the error of log p(x) is no guide
MANY = 0.1  # heavy tails in more than this share of the rows: the mean of log p(x) is biased
FAR = 1.0  # nats from the aggregate posterior to the prior: e^−1 of its draws are like the data


def diagnose(
    model,
    X,
    inputs,
    estimate,
    n_samples,
    X_train=None,
    gray_levels=None,
    batch_size=100,
    from_prior=None,
):
    """Everything that `lines` prints, as a dict of plain numbers and arrays.

    The nll is −elbo − kl, with the bound from the samples and the KL in closed form, which has less
    noise than log p(x|z) alone.

    inputs          how the model takes rows, see `numvae.rows.Inputs`
    estimate        of the rows of X, by `importance.estimate` with n_samples draws
    X_train         where the baseline is fitted; without it there is no baseline
    gray_levels     of pixels that are modelled as a density, for the bits per dimension
    batch_size      of the loss to be compared with
    from_prior      what `aggregate.from_prior` returned, if it was asked

    Shapes  X (N, D), X_train (M, D)
    Units   nats per example; arrays (Z,) say something about each latent unit, pareto_k (N,) about
            each example
    """
    each = latent_units(*encode(model, X, inputs))
    D, Z = model.n_features, model.n_latent
    log_p, log_p_error = importance.mean_and_error(estimate.log_p)
    elbo, elbo_error = importance.mean_and_error(estimate.elbo)
    kl = float(each["kl"].sum())
    result = {
        "n_examples": len(X),
        "n_features": D,
        "n_latent": Z,
        "n_samples": n_samples,
        "log_p": log_p,
        "log_p_error": log_p_error,
        "monte_carlo_error": float(np.sqrt((estimate.standard_error**2).sum()) / len(X)),
        "effective_samples": float(np.median(estimate.effective_samples)),
        "pareto_k": estimate.pareto_k,
        "elbo": elbo,
        "elbo_error": elbo_error,
        "nll": -elbo - kl,
        "kl": kl,
        "gap": log_p - elbo,
        "bits": conventions.bits_per_dimension(elbo, D, gray_levels),
        "baseline": None,
        "lost_without_z": lost_without_z(model, X, inputs),
        "n_active": int((each["activity"] > ACTIVE).sum()),
        "units": each,
        "from_prior": from_prior,
        "batch_size": batch_size,
        "conventions": conventions.conventions(-elbo - kl, kl, D, Z, batch_size),
    }
    if X_train is not None:
        moments = [moment[:D] for moment in column_moments(X_train)]
        log_px = by_blocks(lambda rows: baseline(model.config, moments, *inputs(rows)[:2]), X)
        result["baseline"] = float(log_px.mean())
    return result


def encode(model, X, inputs):
    """q(z|x) of every row, a block at a time. Shapes  X (N, D + C) → mu, logvar (N, Z)"""

    def of_block(rows):
        x, _, y = inputs(rows)
        return model.encode(x, y)

    return by_blocks(of_block, X)


def decode(method, z, y=None):
    """What a method of a model, its `decode` or its `sample`, makes of codes in its dtype, a block
    at a time. Shapes  z (N, Z), y (N, C) or None → (N, D)"""
    C = 0 if y is None else y.shape[1]
    return by_blocks(lambda rows: method(*split_condition(rows, C)), beside(z, y))


def reconstruct(model, X, inputs):
    """The mean of p(x|z) at the mean of q(z|x) of every row. Shapes  X (N, D + C) → (N, D)"""

    def of_block(rows):
        x, _, y = inputs(rows)
        return model.decode(model.encode(x, y)[0], y)

    return by_blocks(of_block, X)


def latent_units(mu, logvar):
    """What each latent unit does.

    kl          mean over the data of KL( q(z|x) ‖ N(0, 1) ), nats
    activity    (S4): 0 if the unit says the same for every example
    mean, std   of its aggregate posterior, (S3)

    Shapes  mu, logvar (N, Z) → dict of (Z,) float64
    """
    mu, logvar = np.asarray(mu, np.float64), np.asarray(logvar, np.float64)
    mean, variance = codes.aggregate(mu, logvar)
    return {
        "kl": gaussian.kl(mu, logvar).mean(axis=0),
        "activity": codes.activity(mu),
        "mean": mean,
        "std": np.sqrt(variance),
    }


def lost_without_z(model, X, inputs):
    """By how many nats log p(x|z) falls, on average, if the decoder is given the z of another
    example, and its own y. 0: z might as well be noise, so the decoder has learned to do without.

    The examples are the first block of X, in a random circle in which each takes its neighbour's z.
    (The spread of the decoder's output over the prior would answer another question: a decoder can
    move with z although z has nothing to do with x.) A wrong z misleads, so the fall is larger than
    what z tells, which is at most the KL.

    Units   nats per example; NaN for a single example, which has no other
    """
    x, observed, y = inputs(next(blocks(X, BLOCK_ROWS)))
    if len(x) < 2:
        return float("nan")
    rng = stream(inputs.seed, *EVALUATION, 0, len(x))
    z = gaussian.sample(rng, *model.encode(x, y))
    circle = rng.permutation(len(x))
    other = np.empty_like(circle)
    other[circle] = np.roll(circle, 1)
    right, wrong = model.log_likelihood(x, np.stack([z, z[other]]), observed, y)
    return float(np.mean(right - wrong, dtype=np.float64))


def baseline(config, moments, x, observed=None):
    """log p(x) under a model without z: independent columns, each with the distribution that fits
    the training data best. A VAE that is not better has learned no dependence between columns.

        bernoulli              p = (1 + Σ x) / (2 + n)     (X1)
        categorical            p = (1 + Σ x) / (K + n)     (X2)
        poisson                rate = (1 + Σ x) / (1 + n)  (X3)
        negative-binomial      mean as (X3), and the dispersion of the column's variance, by (P30)
        continuous-bernoulli   mean = that of the column, from 0.02 to 0.98 as in (C4)
        gaussian, all three    mean and variance of the column, but at least sigma_min²; where
                               columns are standardised, that is of one that does not vary

    The ones in X1 to X3 are Laplace's: what was never seen is not impossible.

    config      the model's; its likelihood says which, and in which blocks of columns
    moments     n, mean, variance of the training data, as `rows.column_moments` gives them

    Shapes  moments (D,), x, observed (B, D) → (B,) float64
    Units   nats
    """
    x = np.asarray(x, np.float64)
    n, mean, variance = moments
    total = np.zeros(len(x))
    for kind, here in parse_blocks(config["likelihood"], x.shape[1]):
        known = None if observed is None else observed[:, here]
        least = np.full(len(mean[here]), config["sigma_min"] ** 2)
        if config["standardize"]:
            least[variance[here] > 0.0] = 0.0
        terms = n[here], mean[here], np.maximum(variance[here], least)
        total += _independent(kind, x[:, here], known, *terms)
    return total


def _independent(kind, x, observed, n, mean, variance):
    """`baseline` of one block of columns."""
    if kind.startswith("gaussian"):
        return gaussian.log_density(x, mean, np.log(variance), observed)
    if kind == "categorical":
        rule, a = categorical, np.log(1.0 + n * mean)  # its softmax divides by K + n
    elif kind == "bernoulli":
        p = (1.0 + n * mean) / (2.0 + n)
        rule, a = bernoulli, np.log(p) - np.log1p(-p)
    elif kind in COUNTS:
        rule, a = poisson, np.log(1.0 + n * mean) - np.log(1.0 + n)
        if kind == "negative-binomial":
            log_r = negative_binomial.log_dispersion(np.exp(a), variance)
            return negative_binomial.log_likelihood(x, a, log_r, observed)
    else:
        rule, a = continuous_bernoulli, continuous_bernoulli.logits_of_mean(mean)
    return rule.log_likelihood(x, np.broadcast_to(a, x.shape), observed)


def collapsed(each):
    """A line if hardly any latent unit is used (see `latent_units`)."""
    Z, n_active = len(each["kl"]), int((each["activity"] > ACTIVE).sum())
    if n_active > FEW * Z:
        return []
    return [
        f"The posterior has collapsed: {n_active} of {Z} units tell anything about x. "
        "Warm beta up from 0, give each unit some free bits, or lower beta."
    ]


def distance(from_prior, conditioned=False):
    """A line that says how far the codes are from the prior, if it was measured."""
    if from_prior is None:
        return []
    nats, error = from_prior
    nats = max(nats, 0.0)  # a KL is no less, only its estimate is
    line = (
        f"  codes     {nats:10.2f} ± {error:.2f} nats from the prior, at least: KL( q(z) ‖ p(z) )"
    )
    return [line + ", of all y together: of one y it may be more" * conditioned]


def advice(each, from_prior=None):
    """A line for each thing that is wrong with the latent units (see `latent_units`), or with where
    the codes lie (see `aggregate.from_prior`)."""
    lines = collapsed(each)
    nats, error = from_prior or (0.0, 0.0)
    if not lines and nats - 2.0 * error > FAR:
        lines.append(
            f"The codes are at least {nats:.1f} nats from the prior, so most samples from the "
            "prior are unlike the data. Draw them from the mixture that is fitted to the codes: "
            'sample(source="mixture"), or evaluate sample --source mixture.'
        )
    return lines


def doubts(pareto_k):
    """What is wrong with log p(x) beyond its error, as lines, if anything is.

    Shapes  pareto_k (N,) of `importance.Estimate`
    """
    if np.isnan(pareto_k).all():
        return ["            (too few draws to tell how far log p(x) is too low; take more draws)"]
    share = np.mean(pareto_k > HEAVY)
    if share <= MANY:
        return []
    return [
        f"            (the weights of {share:.0%} of the examples have a heavy tail, Pareto k̂ "
        f"above {HEAVY}:",
        "            log p(x) is probably too low, by more than its error says, and more draws",
        "            raise it slowly; compare models by equally many)",
    ]


def lines(m, most=10):
    """What `diagnose` measured, as lines of text; of the latent units, the `most` of most KL."""
    each, Z = m["units"], m["n_latent"]
    text = [
        f"{m['n_examples']:,} examples of {m['n_features']:,} numbers, {Z} latent units; "
        "nats per example, higher is better:",
        f"  log p(x)  {m['log_p']:10.2f} ± {m['log_p_error']:.2f}  importance sampling, "
        f"{m['n_samples']:,} draws, of which {m['effective_samples']:.1f} effective; "
        f"± {m['monte_carlo_error']:.2f} by the draws alone",
        *doubts(m["pareto_k"]),
        f"  ELBO      {m['elbo']:10.2f} ± {m['elbo_error']:.2f}  = −nll − KL = "
        f"−({m['nll']:.2f}) − {m['kl']:.2f}; {m['bits']:.3f} bits per dimension",
        f"  gap       {m['gap']:10.2f}  at least, lost because q(z|x) is not quite right",
    ]
    text += distance(m["from_prior"])
    if m["baseline"] is not None:
        text.append(
            f"  baseline  {m['baseline']:10.2f}  independent columns and no z; the ELBO is "
            f"{abs(m['elbo'] - m['baseline']):.2f} "
            f"{'better' if m['elbo'] >= m['baseline'] else 'worse'}"
        )
    text += [
        f"  wrong z   {-m['lost_without_z']:10.2f}  log p(x|z) changes by that with the z of "
        "another example (0: the decoder ignores z)",
        f"Active units: {m['n_active']} of {Z} (the mean code varies by more than {ACTIVE}).",
        f"  {'unit':>6}{'KL':>8}{'activity':>10}{'mean':>8}{'std':>7}   (all codes: 0 and 1)",
    ]
    for u in each["kl"].argsort()[::-1][:most]:
        text.append(
            f"  {u + 1:>6}{each['kl'][u]:8.3f}{each['activity'][u]:10.4f}{each['mean'][u]:8.3f}"
            f"{each['std'][u]:7.3f}"
        )
    if most < Z:
        rest = np.sort(each["kl"])[:-most].sum()
        text.append(f"  {'others':>6}{rest:8.3f}  the other {Z - most} together")
    text.append(
        f"The same loss as other programs print it (D = {m['n_features']}, Z = {Z}, batches of "
        f"{m['batch_size']}), and the beta it corresponds to:"
    )
    text += [f"  {c.loss:14.5g}   beta {c.beta:<10.4g} {c.name}" for c in m["conventions"]]
    return text + advice(each, m["from_prior"])
