"use strict";
/* The page around the decoder. Its state is the latent point z, and y, what a conditioned model is
   given beside it. Whatever moves z calls `moveTo` (at once) or `glideTo` (in a smooth path); `show`
   makes all that is seen follow. */

const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId("data").textContent);
const decoder = unpackDecoder(page.decoder);
const points = unpack(page.points, Float32Array); // two numbers per example
const codes = unpack(page.codes, Float32Array); // page.latent numbers per original
const isImage = page.shape.length > 1;
const hasMap = page.units.length > 1;
const [horizontal, vertical] = page.units;

const conditions = unpack(page.y, Float32Array); // C numbers per original

let z = new Float64Array(page.latent);
let y = new Float64Array(page.given.reduce((total, { width }) => total + width, 0));

const nameOf = (unit) => "z" + String(unit + 1).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);
const digits = Math.max(0, 2 - Math.floor(Math.log10(page.limit))); // 2 for a limit of 3
const written = (value) => value.toFixed(digits).replace("-", "−");
const clip = (value) => Math.min(Math.max(value, -page.limit), page.limit);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* Moving. */

let frame = 0; // the animation frame that is waiting to be drawn
let glide = 0; // the one that is waiting to move z on

function moveTo(changes) {
  cancelAnimationFrame(glide);
  for (const [unit, value] of Object.entries(changes)) z[unit] = clip(value);
  choose(null);
  showSoon();
}

/* To another point in half a second, so that one sees what lies between. */
function glideTo(target) {
  cancelAnimationFrame(glide);
  const start = z.slice();
  const duration = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 500;
  const began = performance.now();
  const step = (now) => {
    const t = duration ? Math.min(Math.max((now - began) / duration, 0), 1) : 1;
    const eased = t * t * (3 - 2 * t);
    z = start.map((from, unit) => from + eased * (target[unit] - from));
    show();
    if (t < 1) glide = requestAnimationFrame(step);
  };
  step(began);
}

function showSoon() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(show);
}

function show() {
  showPicture(decode(decoder, [...z, ...y]));
  if (hasMap) drawMap();
  for (const { unit, input, output } of sliders) {
    input.value = z[unit];
    output.value = written(z[unit]);
  }
  controls.forEach((control) => control.show());
  say();
}

/* For screen readers, once the point has come to rest. */
let waiting = 0;
function say() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const where = page.units.map((unit) => `z${unit + 1} ${written(z[unit])}`);
    byId("said").textContent = `The point is at ${where.join(", ")}`;
  }, 400);
}

/* The picture: an image, or a bar for each column of a table. */

/* low is drawn black, and high white; the pixels clip what lies outside. */
function paint(canvas, x, [low, high]) {
  const [height, width, channels = 1] = page.shape;
  const shade = (value) => (255 * (value - low)) / (high - low || 1);
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = shade(x[i * channels + (c % channels)]);
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function makePicture() {
  if (isImage) {
    const canvas = element("canvas", { id: "picture", role: "img", "aria-label": "Decoded image" });
    byId("stage").append(canvas);
    return (x) => paint(canvas, x, page.limits);
  }
  const rows = page.columns.map((name) => {
    const bar = element("div", { class: "bar" });
    const value = element("span", { class: "value" });
    const track = element("div", { class: "track" }, bar);
    return { bar, value, item: element("li", {}, element("span", { class: "name" }, name), track, value) };
  });
  const attributes = { id: "bars", tabindex: 0, "aria-label": "Decoded row" };
  byId("stage").append(element("ul", attributes, ...rows.map((row) => row.item)));
  return (x) =>
    rows.forEach(({ bar, value }, i) => {
      const spread = page.high[i] - page.low[i] || 1;
      const share = Math.min(Math.max((x[i] - page.low[i]) / spread, 0), 1);
      bar.style.transform = `scaleX(${share})`;
      value.textContent = `${Number(x[i].toPrecision(3))}`.replace("-", "−");
    });
}

const showPicture = makePicture();

/* The sliders. */

const sliders = page.units.map((unit) => {
  const range = { type: "range", min: -page.limit, max: page.limit, step: 10 ** -digits };
  const input = element("input", { ...range, "aria-label": `Latent unit z${unit + 1}` });
  const output = element("output");
  input.addEventListener("input", () => moveTo({ [unit]: Number(input.value) }));
  byId("sliders").append(element("label", {}, nameOf(unit), input, output));
  return { unit, input, output };
});

/* What a conditioned model is given: a menu for levels, a slider for numbers. */

function makeControl(column) {
  const { name, levels, low, high, step, isDate } = column;
  const input = levels
    ? element("select", {}, ...levels.map((level, i) => new Option(level, i)))
    : element("input", { type: "range", min: low, max: high, step });
  const output = element("output");
  input.addEventListener("input", () => {
    give(column, y, Number(input.value));
    choose(null);
    showSoon();
  });
  give(column, y, levels ? 0 : column.center);
  byId("given").append(element("label", {}, name, input, levels ? "" : output));
  const said = (value) =>
    isDate
      ? new Date(86400000 * Math.round(value)).toISOString().slice(0, 10)
      : `${Number(value.toPrecision(6))}`.replace("-", "−");
  return {
    show() {
      input.value = valueGiven(column, y);
      output.value = said(Number(input.value));
    },
  };
}

byId("given").hidden = !page.given.length;
const controls = page.given.map(makeControl);

/* The map. What never moves is drawn once, on a canvas of its own. */

const map = byId("map");
const ground = document.createElement("canvas");
let colouring = page.colourings[0];

const toPixel = (value, size) => ((value / page.limit + 1) / 2) * size;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

function drawGround() {
  const size = Math.round(map.clientWidth * devicePixelRatio);
  if (!size) return;
  const unit = size / map.clientWidth; // device pixels in a pixel of the page
  map.width = map.height = ground.width = ground.height = size;
  const pen = ground.getContext("2d");
  const middle = size / 2;
  pen.lineWidth = unit;
  pen.strokeStyle = css("--line");
  pen.strokeRect(0, middle, size, 0);
  pen.strokeRect(middle, 0, 0, size);

  const edge = css("--dot-edge");
  const colourOf = colouring && unpack(colouring.index, Uint8Array);
  for (let i = 0; i < points.length / 2; i++) {
    pen.beginPath();
    pen.arc(toPixel(points[2 * i], size), toPixel(-points[2 * i + 1], size), 2.6 * unit, 0, 7);
    pen.globalAlpha = 0.8;
    pen.fillStyle = colouring ? colouring.palette[colourOf[i]] : css("--focus");
    pen.fill();
    pen.lineWidth = unit / 2;
    pen.strokeStyle = edge;
    pen.stroke();
  }

  pen.globalAlpha = 1;
  pen.font = `${13 * unit}px system-ui, sans-serif`;
  pen.fillStyle = css("--soft");
  const write = (text, x, y) => {
    pen.lineWidth = 4 * unit; // a halo, to be read among the dots
    pen.strokeStyle = css("--panel");
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  };
  for (const sigma of [1, 2]) {
    const radius = toPixel(sigma, size) - middle;
    pen.lineWidth = unit;
    pen.strokeStyle = css("--soft");
    pen.beginPath();
    pen.arc(middle, middle, radius, 0, 7);
    pen.stroke();
    write(`${sigma}σ`, middle + 0.72 * radius + 4 * unit, middle + 0.72 * radius + 12 * unit);
  }
  write(`${nameOf(vertical)} ↑`, middle + 6 * unit, 14 * unit);
  pen.textAlign = "right";
  write(`${nameOf(horizontal)} →`, size - 4 * unit, middle - 6 * unit);
  drawMap();
}

function drawMap() {
  const size = map.width;
  const unit = size / map.clientWidth;
  const pen = map.getContext("2d");
  pen.clearRect(0, 0, size, size);
  pen.drawImage(ground, 0, 0);
  pen.beginPath();
  pen.arc(toPixel(z[horizontal], size), toPixel(-z[vertical], size), 10 * unit, 0, 7);
  pen.fillStyle = css("--accent");
  pen.fill();
  pen.lineWidth = 3 * unit;
  pen.strokeStyle = css("--ring");
  pen.stroke();
}

function follow(event) {
  const box = map.getBoundingClientRect();
  const x = (2 * (event.clientX - box.left)) / box.width - 1;
  const y = 1 - (2 * (event.clientY - box.top)) / box.height;
  moveTo({ [horizontal]: x * page.limit, [vertical]: y * page.limit });
}

function key(event) {
  const step = (event.shiftKey ? 5 : 1) * (page.limit / 30); // about 0.1
  const [dx, dy] =
    { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowDown: [0, -step], ArrowUp: [0, step] }[
      event.key
    ] ?? [];
  if (dx !== undefined) moveTo({ [horizontal]: z[horizontal] + dx, [vertical]: z[vertical] + dy });
  else if (event.key === "Home") byId("centre").click();
  else return;
  event.preventDefault(); // or the page would scroll
}

function makeMap() {
  byId("map-panel").hidden = !hasMap;
  document.querySelector("main").classList.toggle("no-map", !hasMap);
  if (!hasMap) {
    byId("help").textContent = "Move the slider, and the decoder draws what lies there.";
    return;
  }
  map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    map.setPointerCapture(event.pointerId);
    follow(event);
  });
  map.addEventListener("pointermove", (event) => {
    if (map.hasPointerCapture(event.pointerId)) follow(event);
  });
  map.addEventListener("keydown", key);
  new ResizeObserver(drawGround).observe(map);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawGround);
}

/* The colours of the map, and what they mean. */

function makeColours() {
  byId("colours").hidden = !colouring;
  byId("colour-by").append(...page.colourings.map(({ name }, i) => new Option(name, i)));
  byId("colour-by").addEventListener("change", (event) => {
    colouring = page.colourings[event.target.value];
    showLegend();
    drawGround();
  });
  if (page.colourings.length === 1) byId("colour-choice").textContent = colouring.name;
  showLegend();
}

function showLegend() {
  if (!colouring) return;
  const { palette, labels, isClass } = colouring;
  const mark = (background, kind) => {
    const made = element("i", { class: kind });
    made.style.background = background;
    return made;
  };
  const ramp = mark(`linear-gradient(90deg, ${palette})`, "ramp");
  const [low, high] = labels;
  byId("legend").replaceChildren(
    ...(isClass
      ? palette.map((colour, i) => element("span", {}, mark(colour, "dot"), labels[i]))
      : [low, ramp, high]),
  );
}

/* The originals. */

const thumbnails = [];

function choose(chosen) {
  thumbnails.forEach((button) => button.setAttribute("aria-pressed", button === chosen));
}

function makeThumbnails() {
  const count = codes.length / page.latent;
  const pixels = isImage && unpack(page.originals, Uint8Array);
  for (let i = 0; i < count; i++) {
    const face = isImage ? element("canvas") : String(i + 1);
    if (isImage) paint(face, pixels.subarray((i * pixels.length) / count), [0, 255]);
    const label = `Original ${i + 1} of ${count}`;
    const button = element("button", { type: "button", "aria-label": label }, face);
    button.addEventListener("click", () => {
      choose(button);
      y = Float64Array.from(conditions.slice(i * y.length, (i + 1) * y.length));
      glideTo(codes.slice(i * page.latent, (i + 1) * page.latent));
    });
    thumbnails.push(button);
  }
  choose(null);
  byId("thumbnails").append(...thumbnails);
}

/* A draw from N(0, 1), by Box and Muller. */
function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}

byId("centre").addEventListener("click", () => {
  choose(null);
  glideTo(new Float64Array(page.latent));
});
const noise = () => Float64Array.from({ length: page.latent }, normal);
byId("prior").addEventListener("click", () => {
  choose(null);
  glideTo(noise());
});
byId("mixture").hidden = !page.mixture;
byId("mixture").addEventListener("click", () => {
  choose(null);
  glideTo(fromMixture(unpackMixture(page.mixture), Math.random(), noise()));
});

makeMap();
makeColours();
makeThumbnails();
show();
