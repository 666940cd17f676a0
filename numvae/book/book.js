"use strict";
/* The page can be read without this script. It shows what a word means, searches, goes on and back,
   switches the colours, and opens what is folded where a link leads into it. */

const byId = (id) => document.getElementById(id);
const root = document.documentElement;
root.classList.add("scripted");

/* What a word or a symbol means. */

const names = byId("terms").content.querySelectorAll("dt");
const meanings = byId("terms").content.querySelectorAll("dd");
const tip = byId("tip");
let shownFor = null;

function showTip(target) {
  if (shownFor === target) return;
  shownFor = target;
  const i = target.dataset.t;
  tip.innerHTML = `<b>${names[i].innerHTML}</b>${meanings[i].innerHTML}`;
  tip.hidden = false;
  target.setAttribute("aria-describedby", "tip");
  const at = target.getBoundingClientRect();
  const left = Math.min(at.left, root.clientWidth - tip.offsetWidth - 12);
  const below = at.bottom + tip.offsetHeight + 12 < root.clientHeight;
  tip.style.left = `${Math.max(left, 12) + scrollX}px`;
  tip.style.top = `${(below ? at.bottom + 6 : at.top - tip.offsetHeight - 6) + scrollY}px`;
}

function hideTip() {
  shownFor?.removeAttribute("aria-describedby");
  shownFor = null;
  tip.hidden = true;
}

const termOf = (event) => event.target.closest?.("[data-t]");
for (const type of ["pointerover", "focusin"]) {
  document.addEventListener(type, (event) => {
    const target = termOf(event);
    if (target) showTip(target);
    else if (!tip.contains(event.target)) hideTip();
  });
}
document.addEventListener("click", (event) => {
  const target = termOf(event);
  if (!target) return hideTip();
  if (target.matches("a")) event.preventDefault(); // what it means is on the screen already
  showTip(target);
});

/* In each section the Tab key comes once to each term and to each place that links lead to, where it
   occurs first; never to a link to where it stands. */
for (const section of document.querySelectorAll("main > *")) {
  const met = new Set();
  for (const term of section.querySelectorAll("[data-t], a")) {
    const key = term.dataset.t ?? term.hash;
    const first = !met.has(key);
    met.add(key);
    if (term.matches("a")) {
      if (!first || byId(decodeURIComponent(key.slice(1)))?.contains(term)) term.tabIndex = -1;
    } else if (first) {
      term.setAttribute("tabindex", "0");
      if (!term.matches("code")) term.setAttribute("role", "img");
      const i = term.dataset.t;
      term.setAttribute("aria-label", `${term.textContent}: ${meanings[i].textContent}`);
    }
  }
}

/* What is folded opens where a link leads into it. */

function open(element) {
  for (let at = element; at; at = at.parentElement) if (at.matches("details")) at.open = true;
}

function follow() {
  const target = document.querySelector(":target");
  if (!target) return;
  open(target);
  target.scrollIntoView();
}
addEventListener("hashchange", follow);

for (const button of document.querySelectorAll("[data-all]")) {
  button.addEventListener("click", () => {
    const all = byId(button.dataset.all).querySelectorAll("details.line");
    const now = button.getAttribute("aria-pressed") !== "true";
    for (const details of all) details.open = now;
    button.setAttribute("aria-pressed", now);
    button.textContent = now ? "Close all lines" : "Open all lines";
  });
}

if (root.clientWidth < 700) {
  for (const words of document.querySelectorAll(".new:not(.wide) details")) words.open = false;
}

/* Contents, previous and next. */

const sections = [...document.querySelectorAll("main > section")];
const links = new Map([...document.querySelectorAll("#contents a")].map((a) => [a.hash.slice(1), a]));
const contents = byId("contents");

function showContents(shown) {
  contents.classList.toggle("shown", shown);
  byId("contents-button").setAttribute("aria-expanded", shown);
}
byId("contents-button").addEventListener("click", () => {
  showContents(!contents.classList.contains("shown"));
  contents.querySelector("[aria-current], a").focus();
});
document.addEventListener("click", ({ target }) => {
  if (target.closest("#contents a") || !target.closest("#contents, #contents-button")) showContents(false);
});

let here = -1;
function place() {
  const y = 120; // just below the bar
  let now = -1;
  sections.forEach((section, i) => {
    if (section.getBoundingClientRect().top <= y) now = i;
  });
  const before = now >= 0 && sections[now].getBoundingClientRect().top < 0 ? now : now - 1;
  byId("previous").hash = before >= 0 ? sections[before].id : "top";
  byId("next").hash = (sections[now + 1] ?? sections.at(-1)).id;
  if (now === here) return;
  here = now;
  for (const link of links.values()) link.removeAttribute("aria-current");
  const link = links.get(sections[now]?.id);
  link?.setAttribute("aria-current", "true");
  if (link && !contents.matches(":hover")) {
    contents.scrollTop = link.offsetTop - contents.clientHeight / 2;
  }
}
let frame = 0;
addEventListener("scroll", () => {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(place);
}, { passive: true });

/* One pixel by hand: what is typed is judged as numvae/lessons/pixel.py judges it. */

const close = (typed, value) => Math.abs(typed - value) <= 0.006 * Math.max(Math.abs(value), 0.1);

/* What is wrong with a typed answer, in a sentence; "" if it is right. */
function judged({ value, wrong }, text) {
  const typed = Number(text.replace(",", ".").replace("−", "-"));
  if (!text.trim() || !Number.isFinite(typed)) return "Type a number, such as 0.61.";
  if (close(typed, value)) return "";
  for (const [other, sentence] of wrong) if (close(typed, other)) return sentence;
  if (close(-typed, value)) return "The sign is wrong.";
  if (close(typed, 2 * value)) return "It is twice what it should be: a ½ is missing.";
  if (close(2 * typed, value)) return "It is half of what it should be.";
  return "Not yet. Compute it again, to three digits.";
}

const questions = JSON.parse(byId("pixel-data").textContent);
document.querySelectorAll(".pixel li:has(input)").forEach((item, i) => {
  const input = item.querySelector("input");
  input.addEventListener("change", () => {
    const isTyped = input.value.trim() !== "";
    const sentence = isTyped ? judged(questions[i], input.value) : "Nothing is typed yet.";
    item.className = !isTyped ? "" : sentence ? "wrong" : "right";
    const right = `Right: ${questions[i].value.toFixed(4).replace("-", "−")}`;
    item.querySelector("output").textContent = sentence || right;
  });
});

/* Search: headings first, then equations, words, and text. */

const query = byId("query");
const found = byId("found");
let index = null;
let chosen = -1;

function makeIndex() {
  const wanted = "h2, h3, h5, .row[id], dfn, figcaption, summary, p, dd, td, ul li, .steps li";
  const again = ".panel *, .steps p, .new summary"; // said elsewhere
  return sections.flatMap((section) => {
    const entry = (element, kind, said, at) => {
      const text = said.replace(/\s+/g, " ").trim();
      return { element, kind, text, low: folded(text), section, at };
    };
    const found = [...section.querySelectorAll(wanted)].filter((element) => !element.matches(again));
    const code = [...section.querySelectorAll(".listing code")].filter((element) => !element.matches(again));
    return [
      ...found.map((element) => {
        const kind = element.matches("h2, h3, h5") ? 0 : element.matches(".row, dfn") ? 1 : 2;
        return entry(element, kind, textOf(element));
      }),
      ...code.flatMap((element) => {
        const lines = element.textContent.split("\n");
        return lines.map((line, i) => entry(element, 3, line, i / lines.length));
      }),
    ];
  });
}

/* As it is compared: in small letters, Greek ones by their names, with s in -ise and without hyphens. */
const GREEK = { α: "alpha", β: "beta", ε: "eps", θ: "theta", μ: "mu", ρ: "rho", σ: "sigma", ψ: "psi" };
const folded = (text) =>
  text
    .toLowerCase()
    .replace("epsilon", "eps")
    .replace(/[α-ω]/g, (letter) => GREEK[letter] ?? letter)
    .replace(/iz(?=e|ing|ation)/g, "is")
    .replace(/(?<=[a-z])-(?=[a-z])/g, " ");
const wordsOf = (typed) => folded(typed).split(/\s+/).filter((word) => !["", "of", "the", "trick"].includes(word));
const ALIKE = [["derivative", "gradient", "slope", "backward"]];
const alike = (word) => ALIKE.find((names) => names.includes(word)) ?? [word];

/* Equations as the source writes them. */
function textOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.localName === "math") return node.getAttribute("alttext");
  return [...node.childNodes].map(textOf).join(node.matches(".row, .steps li, .chips") ? " " : "");
}

function anchorOf(element) {
  const near = element.closest("[id]") ?? element.querySelector("[id]");
  return near.id;
}

function score({ low, kind }, words) {
  if (!words.every((word) => alike(word).some((name) => low.includes(name)))) return Infinity;
  const starts = words.every((word) => [" ", "."].some((before) => ` ${low}`.includes(before + word)));
  return kind * 10 + (low === words.join(" ") ? -20 : 0) + (starts ? 0 : 5) + Math.min(low.length / 200, 4);
}

function search() {
  index ??= makeIndex();
  const words = wordsOf(query.value);
  const hits = words.length
    ? index.map((entry) => [score(entry, words), entry]).filter(([points]) => points < Infinity)
    : [];
  hits.sort(([a], [b]) => a - b);
  const seen = new Set();
  const shown = [];
  for (const [, entry] of hits) {
    if (!seen.has(entry.low) && shown.length < 12) shown.push([anchorOf(entry.element), entry]);
    seen.add(entry.low);
  }
  found.replaceChildren(...shown.map(([id, entry], i) => {
    const item = document.createElement("li");
    item.id = `found-${i}`;
    item.setAttribute("role", "option");
    const link = document.createElement("a");
    link.href = `#${id}`;
    link.tabIndex = -1;
    const at = Math.max(entry.text.toLowerCase().indexOf(words[0]) - 30, 0);
    const where = document.createElement("small");
    where.textContent = entry.section.getAttribute("aria-label");
    link.append((at ? "…" : "") + entry.text.slice(at, at + 90) + (entry.text.length > at + 90 ? "…" : ""), where);
    item.append(link);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go(entry, id);
    });
    return item;
  }));
  if (words.length && !shown.length) {
    const none = document.createElement("li");
    none.textContent = "Nothing found.";
    found.append(none);
  }
  found.hidden = !words.length;
  query.setAttribute("aria-expanded", !found.hidden);
  byId("said").textContent = words.length ? `${shown.length} found` : "";
  choose(shown.length ? 0 : -1);
}

function choose(i) {
  chosen = i;
  [...found.children].forEach((item, j) => item.setAttribute("aria-selected", i === j));
  query.setAttribute("aria-activedescendant", i >= 0 ? `found-${i}` : "");
  found.children[i]?.scrollIntoView({ block: "nearest" });
}

function go({ element, at }, id) {
  found.hidden = true;
  query.setAttribute("aria-expanded", false);
  history.pushState(null, "", `#${id}`);
  open(element);
  element.scrollIntoView({ block: "center" });
  const { top, height } = element.getBoundingClientRect();
  if (at !== undefined) scrollBy(0, top + at * height - root.clientHeight / 2); // a line of code
  element.animate?.([{ background: "var(--mark)" }, {}], 2500);
}

query.addEventListener("input", search);
query.addEventListener("focus", () => query.value && search());
query.addEventListener("keydown", (event) => {
  const n = found.querySelectorAll("a").length;
  if (event.key === "ArrowDown" && n) choose((chosen + 1) % n);
  else if (event.key === "ArrowUp" && n) choose((chosen + n - 1) % n);
  else if (event.key === "Escape") found.hidden = true;
  else return;
  event.preventDefault();
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  found.children[chosen]?.querySelector("a").click();
  query.blur();
});
document.addEventListener("click", (event) => {
  if (!byId("search").contains(event.target)) found.hidden = true;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    hideTip();
    if (contents.contains(document.activeElement)) byId("contents-button").focus();
    showContents(false);
  }
  if (event.target.closest("input, textarea, select, [role=slider]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") query.focus();
  else if (event.key === "[") byId("previous").click();
  else if (event.key === "]") byId("next").click();
  else return;
  event.preventDefault();
});

/* Colours: as the system has them, light, or dark. */

const THEMES = ["", "light", "dark"];
const NAMES = { "": "as the system", light: "light", dark: "dark" };
function show(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  const button = byId("theme");
  button.textContent = { "": "◐", light: "☀", dark: "☾" }[theme];
  button.title = `Colours: ${NAMES[theme]}`;
  button.setAttribute("aria-label", button.title);
}
let theme = "";
try {
  theme = localStorage.getItem("theme") ?? "";
} catch {} // a page from a file may have no memory
show(NAMES[theme] ? theme : "");
byId("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % 3];
  show(theme);
  try {
    localStorage.setItem("theme", theme);
  } catch {}
});

place();
if (location.hash) follow();
