/* What is seen around backward.js. There is one state: the numbers, the bug, the row of the minibatch
   that is shown, the step, and what the panel explains. Whatever changes it calls `show`, and all
   that is seen follows. */

const root = document.getElementById("touch");
const page = JSON.parse(document.getElementById("touch-data").textContent);
const { model, code } = page;
const part = (name) => root.querySelector(`.touch-${name}`);

const nodeOf = Object.fromEntries(model.nodes.map((node) => [node.name, node]));
const STEPS = [{ name: "given" }, ...model.nodes.filter((node) => node.rule), ...model.gradients];
const stepOf = Object.fromEntries(STEPS.map((step, i) => [step.name, i]));
const LAST = STEPS.length - 1;
const isGradient = (step) => "of" in step;
const colourOf = (gradient) => (/^dkl$|_kl$/.test(gradient.name) ? "kl" : "back");

/* The row of an array, or of a gradient, that is shown: parameters and the loss have no examples. */
function rowOf(name) {
  const array = STEPS[stepOf[name] ?? 0].of ?? name;
  return array in nodeOf && array !== "loss" ? row : 0;
}

// The boxes from top to bottom; of two in a row, one has the left half and one the right. Where there
// is room, the parameters stand at the left, from one of these rows on over so many.
const LAYOUT = [
  ["x"],
  ["encoder.0.a"],
  ["h"],
  ["mu", "logvar"],
  ["z", "kl"],
  ["decoder.0.a"],
  ["h_dec"],
  ["likelihood.logits"],
  ["log_px"],
  ["loss"],
];
const WEIGHTS = {
  "encoder.0.a": [1, 2],
  logvar: [3, 1],
  mu: [4, 2],
  "decoder.0.a": [6, 1],
  "likelihood.logits": [7, 4],
};
const LIMITS = { x: [0, 1] }; // of the others: ±9
const NUDGE = 0.05; // an arrow key's; with Shift ten times as much
const PER_PIXEL = 0.01;
const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches;

let state, values, gradients, differences, firstWrong;
const START = stepOf.loss; // the forward pass is there, and the next step goes back
let bug = "",
  row = 0,
  at = START;
let explained = { step: START, unit: 0 }; // of a weight's gradient, `unit` is the input

/* Texts. */

const minus = (text) => text.replace("-", "−");
const written = (value, digits) =>
  Number.isInteger(value) || Number.isNaN(value)
    ? minus(String(value))
    : minus(Math.abs(value) >= 1e4 ? value.toExponential(1) : value.toFixed(digits));
const exact = (value) => written(value, 4);
const factor = (value) => (value < 0 ? `(${exact(value)})` : exact(value));
const short = (name) => name.split(".").at(-1); // encoder.0.da → da
const shapeOf = (name) => {
  const array = values[name];
  return array.length > 1 ? `${array.length}×${array[0].length}` : `${array[0].length}`;
};

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (tag === "button") made.type = "button";
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* Computing. */

function compute() {
  values = forward(model, state);
  gradients = backward(model, values, BUGS[bug]);
  differences = {};
  firstWrong = null;
  if (!bug) return;
  for (const gradient of model.gradients) {
    const derivative = numerical(model, state, gradient);
    if (!isWrong(model, values.loss[0][0], gradients[gradient.name], derivative)) continue;
    differences[gradient.name] = derivative;
    firstWrong ??= gradient.name;
  }
}

/* A given number becomes another; of one that is computed, what is added by hand changes. */
function put(name, n, j, value) {
  const [low, high] = LIMITS[name] ?? [-9, 9];
  const wanted = Math.min(Math.max(value, low), high);
  const limits = `${name} stays between ${minus(String(low))} and ${high}`;
  part("note").textContent = wanted === value ? "" : `${limits}: ${exact(value)} is too far.`;
  state[name][n][j] = nodeOf[name]?.rule ? state[name][n][j] + wanted - values[name][n][j] : wanted;
  showSoon();
}

function goTo(step) {
  at = Math.min(Math.max(step, 0), LAST);
  explained = { step: at, unit: 0 };
  bring();
}

function explain(name, unit = 0) {
  explained = { step: stepOf[name], unit };
  at = Math.max(at, explained.step);
  show();
}

function plant(name) {
  bug = name;
  compute();
  goTo(firstWrong ? stepOf[firstWrong] : at);
}

function reset() {
  state = structuredClone(page.state);
  bug = part("plant").querySelector("select").value = "";
  row = 0;
  part("note").textContent = "";
  goTo(START);
}

/* The boxes: a table for each array, its numbers above their gradients. */

const cells = []; // { element, name, n, j, step, movable, gradient }; n is null where it is the row shown
const lines = []; // { element, line, name, n }: numerical derivatives, seen below a line that is wrong
const boxOf = {};

function numberLine(table, heading, name, n = null, movable = false) {
  const step = stepOf[name] ?? 0;
  const gradient = isGradient(STEPS[step]);
  const head = (text) => element("th", { scope: "row" }, text);
  const colour = gradient ? colourOf(STEPS[step]) : "value";
  const line = element("tr", { class: `touch-line touch-${colour}` }, head(heading));
  const below = element("tr", { class: "touch-difference", hidden: "" }, head("numeric"));
  (gradient ? gradients : values)[name][0].forEach((_, j) => {
    const number = element(gradient ? "button" : "span", { class: "touch-number" });
    const cell = { element: number, name, n, j, step, movable, gradient };
    cells.push(cell);
    if (movable) makeMovable(cell);
    if (gradient) number.addEventListener("click", () => explain(name, n ?? 0));
    line.append(element("td", {}, number));
    below.append(element("td"));
  });
  table.append(line);
  if (!gradient) return;
  table.append(below);
  lines.push({ element: below, line, name, n });
}

function makeBox(name) {
  const { label, equation, parents } = nodeOf[name];
  const table = element("table");
  const title = element("div", { class: "touch-title" }, element("b", {}, name), " ");
  title.append(element("i", {}, label || "given"), " ", set("span", nodeOf[name].set));
  const about = `${name}, ${shapeOf(name)}: ${equation} ${label}`;
  const box = element("div", { class: "touch-box", role: "group", "aria-label": about });
  for (const parent of parents)
    if (isHere(parent, name)) numberLine(table, parent, parent, null, true);
  numberLine(table, short(name), name, null, name in page.state);
  const paths = model.gradients.filter((gradient) => gradient.of === name);
  for (const gradient of paths) {
    const isPart = paths.length > 1 && !gradient.paths.length;
    const heading = isPart ? `via ${short(gradient.through)}` : short(gradient.name);
    numberLine(table, heading, gradient.name);
  }
  if (name === "loss") title.append(element("span", { class: "touch-parts" }));
  box.append(title, table);
  return (boxOf[name] = box);
}

/* The parameters of a layer: W row by row, each above its gradient, and b. */
function makeWeights(name) {
  const layer = nodeOf[name].parents[1].replace(/\.W$/, "");
  const table = element("table");
  for (const parameter of [`${layer}.W`, `${layer}.b`]) {
    const gradient = model.gradients.find(({ of }) => of === parameter);
    page.state[parameter].forEach((_, n) => {
      const index = page.state[parameter].length > 1 ? `[${n}]` : "";
      numberLine(table, short(parameter) + index, parameter, n, true);
      numberLine(table, short(gradient.name) + index, gradient.name, n);
    });
  }
  const shapes = ` W ${shapeOf(`${layer}.W`)}, b ${shapeOf(`${layer}.b`)}`;
  const title = element("summary", {}, element("b", {}, layer), shapes);
  const box = element("details", { class: "touch-box touch-weights", "data-of": name });
  box.append(title, table);
  boxOf[`${layer}.W`] = boxOf[`${layer}.b`] = box;
  return box;
}

/* A number that moves: dragged, by keys, by the wheel, or typed. */
function makeMovable({ element: number, name, n, j }) {
  number.classList.add("touch-moves");
  number.setAttribute("role", "spinbutton");
  const where = () => [name, n ?? row, j];
  const value = () => values[name][n ?? row][j];
  let from = null;
  number.addEventListener("pointerdown", (event) => {
    if (event.button || number.querySelector("input")) return;
    const focused = document.activeElement === number;
    from = { x: event.clientX, value: value(), moved: false, focused };
    number.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  number.addEventListener("pointermove", (event) => {
    if (!from) return;
    const dx = event.clientX - from.x;
    from.moved ||= Math.abs(dx) > 3;
    if (from.moved) put(...where(), from.value + dx * PER_PIXEL);
  });
  number.addEventListener("pointerup", () => {
    if (!from) return;
    if (!from.moved && from.focused) type();
    else number.focus({ preventScroll: true });
    from = null;
  });
  number.addEventListener("pointercancel", () => (from = null));
  number.addEventListener(
    "wheel",
    (event) => {
      if (document.activeElement !== number) return; // the page scrolls
      event.preventDefault();
      put(...where(), value() - Math.sign(event.deltaY) * NUDGE);
    },
    { passive: false },
  );
  number.addEventListener("keydown", (event) => {
    const up = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.target !== number || event.ctrlKey || event.metaKey || event.altKey) return;
    if (up) put(...where(), value() + up * NUDGE * (event.shiftKey ? 10 : 1));
    else if (event.key === "Enter") type();
    else if (/^[-−.,\d]$/.test(event.key)) type(event.key);
    else return;
    event.preventDefault();
  });

  function type(first) {
    const input = element("input", { "aria-label": number.getAttribute("aria-label") });
    input.value = first ?? minus(String(Number(value().toFixed(6))));
    number.replaceChildren(input);
    input.focus({ preventScroll: true });
    if (!first) input.select();
    const done = (taken) => {
      const typed = input.value.trim().replace("−", "-").replace(",", ".");
      input.onblur = null;
      input.remove();
      const isNumber = typed !== "" && Number.isFinite(Number(typed));
      if (taken && isNumber) put(...where(), Number(typed));
      else if (taken) part("note").textContent = `“${typed}” is no number.`;
      show();
    };
    input.onblur = () => done(true);
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      done(event.key === "Enter");
      number.focus();
    });
  }
}

/* The arrows between boxes, forward and back, and a button on each that has a gradient. */

const isHere = (given, name) => given === "eps" || (given === "x" && name === "log_px"); // in its box
const wires = model.nodes.flatMap(({ name, parents }) =>
  parents
    .filter((parent) => !isHere(parent, name))
    .map((parent) => {
      const gradient = model.gradients.find(({ of, through }) => of === parent && through === name);
      return { from: parent, to: name, gradient, isParameter: !(parent in nodeOf) };
    }),
);

function makeWire(wire) {
  const draw = (colour) => {
    const path = document.createElementNS(part("wires").namespaceURI, "path");
    path.setAttribute("class", `touch-wire touch-${colour}`);
    if (wire.gradient) path.addEventListener("click", () => explain(wire.gradient.name));
    part("wires").append(path);
    return path;
  };
  wire.forward = draw("value");
  if (!wire.gradient) return;
  wire.back = draw(colourOf(wire.gradient));
  const label = `From ${wire.to} back to ${wire.from}: the chain rule, ${wire.gradient.label}`;
  const look = `touch-edge touch-${colourOf(wire.gradient)}`;
  wire.button = element("button", { class: look, "aria-label": label }, wire.gradient.label);
  wire.button.addEventListener("click", () => explain(wire.gradient.name));
  boxOf[wire.isParameter ? wire.to : wire.from].after(wire.button);
}

// In pixels: from which width on the panel is beside the graph, and the parameters; up to which
// numbers have two decimals.
const [BESIDE, WIDE, NARROW] = [780, 820, 420];
const SIDE = 4; // an arrow forward is so far to one side of its place, one back to the other
// Where the crossing arrows begin and end, as a part of a box's width.
const PORTS = {
  mu: { z: [0.28, 0.28], kl: [0.72, 0.28] },
  logvar: { z: [0.28, 0.72], kl: [0.72, 0.72] },
};
let digits = 3; // decimals

/* Where the arrows run follows from where the boxes are. */
function layOut() {
  root.classList.toggle("touch-beside", root.clientWidth >= BESIDE);
  const graph = part("graph").getBoundingClientRect();
  const wide = graph.width >= WIDE;
  root.classList.toggle("touch-wide", wide);
  root.classList.toggle("touch-narrow", graph.width < NARROW);
  digits = graph.width < NARROW ? 2 : 3;
  for (const box of root.querySelectorAll("details")) {
    const owner = boxOf[box.dataset.of];
    if (wide === (box.parentElement !== owner)) continue;
    if (wide) owner.before(box);
    else owner.append(box);
    box.open = wide;
    box.name = wide ? "" : "touch-weights"; // folded, one is open at a time
    box.firstChild.tabIndex = wide ? -1 : 0;
  }
  const place = (name) => {
    const { left, top, width, height } = boxOf[name].getBoundingClientRect();
    const [x, y] = [left - graph.left, top - graph.top];
    return { x, y, width, right: x + width, bottom: y + height, middle: y + height / 2 };
  };
  for (const wire of wires) {
    const [a, b] = [place(wire.from), place(wire.to)];
    const isWeight = short(wire.from) === "W";
    let points, button;
    // The parameters of logvar go past mu, and the KL past the decoder along the right edge.
    if (wire.isParameter && wire.to === "logvar") {
      const [channel, x, y] = [a.right + 12, b.right - 26, b.y - 15];
      points = (side) => [
        [a.right, a.middle],
        [channel, a.middle],
        [channel, y + side],
        [x + side, y + side],
        [x + side, b.y],
      ];
      button = [x - (isWeight ? 62 : 28), y];
    } else if (wire.isParameter) {
      const y = Math.min(Math.max(b.middle, a.y + 22), a.bottom - 22) + (isWeight ? -13 : 13);
      points = (side) => [
        [a.right, y + side],
        [b.x, y + side],
      ];
      button = [(a.right + b.x) / 2, y];
    } else if (wire.from === "kl") {
      const lane = graph.width - 12;
      points = (side) => [
        [a.right, a.middle - side],
        [lane + side, a.middle - side],
        [lane + side, b.middle + side],
        [b.right, b.middle + side],
      ];
      button = [lane, (a.bottom + b.y) / 2];
    } else {
      const [from, to] = PORTS[wire.from]?.[wire.to] ?? [0.5, 0.5];
      const ends = [a.x + from * a.width, b.x + to * b.width];
      if (!PORTS[wire.from]) ends.fill(a.width < b.width ? ends[0] : ends[1]);
      const isStraight = ends[0] === ends[1];
      points = (side) => [
        [ends[0] - side, a.bottom],
        [ends[1] - side, b.y],
      ];
      const along = !isStraight ? 0.25 : wire.from === "h" && wide ? 0.3 : 0.5;
      button = [
        ends[0] + along * (ends[1] - ends[0]) + (isStraight ? 26 : 0),
        a.bottom + along * (b.y - a.bottom),
      ];
    }
    const isSeen = !wire.isParameter || wide;
    drawArrow(wire.forward, points(SIDE), isSeen);
    if (!wire.gradient) continue;
    drawArrow(wire.back, points(-SIDE).reverse(), isSeen);
    wire.button.hidden = !isSeen;
    wire.button.style.left = `${button[0]}px`;
    wire.button.style.top = `${button[1]}px`;
  }
}

function drawArrow(path, points, isSeen) {
  const [end, before] = [points.at(-1), points.at(-2)];
  const angle = Math.atan2(end[1] - before[1], end[0] - before[0]);
  const barb = (turn) => [end[0] - 7 * Math.cos(angle + turn), end[1] - 7 * Math.sin(angle + turn)];
  path.setAttribute("d", isSeen ? `M${points.join("L")}M${barb(0.45)}L${end}L${barb(-0.45)}` : "");
}

/* The panel: one equation, and the same with its numbers. */

// The local derivative with numbers, by its equation's label, where it is composed.
const LOCAL = {
  D3: () => "1",
  H4: (args, h, n, j) => `(1 − ${factor(h[n][j])}²)`,
  Z2: () => "1",
  Z3: ([, logvar, eps], z, n, j) =>
    `½ · ${exact(Math.exp(0.5 * logvar[n][j]))} · ${factor(eps[n][j])}`,
  K3: ([, logvar], kl, n, j) => `½ (${exact(Math.exp(logvar[n][j]))} − 1)`,
  B2: ([x, a], p, n, j) => `(${exact(x[n][j])} − ${exact(sigmoid(a[n][j]))})`,
  O2: ([log_px]) => `−1/${log_px.length}`,
  O3: ([log_px]) => `${model.beta}/${log_px.length}`,
};

// What a forward rule computes, with numbers.
const added = (numbers) => numbers.join(" + ");
const FORWARD = {
  D1: ([x, W, b], n, j) =>
    added([...x[n].map((value, i) => `${factor(value)}·${factor(W[i][j])}`), factor(b[0][j])]),
  H3: ([a], n, j) => `tanh ${factor(a[n][j])}`,
  Z1: ([mu, logvar, eps], n, j) =>
    `${exact(mu[n][j])} + exp(½ · ${factor(logvar[n][j])}) · ${factor(eps[n][j])}`,
  K1: ([mu, logvar], n, j) =>
    `½ (${factor(mu[n][j])}² + exp(${exact(logvar[n][j])}) − 1 − ${factor(logvar[n][j])})`,
  B1: ([x, a], n) =>
    added(x[n].map((p, d) => `(${exact(p)}·${factor(a[n][d])} − ${exact(softplus(a[n][d]))})`)),
  O1: ([log_px, kl]) => {
    const means = transposed(kl).map((unit) => exact(sum(unit) / unit.length));
    const sumOfLogs = added(log_px.map(([value]) => factor(value)));
    return `−(${sumOfLogs}) / ${log_px.length} + ${model.beta} · (${added(means)})`;
  },
};

const coloured = (colour, text) => element("span", { class: `touch-${colour}` }, text);
const set = (tag, mathematics) => {
  const made = element(tag);
  made.innerHTML = mathematics;
  return made;
};

/* An entry of an array as the code writes it: dW[0, 1]. */
function indexed(name, n, j) {
  const array = gradients[name] ?? values[name];
  const index = [...(array.length > 1 ? [n] : []), ...(array[0].length > 1 ? [j] : [])];
  return name + (index.length ? `[${index.join(", ")}]` : "");
}

const paragraph = (kind, ...content) => element("p", { class: `touch-${kind}` }, ...content);

function showPanel() {
  const step = STEPS[explained.step];
  if (!explained.step) {
    const text =
      "A minibatch of three rows x, the noise ε, and the parameters. The next step, →, computes the " +
      "first array.";
    return refill(part("panel"), paragraph("name", "Given"), paragraph("legend", text));
  }
  const title = paragraph("name", step.name, " ", element("i", {}, step.label), " ");
  title.append(element("small", {}, step.rule));
  const paths = step.paths?.length && `${step.name} = ${added(step.paths)}`;
  const equation = paragraph("equation", paths || set("span", step.set));
  const content = isGradient(step) ? explainedGradient(step) : explainedValue(step);
  refill(part("panel"), title, equation, ...content);
}

function explainedValue({ name, label, parents }) {
  const n = rowOf(name);
  const given = parents.map((parent) => values[parent]);
  return values[name][n].map((value, j) => {
    const result = element("b", {}, short(indexed(name, n, j)));
    const line = paragraph("term", result, ` = ${FORWARD[label](given, n, j)}`);
    if (state[name]?.[n][j]) line.append(` + ${factor(state[name][n][j])} by hand`);
    line.append(" = ", coloured("value", exact(value)));
    return line;
  });
}

function explainedGradient(gradient) {
  const { name, of, through, paths, label } = gradient;
  const rows = gradients[name];
  const isWeight = rows.length > 1 && !(of in nodeOf);
  const n = isWeight ? explained.unit : rowOf(name);
  const colour = colourOf(gradient);
  const given = nodeOf[through]?.parents.map((parent) => values[parent]);
  const incoming = model.gradients.findLast((other) => other.of === through)?.name ?? "dloss";
  const from = colourOf({ name: incoming });
  const legend = paths.length
    ? [`${of} reaches the loss by two paths: their gradients add.`]
    : [
        ...[coloured("local", set("span", page.local[label])), " local derivative × "],
        ...[coloured(from, short(incoming)), " incoming = "],
        ...[coloured(colour, short(name)), " outgoing"],
      ];
  const inputs = choice("Input", rows.length, n, (unit) => explain(name, unit));

  const products = rows[n].map((value, j) => {
    const parts = terms(model, values, gradients, gradient, n, j);
    const line = paragraph("term", element("b", {}, short(indexed(name, n, j))), " = ");
    parts.forEach(([local, d], i) => {
      if (i) line.append(" + ");
      if (paths.length) return line.append(coloured(colourOf({ name: paths[i] }), factor(d)));
      const spelled = LOCAL[label]?.(given, values[through], n, j) ?? factor(local);
      line.append(coloured("local", spelled), " × ", coloured(from, factor(d)));
    });
    const total = sum(parts.map(([local, d]) => local * d));
    const isOff = !(Math.abs(total - value) < 1e-9 + 1e-7 * Math.abs(total));
    line.append(" = ", coloured(isOff ? "local" : colour, exact(total)));
    if (isOff) line.append("; ", coloured("bad", `with the bug ${exact(value)}`));
    return line;
  });

  const derivative = differences[name] ?? numerical(model, state, gradient);
  const error = relativeError(rows, derivative);
  const size = minus(error > 0.01 ? error.toFixed(2) : error.toExponential(0));
  const wrong = name === firstWrong ? "✗ the first wrong gradient" : "✗ wrong too";
  const checked = paragraph(
    "legend",
    `Finite differences: ${derivative[n].map(exact).join(", ")}; `,
  );
  checked.append(
    `relative error ‖a − b‖ / (‖a‖ + ‖b‖) = ${size} `,
    name in differences ? coloured("bad", wrong) : "✓ agrees",
  );
  return [paragraph("legend", ...legend), ...(isWeight ? [inputs] : []), ...products, checked];
}

/* Other content in an element; if one of its buttons has the focus, so has the new one. */
function refill(parent, ...content) {
  const focused = [...parent.querySelectorAll("button")].indexOf(document.activeElement);
  parent.replaceChildren(...content);
  parent.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
}

/* A row of small buttons, of which one is pressed. */
function choice(text, count, chosen, choose) {
  const group = element("div", { class: "touch-choice", role: "group", "aria-label": text }, text);
  for (let i = 0; i < count; i++) {
    const about = { "aria-pressed": i === chosen, "aria-label": `${text} ${i}` };
    const button = element("button", about, String(i));
    button.addEventListener("click", () => choose(i));
    group.append(button);
  }
  return group;
}

/* Showing. */

let frame = 0;
function showSoon() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(show);
}

function show() {
  cancelAnimationFrame(frame);
  compute();
  showNumbers();
  showSteps();
  showPanel();
  layOut();
  say();
}

function showNumbers() {
  for (const { element: number, name, n, j, step, movable, gradient } of cells) {
    if (number.querySelector("input")) continue; // somebody types
    const index = n ?? rowOf(name);
    const value = (gradient ? gradients : values)[name][index][j];
    const isSeen = step <= at;
    number.textContent = isSeen ? written(value, digits) : "·";
    const where = indexed(name, index, j);
    number.setAttribute("aria-label", `${where}: ${isSeen ? exact(value) : "not computed yet"}`);
    if (movable) {
      number.setAttribute("aria-label", where);
      number.setAttribute("aria-valuenow", value);
      number.setAttribute("aria-valuetext", isSeen ? exact(value) : "not computed yet");
      number.classList.toggle("touch-moved", state[name][index][j] !== page.state[name][index][j]);
    }
    if (gradient) number.disabled = !isSeen;
  }
  for (const { element: below, line, name, n } of lines) {
    const isReached = stepOf[name] <= at;
    const isWrong = name in differences && isReached;
    const isFirst = name === firstWrong && isReached;
    line.classList.toggle("touch-bad", isWrong);
    line.classList.toggle("touch-first", isFirst);
    below.hidden = !isFirst;
    if (isFirst) {
      const derivative = differences[name][n ?? rowOf(name)];
      below.querySelectorAll("td").forEach((cell, j) => {
        cell.textContent = written(derivative[j], digits);
      });
    }
    line.classList.toggle("touch-explained", STEPS[explained.step].name === name);
  }
  const { name, of } = STEPS[explained.step];
  for (const box of Object.values(boxOf))
    box.classList.toggle("touch-current", box === boxOf[of ?? name]);
  for (const { forward: path, back, button, to, gradient } of wires) {
    path.classList.toggle("touch-ahead", stepOf[to] > at);
    if (!gradient) continue;
    const isSeen = stepOf[gradient.name] <= at;
    back.classList.toggle("touch-ahead", !isSeen);
    button.classList.toggle("touch-ahead", !isSeen);
    button.classList.toggle("touch-bad", isSeen && gradient.name === firstWrong);
    button.setAttribute("aria-pressed", STEPS[explained.step] === gradient);
  }
  const mean = (array) => sum(array.flat()) / array.length;
  const parts = `= nll ${written(-mean(values.log_px), 3)} + kl ${written(mean(values.kl), 3)}`;
  part("parts").textContent = at >= stepOf.loss ? parts : "";
  rove();
}

function showSteps() {
  const range = part("steps").querySelector("input");
  range.value = at;
  range.setAttribute("aria-valuetext", `${at} of ${LAST}: ${STEPS[at].name}`);
  part("count").textContent = `${at} / ${LAST}`;
  part("loss").textContent = `loss ${exact(values.loss[0][0])}`;
  root.classList.toggle("touch-backward", explained.step > stepOf.loss);
  for (const [line, item] of codeLines) {
    const isCurrent = line === STEPS[explained.step].line;
    item.classList.toggle("touch-current", isCurrent);
    if (isCurrent) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  const planted = page.bugs.find(({ name }) => name === bug);
  const note = part("wrong");
  note.hidden = !planted;
  if (planted) {
    note.replaceChildren(
      element("b", {}, planted.name),
      planted.found ? ` (${planted.found})` : "",
      element("pre", {}, planted.code),
    );
    if (model.gradients.some(({ name }) => Number.isNaN(gradients[name][0][0])))
      note.append("The gradient is filled with NaN first: what is added or not written shows.");
    const ofWeights = model.gradients.filter(({ of }) => of.endsWith(".W"));
    if (ofWeights.every(({ name }) => gradients[name].flat().every((value) => value === 0)))
      note.append("There is no minibatch before this one: what is remembered of it is 0.");
  }
  const rows = choice("Row", values.x.length, row, (n) => {
    row = n;
    show();
  });
  refill(part("rows"), rows);
}

/* For screen readers, once nothing has moved for a moment. */
let waiting = 0;
function say() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const step = STEPS[at];
    const array = gradients[step.name] ?? values[step.name];
    const said = [`Step ${at} of ${LAST}: ${step.name}`, step.equation];
    if (array) said.push(array[rowOf(step.name)].map(exact).join(", "));
    said.push(`loss ${exact(values.loss[0][0])}`);
    if (firstWrong && stepOf[firstWrong] <= at) said.push(`${firstWrong} is the first wrong one`);
    root.querySelector("[role=status]").textContent = said.filter(Boolean).join("; ");
  }, 500);
}

/* Show, and make sure that the array of this step is in view. */
function bring() {
  const { name, of } = STEPS[at];
  if (boxOf[of]?.tagName === "DETAILS") boxOf[of].open = true;
  show();
  const line = lines.find((other) => other.name === name)?.line;
  const behavior = CALM ? "instant" : "smooth";
  (line ?? boxOf[name])?.scrollIntoView({ block: "nearest", behavior });
}

/* The keyboard. Tab goes from box to box; in a box the arrows go from number to number. */

function numbersIn(box) {
  const numbers = box.querySelectorAll("[role=spinbutton], button.touch-number:not(:disabled)");
  return [...numbers].filter((number) => number.closest(".touch-box") === box);
}

function rove(chosen) {
  for (const box of root.querySelectorAll(".touch-box")) {
    const numbers = numbersIn(box);
    const stop = Math.max(numbers.indexOf(chosen ?? document.activeElement), 0);
    numbers.forEach((number, i) => (number.tabIndex = i === stop ? 0 : -1));
  }
}

root.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select")) return;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const box = event.target.closest(".touch-box");
  const isNumber = event.target.matches(".touch-number");
  if (event.key === "Escape" && box) part("graph").focus({ preventScroll: true });
  else if (by && isNumber) {
    const numbers = numbersIn(box);
    const next = numbers[numbers.indexOf(event.target) + by];
    if (next) {
      rove(next);
      next.focus();
    }
  } else if (by) goTo(at + by);
  else if (event.key === "Home" && !isNumber) goTo(0);
  else if (event.key === "End" && !isNumber) goTo(LAST);
  else return;
  event.preventDefault();
});

/* Everything is made once. */

state = structuredClone(page.state);
compute();
LAYOUT.forEach((names, i) =>
  names.forEach((name, half) => {
    const box = makeBox(name);
    box.style.setProperty("--touch-row", i + 1);
    box.classList.add(names.length === 1 ? "touch-whole" : half ? "touch-right" : "touch-left");
    box.classList.toggle("touch-crossed", name in PORTS);
    if (nodeOf[name].rule.startsWith("dense")) {
      const weights = makeWeights(name);
      const [from, span] = WEIGHTS[name];
      weights.style.cssText = `--touch-from: ${from}; --touch-span: ${span}`;
      box.append(weights);
    }
    part("graph").append(box);
  }),
);
wires.forEach(makeWire);
const codeLines = code.map(([line, text]) => {
  const item = element("li", {}, text);
  const step = STEPS.findIndex((other) => other.line === line);
  if (step >= 0) {
    item.classList.add("touch-runs");
    item.addEventListener("click", () => goTo(step));
  }
  part("code").append(item);
  return [line, item];
});
for (const { kind, name } of page.bugs) {
  const select = part("plant").querySelector("select");
  const label = kind.split(":")[0];
  if (select.lastElementChild.label !== label) select.append(element("optgroup", { label }));
  select.lastElementChild.append(element("option", {}, name));
}
part("plant").addEventListener("change", (event) => plant(event.target.value));
part("reset").addEventListener("click", reset);
const range = part("steps").querySelector("input");
range.max = LAST;
range.addEventListener("input", () => goTo(Number(range.value)));
part("steps").addEventListener("click", ({ target }) => {
  const to = { first: 0, back: at - 1, on: at + 1, last: LAST }[target.dataset.to];
  if (to !== undefined) goTo(to);
});
new ResizeObserver(() => showSoon()).observe(part("graph"));
show();
