"use strict";
/* The decoder, as pure functions: a latent point goes in, the mean of p(x|z) comes out.
   It touches nothing of the page, so that any JavaScript can run it. */

const sigmoid = (a) => 0.5 * Math.tanh(0.5 * a) + 0.5;

const ACTIVATIONS = {
  linear: (a) => a,
  tanh: Math.tanh,
  relu: (a) => Math.max(a, 0),
  elu: (a) => (a > 0 ? a : Math.expm1(a)),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  sigmoid,
};

/* E[x] = 1/2 + 1/2 (coth u - 1/u) with u = a/2, and its series around 0, where that is 0/0. */
function continuousBernoulliMean(a) {
  const u = 0.5 * a;
  const s = u * u;
  const langevin =
    Math.abs(u) < 0.1 ? u * (1 / 3 - s * (1 / 45 - s * (2 / 945))) : 1 / Math.tanh(u) - 1 / u;
  return 0.5 + 0.5 * langevin;
}

/* The probabilities of the categories. */
function softmax(a) {
  const highest = a.reduce((most, value) => Math.max(most, value));
  const e = a.map((value) => Math.exp(value - highest));
  const sum = e.reduce((total, value) => total + value);
  return e.map((value) => value / sum);
}

/* The mean counts. */
const rates = (a) => a.map((value) => Math.exp(Math.min(value, 30)));

/* From what the last layer says (K numbers) to the mean of p(x|z), for each likelihood. */
const MEANS = {
  "bernoulli": (a) => a.map(sigmoid),
  "continuous-bernoulli": (a) => a.map(continuousBernoulliMean),
  "categorical": softmax,
  "poisson": rates,
  "negative-binomial": rates,
  "gaussian": (a) => a,
  "gaussian-fixed": (a) => a,
  "gaussian-sigma-z": (a) => a,
};

/* Base64 text as an array of a type, such as Float32Array. */
function unpack(text, Type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Type(bytes.buffer);
}

function unpackDecoder({ activations, skip, layers, heads }) {
  const layer = ({ W, b }) => ({ W: unpack(W, Float32Array), b: unpack(b, Float32Array) });
  return {
    skip,
    layers: layers.map((l, i) => ({ activate: ACTIVATIONS[activations[i]], ...layer(l) })),
    heads: heads.map((head) => ({ mean: MEANS[head.likelihood], ...layer(head) })),
  };
}

function unpackMixture({ shares, means, factors }) {
  return { shares, means: unpack(means, Float32Array), factors: unpack(factors, Float32Array) };
}

/* A draw from a mixture of Gaussians: u, from 0 to 1, chooses one, and noise (Z,) from N(0, I) is
   moved by its Cholesky factor and its mean. */
function fromMixture({ shares, means, factors }, u, noise) {
  let k = 0;
  while (k < shares.length - 1 && u >= shares[k]) u -= shares[k++];
  const Z = noise.length;
  return Float64Array.from(noise, (_, i) => {
    let value = means[k * Z + i];
    for (let j = 0; j <= i; j++) value += factors[(k * Z + i) * Z + j] * noise[j];
    return value;
  });
}

/* h W + b, with W (h.length, b.length) row by row. */
function dense(h, { W, b }) {
  const a = Float64Array.from(b);
  for (let i = 0, k = 0; i < h.length; i++)
    for (let j = 0; j < a.length; j++, k++) a[j] += h[i] * W[k];
  return a;
}

/* y (C) is what a conditioned model is given beside z: one column of it is a number, 0 or 1, or all 0
   but for a 1 at the level chosen. */

function give({ at, width, levels, center, scale }, y, value) {
  if (!levels) y[at] = (value - center) / scale;
  else if (width === 1) y[at] = value;
  else for (let i = 0; i < width; i++) y[at + i] = Number(i === value);
}

function valueGiven({ at, width, levels, center, scale }, y) {
  if (!levels) return center + scale * y[at];
  return width === 1 ? y[at] : y.subarray(at, at + width).indexOf(1);
}

/* The mean of p(x|z): z (Z) -> x (D); or that of p(x|z, y), with y after z. A table of several kinds
   of columns has a head for each; with a skip path, the heads are given z and y beside what the
   hidden layers say. */
function decode({ skip, layers, heads }, z) {
  const hidden = layers.reduce((h, layer) => dense(h, layer).map((a) => layer.activate(a)), z);
  const h = skip ? [...hidden, ...z] : hidden;
  return heads.flatMap((head) => Array.from(head.mean(dense(h, head))));
}
