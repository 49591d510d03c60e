//! What is compared, taken from the `summary.json` of a run.

use std::collections::BTreeSet;

use serde_json::Value;

/// One figure of every run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The word in the table.
    pub name: &'static str,
    /// Where it stands in `summary.json`.
    pub path: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
    /// Less counts as this much: ratios need something above zero, and nothing at all is the best or the worst there is, never
    /// unknown.
    pub least: f64,
}

/// A percentile that nobody reached counts as an hour.
const ENDLESS_US: f64 = 3.6e9;
/// What latencies are counted in.
const LEAST_US: f64 = 1.0;
/// Fewer approved operations a second than one in a quarter of an hour.
const LEAST_PER_S: f64 = 0.001;
/// A smaller share of operations than one in ten thousand.
const LEAST_SHARE: f64 = 0.000_1;

/// All of them.
pub const METRICS: [Metric; 7] = [
    latency("response p50", "/latency_us/response/observed/p50"),
    latency("response p90", "/latency_us/response/observed/p90"),
    latency("response p99", "/latency_us/response/observed/p99"),
    latency("response p99.9", "/latency_us/response/observed/p999"),
    latency("service p99", "/latency_us/service/observed/p99"),
    Metric { name: "goodput", path: "/rate/goodput_per_s", more_is_better: true, least: LEAST_PER_S },
    Metric { name: "error share", path: "/rate/error_share", more_is_better: false, least: LEAST_SHARE },
];

const fn latency(name: &'static str, path: &'static str) -> Metric {
    Metric { name, path, more_is_better: false, least: LEAST_US }
}

impl Metric {
    /// Its value in one run; `None` where the run does not know it.
    pub fn of(&self, summary: &Value) -> Option<f64> {
        match summary.pointer(self.path)? {
            // Too many were never answered: worse than anything that was.
            Value::String(word) if word == "endless" => Some(ENDLESS_US),
            value => value.as_f64().map(|value| value.max(self.least)),
        }
    }

    /// Its values in the runs that know it.
    pub fn of_all(&self, summaries: &[Value]) -> Vec<f64> {
        summaries.iter().filter_map(|summary| self.of(summary)).collect()
    }
}

/// What should be the same in all runs that are compared, besides their configurations: its name and where it stands.
const CONDITIONS: [(&str, &str); 11] = [
    ("command", "/config/command"),
    ("trace", "/config/replay/checksum"),
    ("speed of the replay", "/config/replay/speed"),
    ("processor", "/host/cpu"),
    ("number of cores", "/host/cores"),
    ("kernel", "/host/kernel"),
    ("version of the switch", "/switch_build/version"),
    ("build of the switch", "/switch_build/commit"),
    ("profile of the switch", "/switch_build/profile"),
    ("build of loadgen", "/build/commit"),
    ("profile of loadgen", "/build/profile"),
];

/// What a configuration may have of its own: where things are, a trace too, and what is judged. What a trace holds and how fast it is
/// sent stand among the conditions, and so does the command.
const OWN: [&str; 7] = ["switch", "admin", "slo", "history", "tolerate_restarts", "replay", "command"];

/// What the two sets do not have in common, in words. Seeds may differ within a set, and should not between them.
pub fn differences(a: &[Value], b: &[Value]) -> Vec<String> {
    let values = |runs: &[Value], path: &str| {
        let mut texts: Vec<String> =
            runs.iter().filter_map(|run| run.pointer(path)).map(ToString::to_string).collect();
        texts.sort();
        texts.dedup();
        texts
    };
    let options = a.iter().chain(b).filter_map(|run| run.get("config")).filter_map(Value::as_object);
    let keys: BTreeSet<&str> = options
        .flat_map(|options| options.keys().map(String::as_str))
        .filter(|key| !OWN.contains(key))
        .collect();
    let options = keys.into_iter().map(|key| (key, format!("/config/{key}")));
    let conditions =
        CONDITIONS.into_iter().chain([("seeds", "/seed")]).map(|(name, path)| (name, path.to_owned()));
    let mut words = Vec::new();
    for (name, path) in options.chain(conditions) {
        let (of_a, of_b) = (values(a, &path), values(b, &path));
        if of_a != of_b {
            words.push(format!("{name}: A {}, B {}", listed(&of_a), listed(&of_b)));
        }
    }
    for (name, runs) in [("A", a), ("B", b)] {
        let doubtful = |run: &&Value| measurement(run) != Some("valid");
        let count = runs.iter().filter(doubtful).count();
        if count > 0 {
            words.push(format!("{count} of {} runs of {name} are not valid measurements", runs.len()));
        }
    }
    words
}

/// What the run said about itself.
fn measurement(summary: &Value) -> Option<&str> {
    summary.pointer("/verdict/measurement").and_then(Value::as_str)
}

/// Why the run's figures say nothing; `None` where they do.
pub fn why_left_out(summary: &Value) -> Option<&'static str> {
    if summary.get("broken_off").is_some_and(Value::is_string) {
        return Some("a run that ended before its time");
    }
    (measurement(summary) == Some("invalid")).then_some("an invalid measurement")
}

fn listed(texts: &[String]) -> String {
    match texts {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first, .., last] => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_runs_do_not_have_in_common_is_named() {
        let run = |payees: &str, switch: &str| json!({ "config": { "payees": payees, "switch": switch, "rate": 10.0 }, "verdict": { "measurement": "valid" } });
        let words = differences(&[run("uniform", "one")], &[run("zipf", "two")]);
        assert_eq!(words, [r#"payees: A "uniform", B "zipf""#], "where the switch is does not matter");
        let suspect = json!({ "verdict": { "measurement": "suspect" } });
        let side = std::slice::from_ref(&suspect);
        assert_eq!(differences(side, side).len(), 2, "one for each side");
    }

    #[test]
    fn another_trace_or_another_speed_is_named_and_where_it_lay_is_not() {
        let run = |file: &str, checksum: &str, speed: f64| {
            let replay = json!({ "trace": file, "checksum": checksum, "speed": speed });
            let config = json!({ "command": "replay", "replay": replay });
            json!({ "config": config, "verdict": { "measurement": "valid" } })
        };
        let monday = run("monday.trace", "0a0b0c0d", 1.0);
        let copied = run("copies/monday.trace", "0a0b0c0d", 1.0);
        assert_eq!(differences(std::slice::from_ref(&monday), &[copied]), Vec::<String>::new());
        let again = run("monday.trace", "11223344", 2.0);
        let words = [
            r#"trace: A "0a0b0c0d", B "11223344""#.to_owned(),
            "speed of the replay: A 1.0, B 2.0".to_owned(),
        ];
        assert_eq!(differences(std::slice::from_ref(&monday), &[again]), words);
        let drawn =
            json!({ "config": { "command": "run", "replay": null }, "verdict": { "measurement": "valid" } });
        let words = differences(&[monday], &[drawn]).join("\n");
        for expected in ["command: A", "trace: A \"0a0b0c0d\", B nothing", "speed of the replay"] {
            assert!(words.contains(expected), "{expected}:\n{words}");
        }
    }

    #[test]
    fn nothing_at_all_is_a_value_and_no_figure_is_none() {
        let run = json!({ "rate": { "goodput_per_s": 0.0, "error_share": 0.0 } });
        let of = |name: &str, run: &Value| METRICS.iter().find(|m| m.name == name).unwrap().of(run);
        assert_eq!(of("goodput", &run), Some(LEAST_PER_S));
        assert_eq!(of("error share", &run), Some(LEAST_SHARE));
        assert_eq!(of("goodput", &json!({ "rate": {} })), None);
    }

    #[test]
    fn a_percentile_that_nobody_reached_is_worse_than_any() {
        let run = |p99: Value| json!({ "latency_us": { "response": { "observed": { "p99": p99 } } } });
        let p99 = METRICS[2];
        assert_eq!(p99.of(&run(json!(1_234))), Some(1_234.0));
        assert_eq!(p99.of(&run(json!("endless"))), Some(ENDLESS_US));
        assert_eq!(p99.of(&run(Value::Null)), None);
    }
}
