"""Every gradient of the rules, and the formulas that they stand on, derived line by line.

A line has an equation, a Python expression that computes the same, and the reason why it equals the
line above. The first line is a definition (of a gradient, the chain rule with all indices), the
last one is the call of the rule.

A small letter runs over its axis: n rows, i inputs and o outputs of a layer, j units, d numbers of
a row, k categories, l samples. A second index of the same axis has a prime in the equation and is a
capital in `einsum`: ∂y_no′/∂W_io is "nOio". δ_oo′ is 1 where o = o′, else 0. Indices are left out
where every factor has the same. E_q of a polynomial in z is the mean over `nodes`, which stand for
the draws of ε. `derivations` has what the expressions call. A mask `observed` is left out: what it
multiplies by 0 has no gradient.

Read next: derivations.
"""

from typing import NamedTuple


class Line(NamedTuple):
    """One line of a derivation."""

    equation: str  # begins with "=" or "≥", but for the first
    code: str  # what computes it
    reason: str


class Derivation(NamedTuple):
    """What a rule computes, from its definition to the call of the rule."""

    rule: str  # file.function
    of: str  # what is derived
    given: dict  # name → the expression that draws or computes it
    lines: tuple


DERIVATIONS = []


def derive(rule, of, given, *lines):
    """Append a Derivation; the equation of its last line, (code, reason), is the code itself."""
    *lines, (code, reason) = lines
    lines = [*map(Line._make, lines), Line(f"= {code}", code, reason)]
    DERIVATIONS.append(Derivation(rule, of, given, tuple(lines)))


# fmt: off
AFFINE = {"dy": "normal(B, O)", "x": "normal(B, I)", "W": "normal(I, O)", "b": "normal(O)"}
derive(
    "dense.backward", "dW", AFFINE,
    ("dW_io = Σ_no′ dy_no′ ∂y_no′/∂W_io",
     'einsum("nO,nOio->io", dy, jacobian(lambda W: x @ W + b, W))',
     "W_io can reach the loss through every y_no′: the chain rule."),
    ("= Σ_no′ dy_no′ x_ni δ_oo′",
     'einsum("nO,ni,oO->io", dy, x, eye(O))',
     "y_no′ = Σ_i x_ni W_io′ + b_o′ contains W_io only if o′ = o, times x_ni."),
    ("= Σ_n x_ni dy_no",
     'einsum("ni,no->io", x, dy)',
     "In the sum over o′ one term is not 0. All rows share W: the sum over n stays."),
    ("= (xᵀ dy)_io",
     "x.T @ dy",
     "A matrix product sums over the inner index, here n."),
    ("dense.backward(dy, x, W)[1]", "The rule, (D2)."),
)
derive(
    "dense.backward", "db", AFFINE,
    ("db_o = Σ_no′ dy_no′ ∂y_no′/∂b_o",
     'einsum("nO,nOo->o", dy, jacobian(lambda b: x @ W + b, b))',
     "b_o can reach the loss through every y_no′: the chain rule."),
    ("= Σ_no′ dy_no′ δ_oo′",
     'einsum("nO,oO->o", dy, eye(O))',
     "y_no′ = Σ_i x_ni W_io′ + b_o′ contains b_o only if o′ = o, times 1."),
    ("= Σ_n dy_no",
     "dy.sum(axis=0)",
     "In the sum over o′ one term is not 0. All rows share b: the sum over n stays."),
    ("dense.backward(dy, x, W)[2]", "The rule, (D3)."),
)
derive(
    "dense.backward", "dx", AFFINE,
    ("dx_ni = Σ_n′o dy_n′o ∂y_n′o/∂x_ni",
     'einsum("No,Noni->ni", dy, jacobian(lambda x: x @ W + b, x))',
     "x_ni can reach the loss through every y_n′o: the chain rule."),
    ("= Σ_n′o dy_n′o W_io δ_n′n",
     'einsum("No,io,Nn->ni", dy, W, eye(B))',
     "y_n′o = Σ_i x_n′i W_io + b_o contains x_ni only if n′ = n, times W_io."),
    ("= Σ_o dy_no W_io",
     'einsum("no,io->ni", dy, W)',
     "In the sum over n′ one term is not 0: a row goes into its own outputs only."),
    ("= (dy Wᵀ)_ni",
     "dy @ W.T",
     "A matrix product sums over the inner index, here o."),
    ("dense.backward(dy, x, W)[0]", "The rule, (D4)."),
)


def elementwise(rule, of, given, y, f, *lines, x=None, j="j"):
    """The derivative `of` = dx of y = f(x), each of whose numbers depends on one number of x.

    x   how equations write it, if not as the code does
    j   the letter that runs over the last axis
    """
    a, n, N = of[1:], f"n{j}", f"n′{j}′"
    x = x or a
    derive(
        rule, of, given,
        (f"d{x}_{n} = Σ_{N} d{y}_{N} ∂{y}_{N}/∂{x}_{n}",
         f'einsum("{n.upper()},{n.upper()}{n}->{n}", d{y}, jacobian(lambda {a}: {f}, {a}))',
         f"{x}_{n} can reach the loss through every {y}_{N}: the chain rule."),
        (f"= d{y}_{n} ∂{y}_{n}/∂{x}_{n}",
         f'd{y} * einsum("{n}{n}->{n}", jacobian(lambda {a}: {f}, {a}))',
         f"{y}_{N} depends on {x}_{N} alone: one term of the sum is not 0."),
        *lines,
    )


def activation(name, f, *lines):
    """The derivative of an activation; f is its definition."""
    given = {"a": "normal(B, H)", "dh": "normal(B, H)", "h": f"activations.{name}(a)"}
    elementwise(f"activations.{name}_backward", "da", given, "h", f, *lines)


activation(
    "linear", "a",
    ("= dh_nj · 1",
     "dh * 1.0",
     "h = a, which has the slope 1."),
    ("activations.linear_backward(dh, h)", "The rule, (H2)."),
)
activation(
    "tanh", "sinh(a) / cosh(a)",
    ("= dh (cosh² a − sinh² a) / cosh² a",
     "dh * (cosh(a) ** 2 - sinh(a) ** 2) / cosh(a) ** 2",
     "The quotient rule, with sinh′ = cosh and cosh′ = sinh."),
    ("= dh (1 − tanh² a)",
     "dh * (1.0 - tanh(a) ** 2)",
     "cosh² / cosh² = 1 and sinh² / cosh² = tanh²."),
    ("= dh (1 − h²)",
     "dh * (1.0 - h**2)",
     "h = tanh a is known already, so a need not be remembered."),
    ("activations.tanh_backward(dh, h)", "The rule, (H4)."),
)
activation(
    "relu", "maximum(a, 0.0)",
    ("= dh where a > 0, 0 where a < 0",
     "where(a > 0.0, dh, 0.0)",
     "a has the slope 1, and 0 the slope 0. At a = 0 there is no derivative: the rule takes 0."),
    ("= dh where h > 0, else 0",
     "where(h > 0.0, dh, 0.0)",
     "h > 0 exactly where a > 0."),
    ("activations.relu_backward(dh, h)", "The rule, (H6)."),
)
activation(
    "elu", "where(a.real > 0.0, a, exp(a) - 1.0)",
    ("= dh where a > 0, else dh e^a",
     "where(a > 0.0, dh, dh * exp(a))",
     "a has the slope 1, e^a − 1 the slope e^a. At a = 0 both are 1: no kink."),
    ("= dh where h > 0, else dh (h + 1)",
     "where(h > 0.0, dh, dh * (h + 1.0))",
     "h > 0 exactly where a > 0; elsewhere h = e^a − 1, so e^a = h + 1."),
    ("activations.elu_backward(dh, h)", "The rule, (H8)."),
)
activation(
    "softplus", "log(1.0 + exp(a))",
    ("= dh e^a / (1 + e^a)",
     "dh * exp(a) / (1.0 + exp(a))",
     "log s has the derivative s′/s, and s = 1 + e^a has s′ = e^a."),
    ("= dh (1 − 1 / (1 + e^a))",
     "dh * (1.0 - 1.0 / (1.0 + exp(a)))",
     "e^a = (1 + e^a) − 1."),
    ("= dh (1 − e^−h)",
     "dh * (1.0 - exp(-h))",
     "h = log(1 + e^a), so e^h = 1 + e^a."),
    ("activations.softplus_backward(dh, h)", "The rule, (H10)."),
)
activation(
    "sigmoid", "1.0 / (1.0 + exp(-a))",
    ("= dh e^−a / (1 + e^−a)²",
     "dh * exp(-a) / (1.0 + exp(-a)) ** 2",
     "1/s has the derivative −s′/s², and s = 1 + e^−a has s′ = −e^−a."),
    ("= dh h e^−a / (1 + e^−a)",
     "dh * h * exp(-a) / (1.0 + exp(-a))",
     "One of the two factors 1 / (1 + e^−a) is h."),
    ("= dh h (1 − h)",
     "dh * h * (1.0 - h)",
     "e^−a = (1 + e^−a) − 1, so the last factor is 1 − h."),
    ("activations.sigmoid_backward(dh, h)", "The rule, (H12)."),
)
elementwise(
    "dropout.backward", "dh",
    {"dy": "normal(B, H)", "h": "normal(B, H)", "rate": "0.3",
     "mask": "1.0 * (uniform(B, H) > rate)"},
    "y", "h * mask / (1.0 - rate)",
    ("= dy_nj m_nj / (1 − rate)",
     "dy * mask / (1.0 - rate)",
     "y = h m / (1 − rate), and neither m nor the rate depends on h."),
    ("dropout.backward(dy, mask, rate)", "The rule, (Q2): the same mask as forward."),
)

NOISE = {
    "dz": "normal(L, B, Z)", "eps": "normal(L, B, Z)",
    "mu": "normal(B, Z)", "logvar": "normal(B, Z)",
}
derive(
    "gaussian.reparameterize_backward", "dmu", NOISE,
    ("dμ_nj = Σ_ln′j′ dz_ln′j′ ∂z_ln′j′/∂μ_nj",
     'einsum("lNJ,lNJnj->nj", dz, jacobian(lambda mu: mu + exp(0.5 * logvar) * eps, mu))',
     "μ_nj can reach the loss through every z_ln′j′: the chain rule."),
    ("= Σ_ln′j′ dz_ln′j′ δ_n′n δ_j′j",
     'einsum("lNJ,Nn,Jj->nj", dz, eye(B), eye(Z))',
     "z_ln′j′ = μ_n′j′ + σ_n′j′ ε_ln′j′ contains μ_nj only if n′ = n and j′ = j, times 1."),
    ("= Σ_l dz_lnj",
     "dz.sum(axis=0)",
     "Of the sums over n′ and j′ one term is left. The L samples share μ: the sum over l stays."),
    ("gaussian.reparameterize_backward(dz, logvar, eps)[0]", "The rule, (Z2)."),
)
derive(
    "gaussian.reparameterize_backward", "dlogvar", NOISE,
    ("dlogvar_nj = Σ_ln′j′ dz_ln′j′ ∂z_ln′j′/∂logvar_nj",
     'einsum("lNJ,lNJnj->nj", dz, jacobian(lambda logvar: mu + exp(0.5 * logvar) * eps, logvar))',
     "logvar_nj can reach the loss through every z_ln′j′: the chain rule."),
    ("= Σ_l dz_lnj ε_lnj ∂σ_nj/∂logvar_nj",
     'einsum("lnj,lnj,njnj->nj", dz, eps, jacobian(lambda logvar: exp(0.5 * logvar), logvar))',
     "z_lnj = μ_nj + σ_nj ε_lnj contains logvar in σ_nj only, which is multiplied by ε."),
    ("= Σ_l dz_lnj ε_lnj ½ σ_nj",
     '(dz * eps * (0.5 * exp(0.5 * logvar))).sum(axis=0)',
     "σ = e^(½ logvar): its derivative is ½ σ. This is the ½ that is so often forgotten."),
    ("= (Σ_l dz_lnj ε_lnj) ½ σ_nj",
     '(dz * eps).sum(axis=0) * (0.5 * exp(0.5 * logvar))',
     "½ σ is the same for all samples."),
    ("gaussian.reparameterize_backward(dz, logvar, eps)[1]", "The rule, (Z3)."),
)

KL = {"dkl": "normal(B, Z)", "mu": "normal(B, Z)", "logvar": "normal(B, Z)"}
FORM = "0.5 * (mu**2 + exp(logvar) - 1.0 - logvar)"
elementwise(
    "gaussian.kl_backward", "dmu", KL, "kl", FORM,
    ("= dkl_nj μ_nj",
     "dkl * mu",
     "Of kl = ½ (μ² + e^logvar − 1 − logvar), only ½ μ² contains μ."),
    ("gaussian.kl_backward(dkl, mu, logvar)[0]", "The rule, (K2)."),
    x="μ",
)
elementwise(
    "gaussian.kl_backward", "dlogvar", KL, "kl", FORM,
    ("= dkl_nj ½ (e^logvar_nj − 1)",
     "dkl * 0.5 * (exp(logvar) - 1.0)",
     "Of kl, ½ (e^logvar − logvar) contains logvar; e^logvar is its own derivative."),
    ("gaussian.kl_backward(dkl, mu, logvar)[1]",
     "The rule, (K3); expm1 is e^logvar − 1 without loss of digits near 0."),
)

SAMPLED = {
    "dkl": "normal(L, B)", "eps": "normal(L, B, Z)", "mu": "normal(B, Z)", "logvar": "normal(B, Z)",
    "z": "mu + exp(0.5 * logvar) * eps",
    "log_q": "lambda logvar: -0.5 * (eps**2 + logvar + log(2.0 * pi)).sum(axis=-1)",
    "log_p": "lambda z: -0.5 * (z**2 + log(2.0 * pi)).sum(axis=-1)",
}
derive(
    "gaussian.sampled_kl_backward", "dz", SAMPLED,
    ("dz_lnj = Σ_l′n′ dkl_l′n′ ∂kl_l′n′/∂z_lnj",
     'einsum("LN,LNlnj->lnj", dkl, jacobian(lambda z: log_q(logvar) - log_p(z), z))',
     "z_lnj can reach the loss through every kl_l′n′ = log q − log p: the chain rule."),
    ("= dkl_ln ∂kl_ln/∂z_lnj",
     'einsum("ln,lnlnj->lnj", dkl, jacobian(lambda z: log_q(logvar) - log_p(z), z))',
     "kl_l′n′ depends on the z of its own sample and row: one term of the sum is not 0."),
    ("= −dkl_ln ∂log p(z_ln)/∂z_lnj",
     'einsum("ln,lnlnj->lnj", -dkl, jacobian(log_p, z))',
     "(z − μ)/σ is ε for any μ and σ: log q = −½ Σ_j (ε² + logvar + log 2π) contains no z."),
    ("= dkl_ln z_lnj",
     "dkl[:, :, None] * z",
     "log p = −½ Σ_j (z² + log 2π) has the derivative −z. μ is in z alone: no dμ is left."),
    ("gaussian.sampled_kl_backward(dkl, z)[0]",
     "The rule, (K5). From z, (Z2, Z3) lead on to μ and logvar."),
)
derive(
    "gaussian.sampled_kl_backward", "dlogvar", SAMPLED,
    ("dlogvar_nj = Σ_ln′ dkl_ln′ ∂kl_ln′/∂logvar_nj",
     'einsum("lN,lNnj->nj", dkl, jacobian(lambda logvar: log_q(logvar) - log_p(z), logvar))',
     "With z and ε fixed, as arguments: logvar_nj can reach the loss through every kl_ln′."),
    ("= Σ_l dkl_ln ∂log q_ln/∂logvar_nj",
     'einsum("ln,lnnj->nj", dkl, jacobian(log_q, logvar))',
     "With z and ε fixed, only log q of row n contains logvar_nj."),
    ("= Σ_l dkl_ln (−½)",
     'einsum("ln,nj->nj", dkl, -0.5 * ones((B, Z)))',
     "log q = −½ Σ_j (ε² + logvar + log 2π). The L samples share logvar: the sum over l stays."),
    ("= −½ Σ_l dkl_ln for every j",
     "broadcast_to(-0.5 * dkl.sum(axis=0)[:, None], (B, Z))",
     "It is the same for every j: a column (B, 1) is enough, and NumPy repeats it."),
    ("gaussian.sampled_kl_backward(dkl, z)[1] * ones((B, Z))",
     "The rule, (K6), its column repeated."),
)

DENSITY = {
    "dlogp": "normal(B)", "x": "normal(B, D)", "mu": "normal(B, D)", "logvar": "normal(B, D)",
    "N": "lambda mu, logvar: exp(-((x - mu) ** 2) / (2.0 * exp(logvar)))"
         " / sqrt(2.0 * pi * exp(logvar))",
    "log_p": "lambda mu, logvar: -0.5 * ((x - mu) ** 2 * exp(-logvar) + logvar + log(2.0 * pi))",
}
derive(
    "gaussian.log_density_backward", "dmu", DENSITY,
    ("dμ_nd = Σ_n′ dlogp_n′ ∂log Π_d′ N(x_n′d′; μ_n′d′, σ²_n′d′)/∂μ_nd",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda mu: log(N(mu, logvar).prod(axis=-1)), mu))',
     "The chain rule. The numbers of a row are independent: their densities multiply."),
    ("= dlogp_n ∂/∂μ_nd (−½) ((x − μ)² e^−logvar + logvar + log 2π)",
     'einsum("n,ndnd->nd", dlogp, jacobian(lambda mu: log_p(mu, logvar), mu))',
     "log Π = Σ log, and N = e^(−(x − μ)²/2σ²) / √(2πσ²). One term contains μ_nd."),
    ("= dlogp_n (−½) (−2) (x_nd − μ_nd) e^−logvar_nd",
     "dlogp[:, None] * (-0.5) * (-2.0) * (x - mu) * exp(-logvar)",
     "(x − μ)² has the derivative −2 (x − μ) in μ; the other terms contain no μ."),
    ("= dlogp_n (x_nd − μ_nd) e^−logvar_nd",
     "dlogp[:, None] * (x - mu) * exp(-logvar)",
     "(−½)(−2) = 1. In x it is the same with the sign turned."),
    ("gaussian.log_density_backward(dlogp, x, mu, logvar)[0]", "The rule, (G2)."),
)
derive(
    "gaussian.log_density_backward", "dlogvar", DENSITY,
    ("dlogvar_nd = Σ_n′ dlogp_n′ ∂log Π_d′ N(x_n′d′; μ_n′d′, σ²_n′d′)/∂logvar_nd",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda s: log(N(mu, s).prod(axis=-1)), logvar))',
     "The chain rule. The numbers of a row are independent: their densities multiply."),
    ("= dlogp_n ∂/∂logvar_nd (−½) ((x − μ)² e^−logvar + logvar + log 2π)",
     'einsum("n,ndnd->nd", dlogp, jacobian(lambda s: log_p(mu, s), logvar))',
     "log Π = Σ log, with σ² = e^logvar. One term contains logvar_nd."),
    ("= dlogp_n (−½) (−(x_nd − μ_nd)² e^−logvar_nd + 1)",
     "dlogp[:, None] * -0.5 * (-((x - mu) ** 2) * exp(-logvar) + 1.0)",
     "e^−logvar has the derivative −e^−logvar, logvar has 1, and log 2π is a constant."),
    ("= dlogp_n ½ ((x_nd − μ_nd)² e^−logvar_nd − 1)",
     "dlogp[:, None] * 0.5 * ((x - mu) ** 2 * exp(-logvar) - 1.0)",
     "The sign goes into the bracket. log p rises with σ where the error is larger than σ."),
    ("gaussian.log_density_backward(dlogp, x, mu, logvar)[1]",
     "The rule, (G3). A logvar that all rows share gets the sum over n, by the caller."),
)
elementwise(
    "gaussian.floor_logvar_backward", "ds",
    {"dlogvar": "normal(B, D)", "s": "normal(B, D)", "floor": "0.3",
     "logvar": "gaussian.floor_logvar(s, floor)"},
    "logvar", "log(exp(s) + floor)",
    ("= dlogvar e^s / (e^s + floor)",
     "dlogvar * exp(s) / (exp(s) + floor)",
     "logvar = log(e^s + floor), and log u has the derivative u′/u."),
    ("= dlogvar (e^logvar − floor) / e^logvar",
     "dlogvar * (exp(logvar) - floor) / exp(logvar)",
     "e^logvar = e^s + floor: s need not be remembered."),
    ("= dlogvar (1 − floor e^−logvar)",
     "dlogvar * (1.0 - floor * exp(-logvar))",
     "Divide both terms by e^logvar."),
    ("gaussian.floor_logvar_backward(dlogvar, logvar, floor)", "The rule, (F2)."),
    j="d",
)

LOGITS = {
    "dlogp": "normal(B)", "x": "1.0 * (uniform(B, D) > 0.5)", "a": "normal(B, D)",
    "sigmoid": "lambda a: 1.0 / (1.0 + exp(-a))",
}
derive(
    "bernoulli.log_likelihood_backward", "da", LOGITS,
    ("da_nd = Σ_n′ dlogp_n′ ∂/∂a_nd Σ_d′ ( x log sigmoid(a) + (1 − x) log(1 − sigmoid(a)) )",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda a: '
     '(x * log(sigmoid(a)) + (1.0 - x) * log(1.0 - sigmoid(a))).sum(axis=-1), a))',
     "The chain rule; log p is log sigmoid(a) where x = 1, and log(1 − sigmoid(a)) where x = 0."),
    ("= Σ_n′ dlogp_n′ ∂/∂a_nd Σ_d′ ( x a − log(1 + e^a) )",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda a: (x * a - log(1.0 + exp(a))).sum(axis=-1), a))',
     "log sigmoid(a) = a − log(1 + e^a), and log(1 − sigmoid(a)) = −log(1 + e^a)."),
    ("= dlogp_n ∂/∂a_nd ( x_nd a_nd − log(1 + e^a_nd) )",
     'einsum("n,ndnd->nd", dlogp, jacobian(lambda a: x * a - log(1.0 + exp(a)), a))',
     "a_nd occurs in one term, n′ = n and d′ = d."),
    ("= dlogp_n (x_nd − e^a_nd / (1 + e^a_nd))",
     "dlogp[:, None] * (x - exp(a) / (1.0 + exp(a)))",
     "x a has the derivative x, and log u has u′/u."),
    ("= dlogp_n (x_nd − sigmoid(a_nd))",
     "dlogp[:, None] * (x - sigmoid(a))",
     "e^a / (1 + e^a) = 1 / (1 + e^−a) = sigmoid(a)."),
    ("bernoulli.log_likelihood_backward(dlogp, x, a)", "The rule, (B2)."),
)
derive(
    "continuous_bernoulli.log_likelihood_backward", "da",
    {"dlogp": "normal(B)", "x": "uniform(B, D)", "a": "1.0 + uniform(B, D)", "u": "0.5 * a",
     "log_integral": "lambda a: log((exp(a) - 1.0) / a)"},
    ("da_nd = Σ_n′ dlogp_n′ ∂/∂a_nd Σ_d′ ( x a − log ∫₀¹ e^(a t) dt )",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda a: (x * a - log_integral(a)).sum(axis=-1), a))',
     "The chain rule; p(x) is e^(a x) over its integral, which is (e^a − 1) / a."),
    ("= dlogp_n (x_nd − ∂ log((e^a − 1) / a)/∂a_nd)",
     'einsum("n,nd->nd", dlogp, x - einsum("ndnd->nd", jacobian(log_integral, a)))',
     "a_nd occurs in one term. x a has the derivative x."),
    ("= dlogp_n (x_nd − (e^a / (e^a − 1) − 1/a))",
     "dlogp[:, None] * (x - (exp(a) / (exp(a) - 1.0) - 1.0 / a))",
     "log((e^a − 1) / a) = log(e^a − 1) − log a, and log v has the derivative v′/v."),
    ("= dlogp_n (x_nd − (½ + ½ (coth u − 1/u))), u = ½ a",
     "dlogp[:, None] * (x - (0.5 + 0.5 * (cosh(u) / sinh(u) - 1.0 / u)))",
     "e^a / (e^a − 1) = e^u / (e^u − e^−u) = ½ (sinh u + cosh u) / sinh u."),
    ("= dlogp_n (x_nd − E[x|a_nd])",
     "dlogp[:, None] * (x - continuous_bernoulli.mean(a))",
     "The derivative of log ∫ e^(a t) dt is ∫ t e^(a t) dt / ∫ e^(a t) dt, the mean (C3)."),
    ("continuous_bernoulli.log_likelihood_backward(dlogp, x, a)", "The rule, (C2)."),
)
derive(
    "categorical.log_likelihood_backward", "da",
    {"dlogp": "normal(B)", "x": "eye(K)[:B]", "a": "normal(B, K)",
     "softmax": "lambda a: exp(a) / exp(a).sum(axis=-1, keepdims=True)"},
    ("da_nk = Σ_n′ dlogp_n′ ∂/∂a_nk Σ_k′ x_n′k′ log softmax(a)_n′k′",
     'einsum("N,Nnk->nk", dlogp, jacobian(lambda a: (x * log(softmax(a))).sum(axis=-1), a))',
     "The chain rule; log p is the log of the probability of the one category where x is 1."),
    ("= Σ_n′ dlogp_n′ ∂/∂a_nk ( Σ_k′ x_n′k′ a_n′k′ − log Σ_k′ e^a_n′k′ )",
     'einsum("N,Nnk->nk", dlogp, '
     "jacobian(lambda a: (x * a).sum(axis=-1) - log(exp(a).sum(axis=-1)), a))",
     "softmax(a)_k = e^a_k / Σ_k′ e^a_k′; the log of a quotient is a difference; Σ_k′ x_n′k′ = 1."),
    ("= dlogp_n (x_nk − ∂ log Σ_k′ e^a_nk′/∂a_nk)",
     'einsum("n,nk->nk", dlogp, '
     'x - einsum("nnk->nk", jacobian(lambda a: log(exp(a).sum(axis=-1)), a)))',
     "Row n′ contains a_nk only if n′ = n; x_nk a_nk has the derivative x_nk."),
    ("= dlogp_n (x_nk − e^a_nk / Σ_k′ e^a_nk′)",
     "dlogp[:, None] * (x - softmax(a))",
     "log u has the derivative u′/u, and u = Σ_k′ e^a_nk′ has u′ = e^a_nk."),
    ("categorical.log_likelihood_backward(dlogp, x, a)", "The rule, (T2)."),
)
derive(
    "poisson.log_likelihood_backward", "da",
    {"dlogp": "normal(B)", "x": "1.0 * arange(B * D).reshape(B, D)", "a": "normal(B, D)",
     "factorial": "exp(poisson.log_factorial(x))"},
    ("da_nd = Σ_n′ dlogp_n′ ∂/∂a_nd Σ_d′ log( rate^x e^−rate / x! ), rate = e^a",
     'einsum("N,Nnd->nd", dlogp, '
     "jacobian(lambda a: log(exp(a)**x * exp(-exp(a)) / factorial).sum(axis=-1), a))",
     "The chain rule; p(x) is the probability of x events that come at this rate."),
    ("= Σ_n′ dlogp_n′ ∂/∂a_nd Σ_d′ ( x a − e^a − log x! )",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda a: '
     "(x * a - exp(a) - log(factorial)).sum(axis=-1), a))",
     "The log of a product is a sum, and log rate = a."),
    ("= dlogp_n ∂/∂a_nd ( x_nd a_nd − e^a_nd )",
     'einsum("n,ndnd->nd", dlogp, jacobian(lambda a: x * a - exp(a), a))',
     "a_nd occurs in one term, n′ = n and d′ = d, and x! does not contain it."),
    ("= dlogp_n (x_nd − e^a_nd)",
     "dlogp[:, None] * (x - exp(a))",
     "x a has the derivative x, and e^a is its own."),
    ("poisson.log_likelihood_backward(dlogp, x, a)", "The rule, (P22)."),
)
NEGATIVE_BINOMIAL = {
    "dlogp": "normal(B)", "x": "1.0 * arange(B * D).reshape(B, D)", "a": "normal(B, D)",
    "s": "normal(B, D)", "r": "exp(s)", "m": "exp(a)", "pi": "m / (r + m)",
    "log_p": "lambda a, s: loggamma(x + exp(s)) - loggamma(exp(s)) - poisson.log_factorial(x)"
             " + x * (a - log(exp(s) + exp(a))) + exp(s) * (s - log(exp(s) + exp(a)))",
}
derive(
    "negative_binomial.log_likelihood_backward", "da", NEGATIVE_BINOMIAL,
    ("da_nd = Σ_n′ dlogp_n′ ∂/∂a_nd Σ_d′ log p(x_n′d′)",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda a: log_p(a, s).sum(axis=-1), a))',
     "The chain rule; log p = log Γ(x + r) − log Γ(r) − log x! + x (a − u) + r (s − u)."),
    ("= dlogp_n ∂/∂a_nd ( x (a − u) − r u ), u = log(e^s + e^a)",
     'einsum("n,ndnd->nd", dlogp, '
     "jacobian(lambda a: x * (a - log(r + exp(a))) - r * log(r + exp(a)), a))",
     "a_nd occurs in one term, n′ = n and d′ = d; the others do not contain it."),
    ("= dlogp_n ( x (1 − ∂u/∂a) − r ∂u/∂a ), ∂u/∂a = m / (r + m)",
     "dlogp[:, None] * (x * (1.0 - pi) - r * pi)",
     "log v has the derivative v′/v, and e^a is its own; m = e^a and r = e^s."),
    ("= dlogp_n (x − (x + r) m / (r + m))",
     "dlogp[:, None] * (x - (x + r) * pi)",
     "The terms with m / (r + m) together."),
    ("negative_binomial.log_likelihood_backward(dlogp, x, a, s)[0]", "The rule, (P28)."),
)
derive(
    "negative_binomial.log_likelihood_backward", "ds", NEGATIVE_BINOMIAL,
    ("ds_nd = Σ_n′ dlogp_n′ ∂/∂s_nd Σ_d′ log p(x_n′d′)",
     'einsum("N,Nnd->nd", dlogp, jacobian(lambda s: log_p(a, s).sum(axis=-1), s))',
     "The chain rule, as if each row had its own s: the gradients of all rows add."),
    ("= dlogp_n ( r ψ(x + r) − r ψ(r) + ∂/∂s_nd ( r (s − u) − x u ) )",
     "dlogp[:, None] * (r * (psi(x + r) - psi(r)) + einsum(\"ndnd->nd\", jacobian(lambda s: "
     "exp(s) * (s - log(exp(s) + m)) - x * log(exp(s) + m), s)))",
     "∂r/∂s = r, and ψ is the derivative of log Γ."),
    ("= dlogp_n ( r (ψ(x + r) − ψ(r) + s − u) + r − (x + r) ∂u/∂s )",
     "dlogp[:, None] * (r * (psi(x + r) - psi(r) + s - log(r + m)) + r - (x + r) * r / (r + m))",
     "The product rule; u = log(e^s + e^a) has the derivative r / (r + m) in s."),
    ("= dlogp_n ( r (ψ(x + r) − ψ(r) + s − u) − (x − (x + r) m / (r + m)) )",
     "dlogp[:, None] * (r * (psi(x + r) - psi(r) + s - log(r + m)) - (x - (x + r) * pi))",
     "r / (r + m) = 1 − m / (r + m)."),
    ("= dlogp_n r (ψ(x + r) − ψ(r) − softplus(a − s)) − da_nd",
     "dlogp[:, None] * r * (psi(x + r) - psi(r) - log(1.0 + exp(a - s)))"
     " - dlogp[:, None] * (x - (x + r) * pi)",
     "u − s = log(1 + e^(a − s)); the rest is da, (P28)."),
    ("negative_binomial.log_likelihood_backward(dlogp, x, a, s)[1]", "The rule, (P29)."),
)

TERMS = {"log_px": "normal(L, B)", "kl": "uniform(B, Z) + arange(Z)[::-1]", "beta": "0.7"}
PER_SAMPLE = {"log_px": "normal(L, B)", "kl": "normal(L, B)", "beta": "0.7"}
for rule, given, loss, code, label, its in (
    ("elbo_backward", TERMS, "( −mean_l′n′ log_px_l′n′ + β Σ_j mean_n kl )",
     "-log_px.mean() + beta * kl.mean(axis=0).sum()", "O1", "O2"),
    ("free_bits_elbo_backward", {**TERMS, "free_bits": "1.0"},
     "( −mean_l′n′ log_px_l′n′ + β Σ_j max(free_bits, mean_n kl) )",
     "-log_px.mean() + beta * maximum(free_bits, kl.mean(axis=0)).sum()", "O4", "O5"),
    ("sampled_elbo_backward", PER_SAMPLE, "mean_l′n′ (β kl_l′n′ − log_px_l′n′)",
     "(beta * kl - log_px).mean()", "O7", "O8"),
):
    derive(
        f"objectives.{rule}", "dlog_px", given,
        (f"dlog_px_ln = ∂/∂log_px_ln {loss}",
         f"jacobian(lambda log_px: {code}, log_px)",
         f"The definition: this is the loss itself, ({label})."),
        ("= ∂/∂log_px_ln ( −Σ_l′n′ log_px_l′n′ / (L B) )",
         "jacobian(lambda log_px: -log_px.sum() / (L * B), log_px)",
         "Only this term contains log_px, and a mean is the sum over the number of terms."),
        ("= −1 / (L B)",
         "-ones((L, B)) / (L * B)",
         "log_px_ln occurs once in the sum."),
        (f"objectives.{rule}({', '.join(given)})[0]", f"The rule, ({its})."),
    )
derive(
    "objectives.elbo_backward", "dkl", TERMS,
    ("dkl_nj = ∂/∂kl_nj ( −mean_ln′ log_px_ln′ + β Σ_j′ mean_n′ kl_n′j′ )",
     "jacobian(lambda kl: -log_px.mean() + beta * kl.mean(axis=0).sum(), kl)",
     "The definition: this is the loss itself, (O1)."),
    ("= β ∂/∂kl_nj mean_n′ kl_n′j",
     'beta * einsum("jnj->nj", jacobian(lambda kl: kl.mean(axis=0), kl))',
     "Of the sum over units, the term j′ = j contains kl_nj."),
    ("= β / B",
     "beta / B * ones((B, Z))",
     "kl_nj occurs once in the mean over B rows."),
    ("objectives.elbo_backward(log_px, kl, beta)[1]", "The rule, (O3)."),
)
derive(
    "objectives.free_bits_elbo_backward", "dkl", {**TERMS, "free_bits": "1.0"},
    ("dkl_nj = ∂/∂kl_nj ( −mean_ln′ log_px_ln′ + β Σ_j′ max(free_bits, mean_n′ kl_n′j′) )",
     "jacobian(lambda kl: -log_px.mean() + beta * maximum(free_bits, kl.mean(axis=0)).sum(), kl)",
     "The definition: this is the loss itself, (O4)."),
    ("= β ∂/∂kl_nj max(free_bits, mean_n′ kl_n′j)",
     'beta * einsum("jnj->nj", jacobian(lambda kl: maximum(free_bits, kl.mean(axis=0)), kl))',
     "Of the sum over units, the term j′ = j contains kl_nj."),
    ("= β [mean_n′ kl_n′j > free_bits] ∂/∂kl_nj mean_n′ kl_n′j",
     "beta * (kl.mean(axis=0) > free_bits)"
     ' * einsum("jnj->nj", jacobian(lambda kl: kl.mean(axis=0), kl))',
     "max(free_bits, u) has the slope 1 in u above, and 0 below: [true] is 1, [false] is 0."),
    ("= β/B where mean_n′ kl_n′j > free_bits, else 0",
     "where(kl.mean(axis=0) > free_bits, beta / B, 0.0) * ones((B, Z))",
     "kl_nj occurs once in the mean over B rows."),
    ("objectives.free_bits_elbo_backward(log_px, kl, beta, free_bits)[1]",
     "The rule, (O6)."),
)
derive(
    "objectives.sampled_elbo_backward", "dkl", PER_SAMPLE,
    ("dkl_ln = ∂/∂kl_ln mean_l′n′ (β kl_l′n′ − log_px_l′n′)",
     "jacobian(lambda kl: (beta * kl - log_px).mean(), kl)",
     "The definition: this is the loss itself, (O7)."),
    ("= ∂/∂kl_ln ( β Σ_l′n′ kl_l′n′ / (L B) )",
     "jacobian(lambda kl: beta * kl.sum() / (L * B), kl)",
     "Only this term contains kl, and a mean is the sum over the number of terms."),
    ("= β / (L B)",
     "beta * ones((L, B)) / (L * B)",
     "kl_ln occurs once in the sum, times β."),
    ("objectives.sampled_elbo_backward(log_px, kl, beta)[1]", "The rule, (O8)."),
)
WEIGHTS = {**PER_SAMPLE, "w": "exp(log_px - beta * kl)", "v": "w / w.sum(axis=0)"}
derive(
    "objectives.importance_weighted_backward", "dlog_px", WEIGHTS,
    ("dlog_px_ln = ∂/∂log_px_ln ( −mean_n′ log mean_l′ w_l′n′ ), w = e^(log_px − β kl)",
     "jacobian(lambda log_px: -log(exp(log_px - beta * kl).mean(axis=0)).mean(), log_px)",
     "The definition: this is the loss itself, (O9)."),
    ("= −(1/B) ∂/∂log_px_ln log mean_l′ w_l′n",
     'einsum("nln->ln", '
     "jacobian(lambda log_px: log(exp(log_px - beta * kl).mean(axis=0)), log_px)) * (-1.0 / B)",
     "Of the mean over rows, the term n′ = n contains log_px_ln."),
    ("= −(1/B) (1 / Σ_l′ w_l′n) ∂/∂log_px_ln Σ_l′ w_l′n",
     'einsum("n,nln->ln", 1.0 / w.sum(axis=0), '
     "jacobian(lambda log_px: exp(log_px - beta * kl).sum(axis=0), log_px)) * (-1.0 / B)",
     "log u has the derivative u′/u; the 1/L of the mean is in u and in u′, and cancels."),
    ("= −(1/B) w_ln / Σ_l′ w_l′n",
     "-w / w.sum(axis=0) / B",
     "w_ln = e^(log_px_ln − β kl_ln) is its own derivative in log_px_ln."),
    ("= −v_ln / B",
     "-v / B",
     "v_ln = w_ln / Σ_l′ w_l′n is the sample's weight over the sum of its row."),
    ("objectives.importance_weighted_backward(log_px, kl, beta)[0]", "The rule, (O10)."),
)
derive(
    "objectives.importance_weighted_backward", "dkl", WEIGHTS,
    ("dkl_ln = ∂/∂kl_ln ( −mean_n′ log mean_l′ w_l′n′ ), w = e^(log_px − β kl)",
     "jacobian(lambda kl: -log(exp(log_px - beta * kl).mean(axis=0)).mean(), kl)",
     "The definition: this is the loss itself, (O9)."),
    ("= −(1/B) (1 / Σ_l′ w_l′n) ∂/∂kl_ln Σ_l′ w_l′n",
     'einsum("n,nln->ln", 1.0 / w.sum(axis=0), '
     "jacobian(lambda kl: exp(log_px - beta * kl).sum(axis=0), kl)) * (-1.0 / B)",
     "One row contains kl_ln, and log u has the derivative u′/u; the 1/L cancels."),
    ("= −(1/B) (−β) w_ln / Σ_l′ w_l′n",
     "beta * w / w.sum(axis=0) / B",
     "w_ln = e^(log_px_ln − β kl_ln): its derivative in kl_ln is −β w_ln."),
    ("= β v_ln / B",
     "beta * v / B",
     "v_ln = w_ln / Σ_l′ w_l′n is the sample's weight over the sum of its row."),
    ("objectives.importance_weighted_backward(log_px, kl, beta)[1]", "The rule, (O10)."),
)
derive(
    "importance.normalize", "softmax weights", {"log_w": "normal(L, B)", "w": "exp(log_w)"},
    ("v_ln = ∂/∂log w_ln log( (1/L) Σ_l′ w_l′n )",
     'einsum("nln->ln", jacobian(lambda log_w: log(exp(log_w).mean(axis=0)), log_w))',
     "The definition: how the importance-weighted bound of a row changes with one log w."),
    ("= (1 / Σ_l′ w_l′n) ∂/∂log w_ln Σ_l′ w_l′n",
     'einsum("n,nln->ln", 1.0 / w.sum(axis=0), '
     "jacobian(lambda log_w: exp(log_w).sum(axis=0), log_w))",
     "log u has the derivative u′/u; the 1/L is in u and in u′, and cancels."),
    ("= w_ln / Σ_l′ w_l′n",
     "w / w.sum(axis=0)",
     "w = e^(log w) is its own derivative: the weights are a softmax of log w."),
    ("= e^(log w_ln − m_n) / Σ_l′ e^(log w_l′n − m_n), m_n = max_l log w_ln",
     "exp(log_w - log_w.max(axis=0)) / exp(log_w - log_w.max(axis=0)).sum(axis=0)",
     "Multiply numerator and denominator by e^−m_n, so that nothing overflows."),
    ("importance.normalize(log_w)", "The rule, (W2)."),
)

# A linear model, of which all that a VAE cannot compute is known: p(x|z) = N(z W + c, diag ψ).
# E_q of polynomials in z, such as its log p(x|z), is the mean over the nodes.
LINEAR = {
    "W": "0.5 * normal(Z, D)", "c": "normal(D)", "psi": "0.5 + uniform(D)", "x": "normal(1, D)",
    "mu": "normal(1, Z)", "logvar": "-uniform(1, Z)", "sigma": "exp(0.5 * logvar)", "eps": "nodes",
    "z": "mu + sigma * eps",
    "log_N": "lambda x, mu, logvar: "
             "-0.5 * ((x - mu) ** 2 * exp(-logvar) + logvar + log(2.0 * pi)).sum(axis=-1)",
    "log_px": "lambda z: log_N(x, z @ W + c, log(psi))",
    "log_pz": "lambda z: log_N(z, 0.0, zeros(Z))",
    "log_qz": "lambda z: log_N(z, mu, logvar)",
}
SUM_OVER_Z = "log(integral(lambda z: exp(log_px(z) + log_pz(z)))).mean()"
derive(
    "objectives.elbo", "the bound", LINEAR,
    ("log p(x) = log ∫ p(x|z) p(z) dz",
     SUM_OVER_Z,
     "The definition: z is not observed, so every z that may have made x counts."),
    ("= log ∫ q(z|x) · p(x|z) p(z) / q(z|x) dz = log E_q[w]",
     "log(integral(lambda z: exp(log_qz(z)) * exp(log_px(z) + log_pz(z) - log_qz(z)))).mean()",
     "Multiply and divide by q: now it is the mean of w = p(x|z) p(z) / q(z|x) over z ~ q."),
    ("≥ E_q[ log w ]",
     "(log_px(z) + log_pz(z) - log_qz(z)).mean()",
     "Jensen: log w ≤ log E[w] + (w − E[w]) / E[w], its tangent. Take the mean of both sides."),
    ("= E_q[ log p(x|z) ] − E_q[ log q(z|x) − log p(z) ]",
     "log_px(z).mean() - (log_qz(z) - log_pz(z)).mean()",
     "The log of a product is a sum, and the mean of a sum is a sum of means."),
    ("= −(nll + kl)",
     "log_px(z).mean() - gaussian.kl(mu, logvar).sum(axis=1).mean()",
     "nll = −E_q[ log p(x|z) ]; kl has the closed form (K1)."),
    ("-objectives.elbo(log_px(z), gaussian.kl(mu, logvar), 1.0)",
     "The rule, (O1), is the loss, −ELBO; here the mean over draws is exact."),
)
POSTERIOR = {
    **LINEAR, "C": "inv(eye(Z) + (W / psi) @ W.T)", "Ez": "((x - c) / psi) @ W.T @ C",
    "log_pz_x": 'lambda z: -0.5 * (einsum("lnj,jJ,lnJ->ln", z - Ez, inv(C), z - Ez)'
                " + log(det(2.0 * pi * C)))",
    "gap": "(log_qz(z) - log_pz_x(z)).mean()",
}
derive(
    "objectives.elbo", "the gap", POSTERIOR,
    ("log p(x) = log ∫ p(x|z) p(z) dz",
     SUM_OVER_Z,
     "The definition."),
    ("= E_q[ log( p(x|z) p(z) / p(z|x) ) ]",
     "(log_px(z) + log_pz(z) - log_pz_x(z)).mean()",
     "Bayes: p(x) = p(x|z) p(z) / p(z|x) at every z, so also on average over q."),
    ("= E_q[ log( p(x|z) p(z) / q(z|x) ) ] + E_q[ log( q(z|x) / p(z|x) ) ]",
     "(log_px(z) + log_pz(z) - log_qz(z)).mean() + (log_qz(z) - log_pz_x(z)).mean()",
     "Subtract log q in the first term, add it in the second."),
    ("= ELBO + KL( q(z|x) ‖ p(z|x) )",
     "log_px(z).mean() - gaussian.kl(mu, logvar).sum() + gap",
     "By definition. KL ≥ 0: the ELBO is a lower bound, and exact if q is the posterior."),
    ("-objectives.elbo(log_px(z), gaussian.kl(mu, logvar), 1.0) + gap",
     "The rule, (O1), is −ELBO; the gap is how far q is from the posterior."),
)
derive(
    "gaussian.kl", "KL", {"mu": "normal(B, Z)", "logvar": "normal(B, Z)", "eps": "nodes",
                          "z": "mu + exp(0.5 * logvar) * eps",
                          "N": "lambda z, mu, var: exp(-((z - mu) ** 2) / (2.0 * var))"
                               " / sqrt(2.0 * pi * var)"},
    ("KL_n = E_q[ log q(z|x_n) − log p(z) ]",
     "(log(N(z, mu, exp(logvar)).prod(axis=-1)) - log(N(z, 0.0, 1.0).prod(axis=-1))).mean(axis=0)",
     "The definition; q and p are products of N(z_j; μ_j, σ_j²) and N(z_j; 0, 1)."),
    ("= Σ_j E_q[ log N(z_j; μ_j, σ_j²) − log N(z_j; 0, 1) ]",
     "(log(N(z, mu, exp(logvar))) - log(N(z, 0.0, 1.0))).mean(axis=0).sum(axis=-1)",
     "The units are independent: the log of a product is a sum over j."),
    ("= Σ_j E_q[ −½ ((z − μ)²/σ² + logvar + log 2π) + ½ (z² + log 2π) ]",
     "(-0.5 * ((z - mu) ** 2 / exp(logvar) + logvar + log(2.0 * pi))"
     " + 0.5 * (z**2 + log(2.0 * pi))).mean(axis=0).sum(axis=-1)",
     "N = e^(−(z − μ)²/2σ²) / √(2πσ²), so log N = −½ ((z − μ)²/σ² + log σ² + log 2π)."),
    ("= Σ_j ½ E_q[ z² − (z − μ)²/σ² − logvar ]",
     "0.5 * (z**2 - (z - mu) ** 2 / exp(logvar) - logvar).mean(axis=0).sum(axis=-1)",
     "The two log 2π cancel."),
    ("= Σ_j ½ ( E_q[z²] − E_q[(z − μ)²]/σ² − logvar )",
     "0.5 * ((z**2).mean(axis=0) - ((z - mu) ** 2).mean(axis=0) / exp(logvar) - logvar)"
     ".sum(axis=-1)",
     "The mean of a sum is the sum of the means; σ² and logvar contain no z."),
    ("= Σ_j ½ ( μ² + σ² − 1 − logvar )",
     "0.5 * (mu**2 + exp(logvar) - 1.0 - logvar).sum(axis=-1)",
     "E_q[z²] = μ² + σ², and E_q[(z − μ)²] = σ² is the variance itself."),
    ("gaussian.kl(mu, logvar).sum(axis=-1)",
     "The rule, (K1), gives one kl for each unit; KL is their sum."),
)
CHANGE = {**LINEAR, "f": "log_px", "dz": 'einsum("lnlnj->lnj", jacobian(f, z)) / len(z)'}
for symbol, name, slope, last, label in (
    ("μ", "mu", "1", "dz.sum(axis=0)", "Z2"),
    ("logvar", "logvar", "½ σ_j ε_j", "(dz * (0.5 * sigma * eps)).sum(axis=0)", "Z3"),
):
    derive(
        "gaussian.reparameterize", f"∂E_q[f(z)]/∂{symbol}", CHANGE,
        (f"∂E_q[f(z)]/∂{symbol}_j = ∂/∂{symbol}_j ∫ N(z; μ, σ²) f(z) dz",
         f"jacobian(lambda {name}: "
         f"integral(lambda z: exp(log_N(z, mu, logvar)) * f(z)).mean(), {name})",
         f"The definition. Here {symbol} is in the density of the draw, not in f."),
        (f"= ∂/∂{symbol}_j ∫ N(ε; 0, 1) f(μ + σ ε) dε",
         f"jacobian(lambda {name}: integral(lambda eps: "
         f"exp(log_pz(eps)) * f(mu + exp(0.5 * logvar) * eps)).mean(), {name})",
         "Substitute z = μ + σ ε: dz = σ dε, and N(z; μ, σ²) σ = N(ε; 0, 1)."),
        (f"= E_ε[ ∂f(μ + σ ε)/∂{symbol}_j ]",
         f'einsum("lnnj->nj", '
         f"jacobian(lambda {name}: f(mu + exp(0.5 * logvar) * eps), {name})) / len(eps)",
         "The density of ε contains no parameter: the derivative moves inside, onto f."),
        (f"= E_ε[ ∂f/∂z_j ∂z_j/∂{symbol}_j ] = E_ε[ ∂f/∂z_j · {slope} ]",
         last,
         "The chain rule through z = μ + σ ε, with σ = e^(½ logvar)."),
        (f"gaussian.reparameterize_backward(dz, logvar, eps)[{int(name == 'logvar')}]",
         f"The rule, ({label}), with dz_l = (1/L) ∂f/∂z_l: the mean of L draws stands for E_ε."),
    )
derive(
    "objectives.sampled_elbo", "Monte Carlo",
    {**LINEAR, "zs": "mu + sigma * pairs", "kl": "gaussian.sampled_kl(zs, logvar, pairs)",
     "log_w": "lambda z: log_px(z) + log_pz(z) - log_qz(z)"},
    ("−ELBO = −E_q[ log w ]",
     "-log_w(z).mean()",
     "The definition, with w = p(x|z) p(z) / q(z|x): an integral over z."),
    ("= −(1/L) Σ_l E_{z_l}[ log w(z_l) ]",
     "-(log_w(z).mean() + log_w(z).mean()) / 2.0",
     "L draws z_l ~ q (here L = 2) all have this expectation, and so has their mean."),
    ("= −E_{z_1 … z_L}[ (1/L) Σ_l log w(z_l) ]",
     "-log_w(zs).mean(axis=0).mean()",
     "The expectation of a sum is the sum of the expectations (here over all pairs of nodes)."),
    ("objectives.sampled_elbo(log_px(zs), kl, 1.0)",
     "The rule, (O7), averaged over the draws: it is unbiased. A single call has noise."),
)
derive(
    "loss_and_grad", "dmu",
    {**LINEAR, "nll": "lambda z: -log_px(z).mean()", "dz": "jacobian(nll, z)",
     "kl": "lambda mu: gaussian.kl(mu, logvar).sum()", "dkl": "ones((1, Z))",
     "dmu_z": "gaussian.reparameterize_backward(dz, logvar, eps)[0]",
     "dmu_kl": "gaussian.kl_backward(dkl, mu, logvar)[0]"},
    ("dμ_j = ∂/∂μ_j ( nll(z) + kl ), z = μ + σ ε",
     "jacobian(lambda mu: nll(mu + sigma * eps) + kl(mu), mu)",
     "The definition. μ goes into z and into the KL."),
    ("= ∂nll(μ + σ ε)/∂μ_j + ∂kl/∂μ_j",
     "jacobian(lambda mu: nll(mu + sigma * eps), mu) + jacobian(kl, mu)",
     "The derivative of a sum: this is why the gradients of two paths add."),
    ("= Σ_l dz_lj ∂z_lj/∂μ_j + ∂kl/∂μ_j = Σ_l dz_lj + μ_j",
     "dz.sum(axis=0) + mu",
     "The chain rule through z with ∂z_j/∂μ_j = 1; kl = ½ Σ_j (μ² + …)."),
    ("dmu_z + dmu_kl",
     "Two rules and a plus: dmu_z by (Z2), dmu_kl by (K2)."),
)
derive(
    "path_derivative.stl_backward", "dz",
    {**LINEAR, "mu": "normal(B, Z)", "logvar": "-uniform(B, Z)", "eps": "normal(L, B, Z)",
     "dkl": "normal(L, B)"},
    ("dz_lnj = Σ_l′n′ dkl_l′n′ ∂/∂z_lnj ( log q(z_l′n′|x) − log p(z_l′n′) )",
     'einsum("LN,LNlnj->lnj", dkl, jacobian(lambda z: log_qz(z) - log_pz(z), z))',
     "The chain rule through z alone: μ and σ of log q(z|x) are held fixed."),
    ("= dkl_ln ∂/∂z_lnj ( −½ (z_lnj − μ_nj)²/σ_nj² + ½ z_lnj² )",
     'einsum("ln,lnjlnj->lnj", dkl, jacobian(lambda z: '
     "-0.5 * (z - mu) ** 2 / sigma**2 + 0.5 * z**2, z))",
     "z_lnj occurs in one sample, and there in one term of the sum over units."),
    ("= dkl_ln ( z_lnj − (z_lnj − μ_nj)/σ_nj² )",
     "dkl[..., None] * (z - (z - mu) / sigma**2)",
     "½ u² has the derivative u u′."),
    ("= dkl_ln ( z_lnj − ε_lnj/σ_nj )",
     "dkl[..., None] * (z - eps / sigma)",
     "z − μ = σ ε."),
    ("path_derivative.stl_backward(dkl, z, logvar, eps)", "The rule, (K7)."),
)
derive(
    "path_derivative.stl_backward", "the same mean",
    {**LINEAR, "kl": "lambda z, mu, logvar: log_N(z, mu, logvar) - log_pz(z)",
     "dkl": "ones((len(z), 1)) / len(z)"},
    ("∂KL/∂μ_j = ∂/∂μ_j E_q[ log q(z|x) − log p(z) ]",
     "jacobian(lambda mu: gaussian.kl(mu, logvar).sum(), mu)",
     "The definition; its value is that of the closed form."),
    ("= E_ε[ ∂/∂μ_j ( log q(μ + σ ε|x) − log p(μ + σ ε) ) ]",
     "jacobian(lambda mu: kl(mu + sigma * eps, mu, logvar).mean(), mu)",
     "z = μ + σ ε. μ is in z, and it is a parameter of log q too."),
    ("= E_ε[ ∂/∂z_j ( log q(z|x) − log p(z) ) ] + E_q[ ∂log q(z|x)/∂μ_j ]",
     'einsum("lnlnj->nj", jacobian(lambda z: kl(z, mu, logvar), z)) / len(z)'
     " + jacobian(lambda mu: log_N(z, mu, logvar).mean(), mu)",
     "The chain rule, with ∂z_j/∂μ_j = 1: the path, and the score, where z is held fixed."),
    ("= E_ε[ ∂/∂z_j ( log q(z|x) − log p(z) ) ]",
     'einsum("lnlnj->nj", jacobian(lambda z: kl(z, mu, logvar), z)) / len(z)',
     "E_q[∂ log q] = ∫ ∂q dz = ∂1 = 0."),
    ("path_derivative.stl_backward(dkl, z, logvar, eps).sum(axis=0)",
     "The rule, (K7), with dkl = 1/L, and (Z2): the mean of L draws stands for E_ε."),
)
derive(
    "path_derivative.dreg_backward", "dz",
    {**LINEAR, "beta": "0.7", "eps": "normal(L, 1, Z)", "kl": "lambda z: log_qz(z) - log_pz(z)",
     "log_w": "lambda z: log_px(z) - beta * kl(z)", "v": "importance.normalize(log_w(z))",
     "slope": 'einsum("lnlnj->lnj", jacobian(log_w, z))', "dz": "-v[..., None] * slope"},
    ("dz_lj = −v_l ∂log w_l/∂z_lj + β ∂v_l/∂z_lj",
     '-v[..., None] * slope + beta * einsum("lnlnj->lnj", jacobian('
     "lambda z: exp(log_w(z)) / exp(log_w(z)).sum(axis=0), z))",
     "The path, (O10); and for the score, β v_l ∂log q/∂μ_j, what has the same mean."),
    ("= −v_l ∂log w_l/∂z_lj + β v_l (1 − v_l) ∂log w_l/∂z_lj",
     "-v[..., None] * slope + beta * (v * (1.0 - v))[..., None] * slope",
     "v_l = w_l / Σ_l′ w_l′: the quotient rule, with ∂w_l = w_l ∂log w_l."),
    ("= (1 − β + β v_l) (−v_l ∂log w_l/∂z_lj)",
     "(1.0 - beta + beta * v)[..., None] * (-v[..., None] * slope)",
     "The common factor taken out. If β is 1, the weights are v_l²."),
    ("path_derivative.dreg_backward(dz, log_px(z), kl(z), beta)",
     "The rule, (O11), of a batch of one row."),
)
SCORE = {
    **LINEAR, "x": "normal(B, D)", "mu": "normal(B, Z)", "logvar": "-uniform(B, Z)",
    "baseline": "normal(B)", "log_joint": "lambda z: log_px(z) + log_pz(z)",
    "q_over_q": "lambda mu, logvar: exp(log_N(z, mu, logvar) - log_qz(z))",
    "log_w": "log_joint(z) - log_qz(z)", "LB": "log_w.size",
}
for symbol, name, score, code in (
    ("μ", "mu", "(z − μ) e^−logvar", "(z - mu) * exp(-logvar)"),
    ("logvar", "logvar", "½ ((z − μ)² e^−logvar − 1)",
     "0.5 * ((z - mu) ** 2 * exp(-logvar) - 1.0)"),
):
    slope = f'einsum("lnnj->lnj", jacobian(lambda {name}: log_N(z, mu, logvar), {name}))'
    derive(
        "score_function.backward", f"d{name}", SCORE,
        (f"d{symbol}_nj = ∂/∂{symbol}_nj ( −mean_n′ E_q[ log w(z_n′) ] )",
         f"jacobian(lambda {name}: -(log_joint(mu + exp(0.5 * logvar) * eps)"
         f" - log_N(mu + exp(0.5 * logvar) * eps, mu, logvar)).mean(), {name})",
         "The definition: the gradient of −ELBO (its value is computed through z = μ + σ ε)."),
        (f"= −(1/B) ∂/∂{symbol}_nj ∫ q(z|x_n) log w(z_n) dz",
         f"jacobian(lambda {name}: "
         f"-(q_over_q(mu, logvar) * (log_joint(z) - log_N(z, mu, logvar))).mean(), {name})",
         "Only row n counts. Now z is the variable of an integral, and does not depend on q."),
        (f"= −(1/B) E_q[ log w ∂log q/∂{symbol}_nj ]",
         f"-({slope} * log_w[..., None]).sum(axis=0) / LB",
         "∂q = q ∂log q. log w contains −log q too, but E_q[∂log q] = ∫ ∂q dz = ∂1 = 0."),
        (f"= −(1/B) E_q[ (log w − baseline) ∂log q/∂{symbol}_nj ]",
         f"-({slope} * (log_w - baseline)[..., None]).sum(axis=0) / LB",
         "The baseline does not depend on z, so its term is 0 as well: it only takes away noise."),
        (f"= Σ_l −(log w_ln − baseline_n) / (L B) · {score}",
         f"-((log_w - baseline)[..., None] * {code}).sum(axis=0) / LB",
         "An expectation becomes the mean of L draws; ∂log q is (G2) or (G3)."),
        (f"score_function.backward(log_w, baseline, z, mu, logvar)[{int(name == 'logvar')}]",
         "The rule, (E1, E2)."),
    )

ADAM = {
    "b1": "0.9", "b2": "0.99", "lr": "0.01", "eps": "0.001", "t": "5", "Eg": "normal(P)",
    "noise": "normal(t, 7, P)", "g": "Eg + noise - noise.mean(axis=1, keepdims=True)",
    "age": "arange(t)[::-1]", "m": 'einsum("s,snp->np", b1**age, g)',
    "v": 'einsum("s,snp->np", b2**age, g**2)',
    "m_hat": "m * (1.0 - b1) / (1.0 - b1**t)", "v_hat": "v * (1.0 - b2) / (1.0 - b2**t)",
}
derive(
    "optimizers.adam", "bias correction", ADAM,
    ("E[g] = Σ_s β^(t−s) E[g] / Σ_s β^(t−s), s = 1 … t",
     'einsum("s,p->p", b1**age, Eg) / (b1**age).sum()',
     "What m̂ estimates. A weighted mean of equal numbers is that number."),
    ("= (1 − β) / (1 − β^t) Σ_s β^(t−s) E[g]",
     '(1.0 - b1) / (1.0 - b1**t) * einsum("s,p->p", b1**age, Eg)',
     "The geometric sum: (1 − β)(1 + β + … + β^(t−1)) = 1 − β^t."),
    ("= E[ (1 − β) Σ_s β^(t−s) g_s ] / (1 − β^t)",
     '((1.0 - b1) * einsum("s,snp->np", b1**age, g)).mean(axis=0) / (1.0 - b1**t)',
     "If the gradients g_s of all steps have the mean E[g]."),
    ("= E[ m_t ] / (1 − β^t), m_t = β m_(t−1) + (1 − β) g_t, m_0 = 0",
     "reduce(lambda m, g: b1 * m + (1.0 - b1) * g, g, 0.0).mean(axis=0) / (1.0 - b1**t)",
     "g_s comes in once, and every later step multiplies it by β. As m_0 = 0, m_t is too small."),
    ("= E[ m (1 − β) / (1 − β^t) ], m ← β m + g",
     "(reduce(lambda m, g: b1 * m + g, g, 0.0) * (1.0 - b1) / (1.0 - b1**t)).mean(axis=0)",
     "(A1, A3): the factor 1 − β may wait. For v and g² it is the same with β₂, (A2, A4)."),
    ("(adam(g, lr, b1, b2, eps)[0] * (1.0 - b1) / (1.0 - b1**t)).mean(axis=0)",
     "The rule's m after t steps, (A1, A3)."),
)
derive(
    "optimizers.adam", "the step", ADAM,
    ("Δθ = −lr m̂ / (√v̂ + ε), from m_t = β₁ m_(t−1) + (1 − β₁) g_t, v_t alike",
     "-lr * reduce(lambda m, g: b1 * m + (1.0 - b1) * g, g, 0.0) / (1.0 - b1**t)"
     " / (sqrt(reduce(lambda v, g: b2 * v + (1.0 - b2) * g**2, g, 0.0) / (1.0 - b2**t)) + eps)",
     "Algorithm 1 of the paper, with m̂ = m_t / (1 − β₁^t) and v̂ = v_t / (1 − β₂^t)."),
    ("= −lr m̂ / (√v̂ + ε), from m ← β₁ m + g, v ← β₂ v + g²",
     "-lr * m_hat / (sqrt(v_hat) + eps)",
     "(A1) to (A5): the factors 1 − β₁ and 1 − β₂ wait for m̂ and v̂."),
    ("= −lr c₁ m / (√c₂ √v + ε), c = (1 − β) / (1 − β^t)",
     "-lr * (1.0 - b1) / (1.0 - b1**t) * m / (sqrt((1.0 - b2) / (1.0 - b2**t)) * sqrt(v) + eps)",
     "m̂ = c₁ m and v̂ = c₂ v."),
    ("= −lr (c₁/√c₂) m / (√v + ε/√c₂)",
     "-lr * (1.0 - b1) / (1.0 - b1**t) / sqrt((1.0 - b2) / (1.0 - b2**t))"
     " * m / (sqrt(v) + eps / sqrt((1.0 - b2) / (1.0 - b2**t)))",
     "Divide numerator and denominator by √c₂: then numbers are scaled, and no array."),
    ("adam(g, lr, b1, b2, eps)[2]", "The rule's last step, (A5)."),
)
# fmt: on
