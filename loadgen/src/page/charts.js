"use strict";
// The pictures: lines by uPlot, the heat map on a canvas of its own.

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FINE = { 1: true, 2: true, 5: true };

function axis(label, values, more) {
  return { label, values: (_, splits) => splits.map(values), stroke: style("--quiet"), grid: { stroke: style("--line"), width: 1 },
    ticks: { stroke: style("--line"), width: 1 }, labelSize: 22, size: 62, ...more };
}

// On a logarithmic scale: words for 1, 2 and 5 of each ten.
const sparse = (word) => (value) => {
  if (!(value > 0)) return "";
  const digit = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
  return FINE[digit] ? word(value) : "";
};

function line(label, color, more) {
  return { label, stroke: style(color), width: 1.6, points: { show: false }, spanGaps: true, ...more };
}

function chart(title, note, options, data) {
  const place = element("div", {});
  const card = element("div", { class: "chart" }, element("h3", {}, title), note ? element("p", { class: "quiet" }, note) : null, place);
  const draw = () => {
    const plot = new uPlot({ width: place.clientWidth || 1000, height: 300, cursor: { drag: { x: true, y: false } }, ...options }, data, place);
    window.addEventListener("resize", () => plot.setSize({ width: place.clientWidth, height: 300 }));
  };
  return { card, draw };
}

const killed = (kills) => (kills.length > 0 ? " Red: from a fault until everybody was answered again; lighter: until everybody was approved again." : "");
const [UNANSWERED, UNAPPROVED] = ["rgba(200,60,50,.28)", "rgba(200,60,50,.13)"];

// What is not measured lies in grey: the warm-up, and kills where there were any.
function shade(from, until, kills) {
  return { hooks: { drawClear: [(plot) => {
    const { ctx, bbox } = plot;
    const band = (begin, end, color) => {
      const left = Math.max(bbox.left, plot.valToPos(begin, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
      ctx.save();
      ctx.fillStyle = color;
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.restore();
    };
    band(plot.scales.x.min, from, "rgba(128,128,128,.16)");
    band(until, plot.scales.x.max, "rgba(128,128,128,.16)");
    for (const kill of kills) {
      band(kill.from_s, kill.served_s, UNANSWERED);
      band(kill.served_s, kill.until_s, UNAPPROVED);
    }
  }] } };
}

// When nobody was served: a row for each operator, a bar from each fault until its next answered request, and a lighter one until the next
// approved one.
function unserved(faults, operators, end) {
  const part = (s) => (100 * Math.min(s, end)) / end;
  const bar = (fault, name) => {
    const length = fault.unavailable_s[name] ?? end;
    const said = `${fault.fault} at ${fault.at_s.toFixed(1)} s: ${fault.unavailable_s[name] === null ? "not served any more" : length.toFixed(3) + " s"}`;
    const approved = fault.approved_after_s?.[name] ?? end;
    const later = fault.approved_after_s?.[name] === null ? "not approved any more" : `approved after ${approved.toFixed(3)} s`;
    const from = part(fault.at_s), to = part(fault.at_s + length), until = part(fault.at_s + approved);
    return [element("i", { title: said, style: `left:${from}%;width:max(2px,${to - from}%)` }),
      element("i", { class: "declined", title: later, style: `left:${to}%;width:max(1px,${until - to}%)` })];
  };
  const row = (name) => element("div", { class: "served" }, element("span", {}, name),
    element("div", {}, faults.flatMap((fault) => bar(fault, name))));
  const card = element("div", { class: "chart" }, element("h3", {}, "Who was not served"),
    element("p", { class: "quiet" }, `From each fault until the operator's next answered request, lighter until its next approved one, over the ${end.toFixed(0)} s of the drill.`), operators.map(row));
  return { card, draw: () => {} };
}

// The ratio of each metric with its interval, on a logarithmic scale around one; the band is what counts as the same.
function ratios({ metrics, same_within }) {
  const farthest = Math.max(...metrics.flatMap((m) => m.interval).map((ratio) => Math.abs(Math.log(ratio))), Math.log(1 + same_within)) * 1.1;
  const part = (ratio) => 50 + 50 * Math.min(1, Math.max(-1, Math.log(ratio) / farthest));
  const span = (from, to, kind, title) => element("i", { class: kind, title, style: `left:${part(from)}%;width:max(2px,${part(to) - part(from)}%)` });
  const row = (m) => element("div", { class: "served ratio" }, element("span", {}, m.metric), element("div", {},
    span(1 - same_within, 1 + same_within, "band", `the same: within ±${share(same_within)}`),
    span(m.interval[0], m.interval[1], m.verdict, `${m.metric}: ${m.interval[0].toFixed(3)} to ${m.interval[1].toFixed(3)}`),
    span(m.ratio, m.ratio, "point", m.ratio.toFixed(3))));
  const ends = [-1, 0, 1].map((end) => element("span", {}, "×" + Math.exp(end * farthest).toFixed(2)));
  const card = element("div", { class: "chart" }, element("h3", {}, "Ratio of each metric, with its 95 % interval"),
    element("p", { class: "quiet" }, "Left of the middle B has less, right more. The grey band counts as the same."),
    metrics.map(row), element("div", { class: "ends" }, ends));
  return { card, draw: () => {} };
}

function overTime(title, note, points, window_, kills, unit, scale, lines) {
  const seconds = points.map((point) => point.at_s);
  const data = [seconds, ...lines.map((l) => points.map((point) => point[l.of] ?? null))];
  const named = lines.map((l) => line(l.name, l.color, { value: (_, v) => unit(v), ...l.more }));
  return chart(title, note + killed(kills), {
    scales: { x: { time: false }, y: scale },
    axes: [axis("seconds", (v) => v, { size: 34 }), axis("", scale.distr === 3 ? sparse(unit) : unit)],
    series: [{ label: "at", value: (_, v) => (v === null ? "" : v.toFixed(1) + " s") }, ...named],
    plugins: [shade(window_.from_s, window_.until_s, kills)],
  }, data);
}

function spectrum(spectra) {
  const inverse = (step) => 1 / (1 - step.p);
  const places = [...new Set(Object.values(spectra).flat().map(inverse))].sort((a, b) => a - b);
  const at = (steps, of) => {
    const known = new Map(steps.map((step) => [inverse(step), of(step)]));
    return places.map((place) => known.get(place) ?? null);
  };
  const data = [places], series = [{ label: "percentile", value: (_, v) => (v ? percentile(v) : "") }], bands = [];
  for (const [name, color, fill] of [["response", "--one", "rgba(60,120,200,.18)"], ["service", "--two", "rgba(200,110,50,.18)"]]) {
    const steps = spectra[name] ?? [];
    const limit = { stroke: "transparent", points: { show: false }, spanGaps: false, value: (_, v) => time(v) };
    data.push(at(steps, (s) => s.value_us), at(steps, (s) => s.interval_us?.[1] ?? null), at(steps, (s) => s.interval_us?.[0] ?? null));
    series.push(line(name, color, { value: (_, v) => time(v), points: { show: true, size: 5 } }),
      { label: name + ", at most", ...limit }, { label: name + ", at least", ...limit });
    bands.push({ series: [series.length - 2, series.length - 1], fill });
  }
  const drawing = chart("Percentile spectrum", "As far as there are enough independent samples; the band is the 95 % interval.", {
    scales: { x: { time: false, distr: 3 }, y: { distr: 3 } }, bands, series,
    axes: [axis("percentile", (v) => (Math.abs(Math.log10(v) % 1) < 1e-6 ? percentile(v) : ""), { size: 34 }), axis("", sparse(time))],
  }, data);
  drawing.card.classList.add("spectrum");
  return drawing;
}

function percentile(inverse) {
  return "p" + String(+((1 - 1 / inverse) * 100).toFixed(4));
}

// Trials of a search: what each rate gave, and what was to be kept.
function trials(answer, note) {
  const all = [...answer.trials].sort((a, b) => a.rate_per_s - b.rate_per_s);
  // A short trial has too few independent samples for a p99: its p50 says where it was.
  const of = (standing) => all.map((t) => (t.standing === standing ? t.p99_us ?? t.p50_us : null));
  const dots = (name, color) => line(name, color, { width: 0, value: (_, v) => time(v), points: { show: true, size: 9, fill: style(color) } });
  const limits = answer.limits ?? [];
  const limit = ({ objective }) => line(objective, "--bad", { dash: [2, 3], width: 1, value: (_, v) => time(v) });
  const bracket = { hooks: { draw: [(plot) => {
    for (const [rate, color] of [[answer.passes_per_s, "--good"], [answer.fails_per_s, "--bad"]]) {
      if (rate === null) continue;
      const x = plot.valToPos(rate, "x", true);
      plot.ctx.save();
      plot.ctx.strokeStyle = style(color);
      plot.ctx.setLineDash([6, 4]);
      plot.ctx.beginPath();
      plot.ctx.moveTo(x, plot.bbox.top);
      plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      plot.ctx.stroke();
      plot.ctx.restore();
    }
  }] } };
  return chart("Latency against rate", note, {
    scales: { x: { time: false }, y: { distr: 3 } }, plugins: [bracket],
    axes: [axis("operations a second", count, { size: 34 }), axis("", sparse(time))],
    series: [{ label: "rate", value: (_, v) => count(v) }, dots("passed", "--good"), dots("failed", "--bad"), dots("discarded", "--five"), ...limits.map(limit)],
  }, [all.map((t) => t.rate_per_s), of("passed"), of("failed"), of("discarded"), ...limits.map((l) => all.map(() => l.limit_us))]);
}

// The Universal Scalability Law with its band, no further than twice the data, and the runs it was fitted to.
function scaling(fit, points) {
  const measured = points.filter((p) => p.standing !== "discarded").map((p) => [p.in_flight, p.achieved_per_s]);
  const places = [...new Set([...fit.curve.map((c) => c.in_flight), ...measured.map(([n]) => n)])].sort((a, b) => a - b);
  const at = (pairs) => { const known = new Map(pairs); return places.map((n) => known.get(n) ?? null); };
  const edge = { stroke: "transparent", points: { show: false }, spanGaps: true, value: (_, v) => perSecond(v) };
  return chart("Throughput against what is in flight", "The Universal Scalability Law as fitted, with its 95 % band, drawn no further than twice the data.", {
    scales: { x: { time: false } }, bands: [{ series: [2, 3], fill: "rgba(60,120,200,.18)" }],
    axes: [axis("operations in flight", count, { size: 34 }), axis("", count)],
    series: [{ label: "in flight", value: (_, v) => count(v) }, line("law", "--one", { value: (_, v) => perSecond(v) }),
      { label: "at most", ...edge }, { label: "at least", ...edge },
      line("measured", "--two", { width: 0, spanGaps: false, points: { show: true, size: 8 }, value: (_, v) => perSecond(v) })],
  }, [places, at(fit.curve.map((c) => [c.in_flight, c.per_s])), at(fit.curve.map((c) => [c.in_flight, c.band[1]])),
    at(fit.curve.map((c) => [c.in_flight, c.band[0]])), at(measured)]);
}

function heatMap(points, map, window_, kills) {
  const canvas = element("canvas", { class: "heat" });
  const note = element("p", { class: "quiet" }, "Each column is a slice of time, each row a range of latencies; the darker, the more responses. Grey: not measured." + killed(kills));
  const pointed = element("p", { class: "quiet" }, " ");
  const card = element("div", { class: "chart" }, element("h3", {}, "Responses over time"), note, canvas, pointed);
  const first = Math.max(0, map.counts.reduce((low, column) => {
    const at = column.findIndex((n) => n > 0);
    return at < 0 ? low : Math.min(low, at);
  }, map.rows_us.length));
  const rows = Math.max(1, map.rows_us.length - first), left = 62, bottom = 24;
  const most = Math.log1p(map.counts.flat().reduce((a, b) => Math.max(a, b), 1));
  const end = points.reduce((latest, p) => Math.max(latest, p.at_s + p.length_s), 0.001);
  const draw = () => {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 1000, height = 300;
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const x = (s) => left + (s / end) * (width - left), row = (height - bottom) / rows;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(style("--one").slice(at, at + 2), 16));
    pen.fillStyle = "rgba(128,128,128,.16)";
    pen.fillRect(x(0), 0, x(window_.from_s) - x(0), height - bottom);
    pen.fillRect(x(window_.until_s), 0, Math.max(0, x(end) - x(window_.until_s)), height - bottom);
    points.forEach((point, column) => (map.counts[column] ?? []).forEach((n, at) => {
      if (n === 0 || at < first) return;
      pen.fillStyle = `rgba(${red},${green},${blue},${0.12 + 0.88 * (Math.log1p(n) / most)})`;
      const from = x(point.at_s);
      pen.fillRect(from, height - bottom - (at - first + 1) * row, Math.max(1, x(point.at_s + point.length_s) - from), Math.max(1, row));
    }));
    for (const kill of kills) {
      for (const [begin, end_s, color] of [[kill.from_s, kill.served_s, UNANSWERED], [kill.served_s, kill.until_s, UNAPPROVED]]) {
        pen.fillStyle = color;
        if (end_s > begin) pen.fillRect(x(begin), 0, Math.max(2, x(end_s) - x(begin)), height - bottom);
      }
    }
    pen.fillStyle = style("--quiet");
    pen.font = "12px system-ui";
    pen.textAlign = "right";
    for (let at = first; at < map.rows_us.length; at += 1) {
      if ((at + 1) % 16 === 0) pen.fillText(time(10 ** ((at + 1) / 16)), left - 6, height - bottom - (at - first + 1) * row + 4);
    }
    pen.textAlign = "center";
    const step = Math.max(1, 10 ** Math.floor(Math.log10(end)) / 2);
    for (let s = 0; s <= end; s += step) pen.fillText(s + " s", Math.min(width - 12, x(s) + 8), height - 8);
  };
  canvas.addEventListener("mousemove", (event) => {
    const at = ((event.offsetX - left) / (canvas.clientWidth - left)) * end;
    const column = points.findIndex((p) => at >= p.at_s && at < p.at_s + p.length_s);
    const at_row = first + Math.floor((300 - bottom - event.offsetY) / ((300 - bottom) / rows));
    const n = map.counts[column]?.[at_row];
    pointed.textContent = n === undefined ? " " : `${points[column].at_s.toFixed(1)} s, up to ${time(map.rows_us[at_row])}: ${count(n)} responses`;
  });
  return { card, draw: () => { draw(); window.addEventListener("resize", draw); } };
}
