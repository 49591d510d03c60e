"use strict";
// Puts the report together from the data in the file.

const { run, capacity, sweep, compare } = JSON.parse(document.getElementById("data").textContent);
const report = document.getElementById("report");
const drawings = [];

function place(drawing) {
  drawings.push(drawing.draw);
  return drawing.card;
}

function heading({ build, switch_build: measured, host }, what) {
  document.title = what + " - loadgen report";
  report.append(element("h1", {}, what),
    element("p", { class: "quiet" }, `loadgen ${build.version} (${build.commit}, ${build.profile}, ${build.rustc}) on ${host.cpu}, ${host.cores} cores, Linux ${host.kernel}`
      + (measured ? `; switch ${measured.version} (${measured.commit})` : "")));
}

function banner(tone, words, remarks) {
  report.append(element("div", { class: "banner " + tone, id: "verdict" }, element("strong", {}, words),
    remarks.length > 0 ? element("ul", {}, remarks.map((remark) => element("li", {}, remark))) : null));
}

// Why it ended before its time, where it did.
function ended({ broken_off: why, window: part, verdict: of_run }) {
  const judged = of_run?.books && of_run.books !== "not_judged" ? "no objective is judged" : "nothing is judged";
  const measured = part?.planned_until_s === undefined ? "" : `; it sent for ${part.until_s.toFixed(1)} of ${part.planned_until_s.toFixed(1)} s, `
    + (part.from_s < part.until_s ? `measured from ${part.from_s.toFixed(1)} s on` : "all of it warm-up: nothing was measured");
  return why ? [`It broke off, and ${judged}: ${why}${measured}`] : [];
}

function verdict(summary) {
  const { measurement, books, durable, label, remarks, audit } = summary.verdict;
  const missed = summary.objectives.filter((o) => o.standing === "missed").length;
  const unknown = summary.objectives.filter((o) => o.standing === "unknown").length;
  const bad = measurement === "invalid" || books === "open" || missed > 0;
  const doubt = measurement === "suspect" || unknown > 0 || summary.broken_off;
  const objectives = summary.broken_off ? "ended before its time, no objective judged"
    : summary.objectives.length === 0 ? "no objectives given"
    : missed > 0 ? `${missed} of ${summary.objectives.length} objectives missed`
    : unknown > 0 ? `${unknown} of ${summary.objectives.length} objectives cannot be judged` : "all objectives met";
  banner(bad ? "bad" : doubt ? "doubt" : "good",
    `Measurement ${measurement}, books ${books.replace("_", " ")}, ${objectives}`,
    [...ended(summary), ...remarks, durable ? "The switch synced its journal during the run." : "Not durable: the switch did not sync its journal during the run.",
      audit === "not_run" ? "The auditor has not looked at this run." : `Auditor: ${audit}.`, ...(label ? [label] : [])]);
}

function tiles(summary) {
  const response = summary.latency_us.response ?? {}, interval = response.intervals?.p99;
  report.append(element("div", { class: "tiles" },
    tile("achieved", perSecond(summary.rate.achieved_per_s), `${perSecond(summary.rate.offered_per_s)} offered`),
    tile("goodput", perSecond(summary.rate.goodput_per_s), "approved in time"),
    tile("response p50", asKnown(response, "p50"), "from the intended time of sending"),
    tile("response p99", asKnown(response, "p99"), interval ? `95 %: ${time(interval[0])} to ${time(interval[1])}` : "no interval: too few independent samples"),
    tile("p99 with unanswered", asKnown({ ...response.with_unanswered, observed: response.observed }, "p99"), `${count(response.with_unanswered?.unanswered ?? 0)} unanswered`),
    tile("errors", share(summary.rate.error_share), "of all operations")));
}

function objectives(list) {
  if (list.length === 0) return;
  const tone = { met: "good", missed: "bad" };
  const value = (o) => (o.value === null ? "n/a" : o.objective.startsWith("errors") ? share(o.value)
    : /^(goodput|achieved)/.test(o.objective) ? perSecond(o.value) : time(o.value));
  report.append(element("h2", {}, "Objectives"), table(["objective", "this run", "", ""], list.map((o) => [o.objective, value(o),
    element("span", { class: tone[o.standing] ?? "doubt" }, o.standing),
    [...(o.over_s ? [`from ${o.over_s[0].toFixed(1)} to ${o.over_s[1].toFixed(1)} s, everything after the warm-up that was asked for`] : []),
      ...(o.close ? ["another run may end otherwise"] : [])].join("; ")])));
}

const FIGURES = ["response", "service", "switch_only", "dependency", "lag", "follow_up"];
const STEPS = ["p50", "p90", "p99", "p999"];

function latencies(title, groups) {
  const rows = groups.flatMap(([group, figures]) => FIGURES.filter((f) => figures[f]).map((f) => [group ? `${group}: ${f.replace("_", " ")}` : f.replace("_", " "),
    ...STEPS.map((step) => withInterval(figures[f], step)), time(figures[f].max), count(figures[f].count)]));
  const whole = table(["", ...STEPS.map((s) => s.replace("p999", "p99.9")), "max", "samples"], rows);
  report.append(groups.length > 1 ? element("details", {}, element("summary", {}, title), whole) : element("div", {}, element("h2", {}, title), whole));
}

const ENDINGS = ["scheduled", "sent", "shed", "approved", "declined", "not_done", "unknown", "errors", "in_flight_at_end", "reversed"];

function accounting(summary) {
  const row = (name, counts) => [name, ...ENDINGS.map((ending) => count(counts[ending]))];
  report.append(element("h2", {}, "How operations ended"), table(["", ...ENDINGS.map((e) => e.replaceAll("_", " "))],
    [...Object.entries(summary.scenarios).map(([name, counts]) => row(name, counts)), row("total", summary.accounting)]));
  const reasons = ["declined", "not_done", "errors"].flatMap((kind) => Object.entries(summary.accounting[kind === "errors" ? "errors_by_fault" : kind + "_by_reason"] ?? {})
    .map(([reason, n]) => [kind.replace("_", " "), reason, count(n)]));
  if (reasons.length > 0) report.append(element("h2", {}, "Reasons"), table(["", "reason", "operations"], reasons));
}

function health(summary) {
  const g = summary.generator, j = summary.journal;
  report.append(element("h2", {}, "Generator and journal"), table(["", ""], [
    ["processors used by the generator", g.cpu_share.toFixed(2)],
    ["share of the time in which its thread ran / waited for a processor", `${share(g.ran_share)} / ${share(g.waited_share)}`],
    ["processors that the host took away", share(g.stolen_share)],
    ["planned arrivals that came", share(g.offered_of_planned)],
    ["own lag, p99", time(g.own_lag_p99_us)],
    ["longest oversleep of a thread that asks for 1 ms", time(g.max_hiccup_us)],
    ["datagrams dropped", count(g.udp_drops)],
    ["journal syncs", perSecond(j.syncs_per_s)],
    ["journal bytes", (j.bytes_per_s / 1e6).toFixed(1) + " MB/s"],
    ["facts in a frame", j.batch_mean.toFixed(1)]]));
}

// What a run of each command is called, and the words that make it again.
const COMMANDS = { run: "Load run", replay: "Replay of a trace", operator: "One operator alone", drill: "Drill" };

function reproduce(command, seed, config) {
  report.append(element("h2", {}, "To reproduce"),
    element("p", {}, "With the configuration that lies beside this file:"),
    element("pre", {}, config.replay ? `loadgen replay ${config.replay.trace} --config config.toml` : `loadgen ${command} --config config.toml --seed ${seed}`),
    element("details", {}, element("summary", {}, "The configuration"), element("pre", {}, JSON.stringify(config, null, 2))));
}

const DRILLED = {
  clean: ["good", "Clean: nothing lost, nothing twice, nothing left open"],
  faulty: ["bad", "Faulty"],
  vacuous: ["doubt", "Vacuous: nothing was in flight at any fault, so nothing could be lost"],
  unfinished: ["doubt", "Unfinished: nothing is judged"],
};

const seconds = (value) => (value === null || value === undefined ? "n/a" : value.toFixed(value < 10 ? 2 : 1) + " s");

function showDrill(drill, end) {
  const [tone, words] = DRILLED[drill.verdict];
  // What the journal holds of other times speaks against nobody, where the drill says so.
  const excused = drill.audit?.of_other_times ?? 0, found = (drill.audit?.findings_total ?? 0) - excused;
  const counts = (text) => excused === 0 || !text.startsWith("not-covered");
  const audited = drill.audit === null ? "The auditor has not looked at it."
    : `The auditor joined ${count(drill.audit.transactions)} transactions with ${count(drill.audit.records)} records: ${count(found)} finding${found === 1 ? "" : "s"}.`;
  banner(tone, words, [...drill.why, `${drill.faults.length} of ${drill.planned} faults came.`, audited,
    `Everything had ended ${seconds(drill.resolved_s)} after the last was sent; unresolved: ${count(drill.unresolved)}.`]);
  const operators = Object.keys(drill.faults[0]?.unavailable_s ?? {});
  report.append(element("h2", {}, "Faults"),
    table(["fault", "at", "in flight", "ready after", "p99 steady after", ...operators.flatMap((name) => [name + " unserved", "approved after"])],
      drill.faults.map((f) => [f.fault, seconds(f.at_s), count(f.in_flight), seconds(f.ready_after_s), seconds(f.steady_after_s),
        ...operators.flatMap((name) => [seconds(f.unavailable_s[name]), seconds(f.approved_after_s?.[name])])])),
    ...(found > 0 ? [table(["finding", "times"], Object.entries(drill.audit.findings_by_class).filter(([name]) => counts(name)).map(([name, n]) => [name, count(n)])),
      element("ul", {}, drill.audit.examples.filter(counts).map((example) => element("li", {}, example)))] : []));
  if (operators.length > 0) report.append(place(unserved(drill.faults, operators, end)));
}

function showRun({ summary, points, heat_map, spectrum: spectra, kills = [] }) {
  const drill = summary.drill ?? null;
  const command = summary.config.command ?? (drill ? "drill" : "run");
  heading(summary, COMMANDS[command]);
  if (drill) showDrill(drill, points.reduce((latest, p) => Math.max(latest, p.at_s + p.length_s), 0.001));
  verdict(summary);
  tiles(summary);
  objectives(summary.objectives);
  latencies("Latency", [["", summary.latency_us]]);
  report.append(element("p", { class: "quiet" }, "~ as observed in this run, without an interval: fewer than ten independent samples lie beyond it. "
    + "Of the response what was never answered counts as the longest there. n/a: fewer than ten samples of any kind lie beyond it."));
  report.append(element("h2", {}, "Pictures"),
    place(spectrum(spectra)),
    place(heatMap(points, heat_map, summary.window, kills)),
    place(overTime("Rate", "Operations a second. Grey: not measured.", points, summary.window, kills, count, {}, [
      { of: "offered_per_s", name: "offered", color: "--five" }, { of: "achieved_per_s", name: "achieved", color: "--one" },
      { of: "goodput_per_s", name: "goodput", color: "--three" }])),
    place(overTime("Latency over time", "Of the few samples of each slice: good for a picture, not for a judgement.", points, summary.window, kills, time, { distr: 3 }, [
      { of: "response_p50_us", name: "response p50", color: "--three" }, { of: "response_p99_us", name: "response p99", color: "--one" },
      { of: "response_max_us", name: "response max", color: "--five", more: { width: 1 } }, { of: "service_p99_us", name: "service p99", color: "--two" },
      { of: "lag_p99_us", name: "lag p99", color: "--four" }])));
  latencies("Latency by scenario", Object.entries(summary.latency_us_by_scenario));
  latencies("Latency by operator", Object.entries(summary.latency_us_by_operator));
  accounting(summary);
  health(summary);
  reproduce(command, summary.seed, summary.config);
}

const FOUND = {
  bracket: (a) => `Capacity between ${count(a.passes_per_s)} and ${count(a.fails_per_s)} operations a second`,
  at_least: (a) => `Capacity at least ${count(a.passes_per_s)} operations a second, the highest rate tried`,
  generator_limited: (a) => `Capacity at least ${count(a.passes_per_s)} operations a second; above it the generator was the limit`,
  below: (a) => `Even ${count(a.fails_per_s)} operations a second fail`,
  unknown: () => "Capacity not known: the generator was the limit everywhere",
  unsettled: () => "Capacity not known: the trials contradict each other",
  broken_off: () => "Capacity not known: the search ended before its time",
};

function showCapacity(answer) {
  heading(answer, "Capacity");
  const short = answer.headroom !== null && answer.headroom < 0;
  const so_far = answer.so_far ? [`Until then ${perSecond(answer.so_far.passes_per_s)} passed and ${perSecond(answer.so_far.fails_per_s)} failed, not confirmed.`] : [];
  const tone = answer.broken_off ? "doubt" : answer.passes_per_s === null || short ? "bad" : answer.found === "bracket" ? "good" : "doubt";
  banner(tone, FOUND[answer.found](answer), [...ended(answer), ...so_far, `Objectives: ${answer.objectives.join(", ")}`, `Mix: ${answer.mix}`,
    ...(answer.planned_per_s === null || answer.passes_per_s === null ? []
      : [`Headroom over the planned ${perSecond(answer.planned_per_s)}: ${answer.headroom === null ? "not known" : share(answer.headroom)}`]),
    ...(answer.label ? [answer.label] : [])]);
  report.append(element("div", { class: "tiles" }, tile("passes", perSecond(answer.passes_per_s), "the highest rate that keeps the objectives"),
    tile("fails", perSecond(answer.fails_per_s), "the lowest that does not"), tile("width", share(answer.width), "of the bracket"),
    tile("goodput", perSecond(answer.goodput_per_s), "at the rate that passes")));
  report.append(element("h2", {}, "Trials"));
  if (answer.trials.length > 0) report.append(place(trials(answer,
    "p99 of the response in each trial, p50 where it was too short for that or too many had no answer; the dashed lines are the rate that passes and the rate that fails, the dotted one the objective.")),
    trialTable(answer.trials));
  reproduce("capacity", answer.seed, { objectives: answer.objectives, mix: answer.mix });
}

function trialTable(list) {
  return table(["rate /s", "", "achieved /s", "p50", "p99", "errors", "remarks"],
    list.map((t) => [count(t.rate_per_s), element("span", { class: { passed: "good", failed: "bad" }[t.standing] ?? "doubt" }, t.standing),
      count(t.achieved_per_s), time(t.p50_us), t.p99_us === null && t.is_p99_endless ? "endless" : time(t.p99_us), share(t.error_share), t.remarks.join("; ")]));
}

function showSweep(answer) {
  heading(answer, "Sweep");
  const { knee, scalability } = answer;
  const words = knee === null ? "Too few rates for a knee"
    : `The knee lies between ${count(knee.from_per_s)} and ${count(knee.to_per_s)} operations a second${knee.open_end ? ", or beyond what was tried" : ""}`;
  banner(knee === null || knee.open_end || answer.broken_off ? "doubt" : "good", words, [...ended(answer), `Mix: ${answer.mix}`,
    ...(answer.objectives?.length > 0 ? [`Runs are marked by ${answer.objectives.join(", ")}`] : []), ...(answer.label ? [answer.label] : [])]);
  report.append(element("h2", {}, "Curves"));
  if (answer.points.length > 0) report.append(
    place(trials({ trials: answer.points, limits: answer.limits, passes_per_s: knee?.from_per_s ?? null, fails_per_s: knee?.to_per_s ?? null },
      "p99 of the response in each run, p50 where it was too short for that or too many had no answer; the dashed lines are the ends of the knee, a dotted one an objective.")));
  if (scalability !== null) report.append(place(scaling(scalability, answer.points)));
  report.append(trialTable(answer.points));
  reproduce("sweep", answer.seed, { mix: answer.mix });
}

const COMPARED = { regressed: ["bad", "regressed"], improved: ["good", "improved"], same: ["good", "the same"], inconclusive: ["doubt", "inconclusive"], not_judged: ["doubt", "not judged"] };

function showCompare(answer) {
  heading(answer, "Comparison");
  const named = (verdict) => answer.metrics.filter((m) => m.verdict === verdict).map((m) => m.metric);
  const all = Object.keys(COMPARED).map((verdict) => [COMPARED[verdict][1], named(verdict)]).filter(([, names]) => names.length > 0);
  const undecided = answer.metrics.length === 0 || answer.broken_off || named("inconclusive").length > 0;
  banner(named("regressed").length > 0 ? "bad" : undecided ? "doubt" : "good",
    all.length === 0 ? "Nothing can be compared" : all.map(([verdict, names]) => `${verdict}: ${names.join(", ")}`).join("; "),
    [...ended(answer), `A: ${answer.sides[0]}, ${answer.runs[0]} runs. B: ${answer.sides[1]}, ${answer.runs[1]} runs.`, ...answer.warnings,
      ...(answer.not_known.length > 0 ? [`Known to too few runs: ${answer.not_known.join(", ")}.`] : [])]);
  report.append(element("h2", {}, "B by A"));
  if (answer.metrics.length > 0) report.append(place(ratios(answer)));
  report.append(table(["metric", "ratio", "95 % interval", "A by itself", "p, corrected", ""], answer.metrics.map((m) => [m.metric, m.ratio.toFixed(3),
    `${m.interval[0].toFixed(3)} to ${m.interval[1].toFixed(3)}`, m.noise_floor === null ? "n/a" : "±" + share(m.noise_floor), m.p_corrected.toFixed(4),
    element("span", { class: COMPARED[m.verdict][0] }, COMPARED[m.verdict][1])])),
    element("p", { class: "quiet" }, "A by itself: what halves of A's own runs differ by once in twenty times. The same: the whole interval lies within "
      + `±${share(answer.same_within)}. A difference is seen where p is below ${answer.alpha}, corrected for all metrics.`));
  reproduce("compare " + answer.sides.join(" "), answer.seed, { alpha: answer.alpha, same_within: answer.same_within, runs: answer.runs });
}

report.replaceChildren();
if (run) showRun(run);
if (capacity) showCapacity(capacity);
if (sweep) showSweep(sweep);
if (compare) showCompare(compare);
drawings.forEach((draw) => draw());
document.body.dataset.drawn = drawings.length;
