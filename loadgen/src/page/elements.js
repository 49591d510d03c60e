"use strict";
// Words, numbers and tables. Text from the data only ever becomes text, never markup.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) made.append(child);
  }
  return made;
}

function count(value) {
  return value === null || value === undefined ? "n/a" : Math.round(value).toLocaleString("en-US");
}

function perSecond(value) {
  return value === null || value === undefined ? "n/a" : count(value) + " /s";
}

// Microseconds, with three digits that count and the unit that fits.
function time(micros) {
  if (micros === null || micros === undefined) return "n/a";
  if (typeof micros === "string") return micros;
  const [value, unit] = micros < 1e3 ? [micros, "µs"] : micros < 1e6 ? [micros / 1e3, "ms"] : [micros / 1e6, "s"];
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0) + " " + unit;
}

function share(value) {
  if (value === null || value === undefined) return "n/a";
  const percent = value * 100;
  return percent.toFixed(percent === 0 || percent >= 10 ? 0 : percent >= 0.1 ? 1 : 4) + " %";
}

function table(head, rows) {
  const cell = (name) => (content) => element(name, {}, content instanceof Node ? content : String(content));
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, head.map(cell("th")))),
    element("tbody", {}, rows.map((row) => element("tr", {}, row.map(cell("td")))))));
}

function tile(name, value, note) {
  return element("div", { class: "tile" }, element("small", {}, name), element("b", {}, value), element("small", {}, note ?? ""));
}

// What is known of the switch, or else what this run had, marked with ~.
function asKnown(latency, name) {
  const observed = latency?.observed?.[name];
  return latency?.[name] === null && typeof observed === "number" ? "~" + time(observed) : time(latency?.[name] ?? observed);
}

function withInterval(latency, name) {
  const interval = latency?.intervals?.[name];
  const value = asKnown(latency, name);
  return interval ? element("span", {}, value, element("small", {}, ` ${time(interval[0])}–${time(interval[1])}`)) : value;
}
