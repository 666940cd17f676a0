"use strict";
/* One step of the model of `numvae.lessons.trace.example()`, forward and back, as pure functions.
   It touches nothing of the page, so that any JavaScript can run it.

   An array is a list of rows: x (3, 6) has three of six numbers, a bias one, the log-likelihood of
   three examples three of one. L is 1, and its axis is left out. A model is what Python's trace
   found: { nodes, gradients, beta, step, limit }. A state has the arrays that are given, by name;
   under the name of an array that is computed, what is added to it by hand. */

const each = (f, first, ...others) =>
  first.map((row, n) => row.map((value, j) => f(value, ...others.map((array) => array[n][j]))));
const sum = (numbers) => numbers.reduce((total, value) => total + value, 0);
const transposed = (A) => A[0].map((_, j) => A.map((row) => row[j]));
const zeros = (A) => each(() => 0, A);
const scaled = (factor, A) => each((a) => factor * a, A);

function product(A, B) {
  const columns = transposed(B);
  return A.map((row) => columns.map((column) => sum(row.map((value, k) => value * column[k]))));
}

const sigmoid = (a) => 0.5 * Math.tanh(0.5 * a) + 0.5;
const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));

/* The rules, under Python's names. A forward rule takes its arguments and beta. A backward rule
   takes the gradient of what forward returned, forward's arguments, what it returned, and beta; it
   returns the gradient of each argument. */
const RULES = {
  "dense.forward": ([x, W, b]) => product(x, W).map((y) => y.map((value, o) => value + b[0][o])),
  "dense.backward": (dy, [x, W]) => [
    product(dy, transposed(W)),
    product(transposed(x), dy),
    [transposed(dy).map(sum)],
  ],
  "activations.tanh": ([a]) => each(Math.tanh, a),
  "activations.tanh_backward": (dh, [a], h) => [each((d, y) => d * (1 - y * y), dh, h)],
  "gaussian.reparameterize": ([mu, logvar, eps]) =>
    each((m, v, e) => m + Math.exp(0.5 * v) * e, mu, logvar, eps),
  "gaussian.reparameterize_backward": (dz, [mu, logvar, eps]) => [
    dz,
    each((d, v, e) => d * e * (0.5 * Math.exp(0.5 * v)), dz, logvar, eps),
  ],
  "gaussian.kl": ([mu, logvar]) => each((m, v) => 0.5 * (m * m + Math.exp(v) - 1 - v), mu, logvar),
  "gaussian.kl_backward": (dkl, [mu, logvar]) => [
    each((d, m) => d * m, dkl, mu),
    each((d, v) => d * (0.5 * Math.expm1(v)), dkl, logvar),
  ],
  "bernoulli.log_likelihood": ([x, logits]) =>
    x.map((row, n) => [
      sum(row.map((value, d) => value * logits[n][d])) - sum(logits[n].map(softplus)),
    ]),
  "bernoulli.log_likelihood_backward": (dlogp, [x, logits]) => [
    null,
    x.map((row, n) => row.map((value, d) => dlogp[n][0] * (value - sigmoid(logits[n][d])))),
  ],
  "objectives.elbo": ([log_px, kl], beta) => [
    [(-sum(log_px.flat()) + beta * sum(kl.flat())) / log_px.length],
  ],
  "objectives.elbo_backward": (_, [log_px, kl], out, beta) => [
    each(() => -1 / log_px.length, log_px),
    each(() => beta / log_px.length, kl),
  ],
};

/* Every array of the step by its name. A nudge { of, through, n, j, by } is added to one number of
   an array on its way into the array `through`, or without `through` on its way into all. */
function forward({ nodes, beta }, state, nudge = {}) {
  const nudged = (array) =>
    each((value) => value, array).map((row, n) =>
      row.map((value, j) => (n === nudge.n && j === nudge.j ? value + nudge.by : value)),
    );
  const values = { ...state };
  for (const { name, rule, parents } of nodes) {
    if (!rule) continue;
    const here = (parent) => nudge.of === parent && nudge.through === name;
    const result = RULES[rule](
      parents.map((parent) => (here(parent) ? nudged(values[parent]) : values[parent])),
      beta,
    );
    values[name] = state[name] ? each((a, by) => a + by, result, state[name]) : result;
    if (nudge.of === name && !nudge.through) values[name] = nudged(values[name]);
  }
  return values;
}

/* Every gradient by its name, from the values that `forward` returned; in a bug, other rules stand
   in the place of the right ones. */
function backward({ nodes, gradients, beta }, values, bug = {}) {
  const found = {};
  const whole = {}; // of an array, all paths together
  for (const { name, rule, of, through, paths } of gradients) {
    if (paths.length) {
      const add = bug[name] ?? (() => paths.map((path) => found[path]).reduce(plus));
      found[name] = add(found);
    } else {
      const { parents } = nodes.find((node) => node.name === through);
      const given = parents.map((parent) => values[parent]);
      const gradient = bug[rule] ?? RULES[rule];
      const results = gradient(whole[through], given, values[through], beta);
      found[name] = results[parents.indexOf(of)];
    }
    whole[of] = found[name];
  }
  return found;
}

const plus = (A, B) => each((a, b) => a + b, A, B);

/* A gradient by central differences (N1): its array is nudged, and the step runs on from there. */
function numerical(model, state, { of, through }) {
  const loss = (n, j, by) => forward(model, state, { of, through, n, j, by }).loss[0][0];
  return forward(model, state)[of].map((row, n) =>
    row.map((_, j) => (loss(n, j, model.step) - loss(n, j, -model.step)) / (2 * model.step)),
  );
}

const norm = (array) => Math.hypot(...array.flat());

/* ‖a − b‖ / (‖a‖ + ‖b‖), 0 if both are 0. */
function relativeError(a, b) {
  const scale = norm(a) + norm(b);
  return scale === 0 ? 0 : norm(each((p, q) => p - q, a, b)) / scale;
}

/* Whether a gradient is not the derivative. What rounding leaves of a difference of losses, near 1e-8
   of the loss, is no error: it matters where one has dragged a gradient to almost nothing. NaN is
   wrong. */
function isWrong({ limit }, loss, gradient, derivative) {
  const off = norm(each((p, q) => p - q, gradient, derivative));
  return !(off < 1e-8 * (1 + Math.abs(loss)) || relativeError(gradient, derivative) < limit);
}

/* One number of a gradient by the chain rule: [local derivative, incoming gradient], …, of which
   the products add up to it. Of a sum, its parts. By the label of the equation; args and out are
   those of the forward rule, d is the incoming gradient. */
const TERMS = {
  D2: ([x], out, d, i, o) => d.map((row, n) => [x[n][i], row[o]]),
  D3: (args, out, d, _, o) => d.map((row) => [1, row[o]]),
  D4: ([x, W], out, d, n, i) => d[n].map((incoming, o) => [W[i][o], incoming]),
  H4: (args, h, d, n, j) => [[1 - h[n][j] ** 2, d[n][j]]],
  Z2: (args, z, d, n, j) => [[1, d[n][j]]],
  Z3: ([mu, logvar, eps], z, d, n, j) => [
    [0.5 * Math.exp(0.5 * logvar[n][j]) * eps[n][j], d[n][j]],
  ],
  K2: ([mu], kl, d, n, j) => [[mu[n][j], d[n][j]]],
  K3: ([mu, logvar], kl, d, n, j) => [[0.5 * Math.expm1(logvar[n][j]), d[n][j]]],
  B2: ([x, logits], out, d, n, j) => [[x[n][j] - sigmoid(logits[n][j]), d[n][0]]],
  O2: ([log_px], loss) => [[-1 / log_px.length, 1]],
  O3: ([log_px], loss, d, n, j, beta) => [[beta / log_px.length, 1]],
};

function terms({ nodes, gradients, beta }, values, found, row, n, j) {
  if (row.paths.length) return row.paths.map((path) => [1, found[path][n][j]]);
  const { parents } = nodes.find((node) => node.name === row.through);
  const whole = gradients.findLast((other) => other.of === row.through);
  const given = parents.map((parent) => values[parent]);
  return TERMS[row.label](given, values[row.through], whole && found[whole.name], n, j, beta);
}

/* The bugs of `numvae.lessons.bugs` that make a gradient of this model wrong, by their names: rules
   under the names of those they replace, or under the name of a sum what is taken for it. */
const reparameterizeBackward = RULES["gaussian.reparameterize_backward"];
const denseBackward = RULES["dense.backward"];

function denseUnwritten(dy, args) {
  const [dx, dW, db] = denseBackward(dy, args);
  return [dx, scaled(NaN, dW), scaled(NaN, db)];
}

const BUGS = {
  "KL gradient without its ½": {
    "gaussian.kl_backward": (dkl, [mu, logvar]) => [
      each((d, m) => d * m, dkl, mu),
      each((d, v) => d * Math.expm1(v), dkl, logvar),
    ],
  },
  "KL gradient with the wrong sign": {
    "gaussian.kl_backward": (dkl, args) => RULES["gaussian.kl_backward"](scaled(-1, dkl), args),
  },
  "∂σ/∂logvar without its ½": {
    "gaussian.reparameterize_backward": (dz, [mu, logvar, eps]) => [
      dz,
      each((d, v, e) => d * e * Math.exp(0.5 * v), dz, logvar, eps),
    ],
  },
  "Bernoulli gradient times the slope of the sigmoid once more": {
    "bernoulli.log_likelihood_backward": (dlogp, [x, logits]) => {
      const [, da] = RULES["bernoulli.log_likelihood_backward"](dlogp, [x, logits]);
      return [null, each((d, a) => d * sigmoid(a) * (1 - sigmoid(a)), da, logits)];
    },
  },
  "tanh's slope from its input: 1 − a² for 1 − h²": {
    "activations.tanh_backward": (dh, [a], h) => [
      each((d, y) => d * (1 - Math.atanh(0.999 * y) ** 2), dh, h),
    ],
  },
  "tanh applied twice in its slope: 1 − tanh² h for 1 − h²": {
    "activations.tanh_backward": (dh, [a], h) => [
      each((d, y) => d * (1 - Math.tanh(y) ** 2), dh, h),
    ],
  },
  "bias gradient not summed over the batch": {
    "dense.backward": (dy, args) => [...denseBackward(dy, args).slice(0, 2), [dy[0]]],
  },
  "dW with its columns permuted": {
    "dense.backward": (dy, args) => {
      const [dx, dW, db] = denseBackward(dy, args);
      return [dx, dW.map((row) => [...row].reverse()), db];
    },
  },
  "dW = dyᵀ x, made to fit by reshape instead of a transpose": {
    "dense.backward": (dy, [x, W]) => {
      const [dx, , db] = denseBackward(dy, [x, W]);
      const numbers = product(transposed(dy), x).flat();
      return [dx, W.map((row) => numbers.splice(0, row.length)), db];
    },
  },
  "loss averaged over the batch, its gradient summed": {
    "objectives.elbo_backward": (dloss, args, loss, beta) =>
      RULES["objectives.elbo_backward"](dloss, args, loss, beta).map((gradient) =>
        scaled(gradient.length, gradient),
      ),
  },
  "the path through ε into logvar forgotten": {
    "gaussian.reparameterize_backward": (dz) => [dz, zeros(dz)],
  },
  "the path from the decoder to the encoder forgotten": {
    "gaussian.reparameterize_backward": (dz) => [zeros(dz), zeros(dz)],
  },
  "the decoder's dz given to μ and to logvar alike": {
    "gaussian.reparameterize_backward": (dz) => [dz, dz],
  },
  "the decoder's gradient used for the encoder's hidden layer": {
    dh: (found) => found.dh_dec,
  },
  "KL in the loss, but not in the gradient": {
    "gaussian.kl_backward": (dkl) => [zeros(dkl), zeros(dkl)],
  },
  "other noise in the backward pass than in the forward": {
    "gaussian.reparameterize_backward": (dz, [mu, logvar, eps]) =>
      reparameterizeBackward(dz, [mu, logvar, [eps.at(-1), ...eps.slice(0, -1)]]),
  },
  // This minibatch is the first: the layer remembers nothing but zeros.
  "a layer remembers its input of the minibatch before": {
    "dense.backward": (dy, [x, W]) => {
      const [dx, dW, db] = denseBackward(dy, [x, W]);
      return [dx, zeros(dW), db];
    },
  },
  // Before a traced step the gradient is NaN, so that what is added to, or not written, shows.
  "gradients added to those of the step before": { "dense.backward": denseUnwritten },
  "the gradient written into a new array that nobody reads": { "dense.backward": denseUnwritten },
};
