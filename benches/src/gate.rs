//! Instruction counts against a committed baseline.
//!
//! A count more than [`TOLERANCE_PERCENT`] above its baseline fails, by name; so does a bench without a baseline, and a baseline without a
//! bench, because neither guards anything. Another compiler or processor counts otherwise: there the counts are
//! shown and nothing fails.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

/// By so many hundredths of its baseline a count may be above it.
pub const TOLERANCE_PERCENT: u64 = 2;

/// Instructions by bench.
pub type Counts = BTreeMap<String, u64>;

/// What counts depend on besides the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The compiler, as `rustc -V` names it.
    pub compiler: String,
    /// The model of the processor.
    pub processor: String,
}

impl Machine {
    /// This processor, with that compiler.
    pub fn this(compiler: &str) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let value = |wanted: &str| {
            let fields = info.lines().filter_map(|line| line.split_once(':'));
            let mut named = fields.filter(|(name, _)| name.trim() == wanted);
            named.next().map_or("unknown", |(_, value)| value.trim())
        };
        // In a virtual machine the name alone is that of several models.
        let (name, family, model) = (value("model name"), value("cpu family"), value("model"));
        let processor = format!("{name}, family {family}, model {model}");
        Self { compiler: compiler.trim().to_owned(), processor }
    }
}

/// What was counted before, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Where.
    pub machine: Machine,
    /// What.
    pub counts: Counts,
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or is not of the form that [`Self::to_text`] writes.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::from_text(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// What [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// Where it is of another form.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let word = |name: &str| value[name].as_str().map(str::to_owned).ok_or(format!("it names no {name}"));
        let machine = Machine { compiler: word("compiler")?, processor: word("processor")? };
        let counts = value["instructions"].as_object().ok_or("it has no instructions")?;
        let count = |(name, count): (&String, &Value)| {
            count.as_u64().map(|count| (name.clone(), count)).ok_or(format!("{name} is no count"))
        };
        Ok(Self { machine, counts: counts.iter().map(count).collect::<Result<_, _>>()? })
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let value = json!({
            "compiler": self.machine.compiler,
            "processor": self.machine.processor,
            "instructions": self.counts,
        });
        format!("{value:#}\n")
    }
}

/// The counts in what gungraun prints with `--output-format=json`: one object a bench.
///
/// # Errors
/// Where an object has no count of instructions, or there is none at all.
pub fn counts_of(printed: &str) -> Result<Counts, String> {
    let mut counts = Counts::new();
    for bench in serde_json::Deserializer::from_str(printed).into_iter::<Value>() {
        let bench = bench.map_err(|error| format!("what gungraun printed is no JSON: {error}"))?;
        let function = bench["function_name"].as_str().ok_or("a bench has no name")?;
        let name = bench["id"].as_str().map_or(function.to_owned(), |id| format!("{function}/{id}"));
        let new = &bench["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
        let count = new.as_u64().ok_or(format!("{name} has no count of instructions"))?;
        if counts.insert(name.clone(), count).is_some() {
            return Err(format!("there are two benches named {name}"));
        }
    }
    if counts.is_empty() { Err("gungraun printed no bench".to_owned()) } else { Ok(counts) }
}

/// How the counts stand to a baseline.
#[derive(Debug)]
pub struct Comparison {
    /// A line for each bench.
    pub lines: Vec<String>,
    /// What fails, each with its bench's name; empty elsewhere than on the baseline's machine.
    pub failures: Vec<String>,
}

/// Compares. `machine` is where `counts` come from.
pub fn compare(baseline: &Baseline, machine: &Machine, counts: &Counts) -> Comparison {
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for (name, count) in counts {
        let Some(before) = baseline.counts.get(name) else {
            lines.push(format!("{name:<28} {count:>12}  no baseline"));
            failures.push(format!("{name} has no baseline"));
            continue;
        };
        let change = if *before == 0 { f64::INFINITY } else { *count as f64 / *before as f64 - 1.0 };
        let percent = change * 100.0;
        let most = u128::from(*before) * u128::from(100 + TOLERANCE_PERCENT);
        lines.push(format!("{name:<28} {count:>12}  baseline {before:>12}  {percent:>+7.2} %"));
        if u128::from(*count) * 100 > most {
            failures.push(format!(
                "{name} takes {percent:.2} % more instructions than the baseline, more than {TOLERANCE_PERCENT} %"
            ));
        }
    }
    for name in baseline.counts.keys().filter(|name| !counts.contains_key(*name)) {
        lines.push(format!("{name:<28} {:>12}", "not counted"));
        failures.push(format!("{name} has a baseline and is not counted any more"));
    }
    if baseline.machine != *machine {
        let Machine { compiler, processor } = &baseline.machine;
        lines.push(format!("the baseline is of {compiler} on {processor}: here nothing fails"));
        failures.clear();
    }
    Comparison { lines, failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(compiler: &str) -> Machine {
        Machine { compiler: compiler.to_owned(), processor: "a processor".to_owned() }
    }

    fn baseline(counts: &[(&str, u64)]) -> Baseline {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Baseline { machine: machine("rustc 1"), counts }
    }

    fn failures(before: &[(&str, u64)], now: &[(&str, u64)], compiler: &str) -> Vec<String> {
        compare(&baseline(before), &machine(compiler), &baseline(now).counts).failures
    }

    #[test]
    fn more_than_two_in_a_hundred_above_a_baseline_fails_and_is_named() {
        let before = [("encode/authorize", 10_000), ("outbox/turns", 1_000)];
        assert!(failures(&before, &before, "rustc 1").is_empty());
        assert!(
            failures(&before, &[("encode/authorize", 10_200), ("outbox/turns", 1_020)], "rustc 1").is_empty()
        );
        let failed = failures(&before, &[("encode/authorize", 10_201), ("outbox/turns", 900)], "rustc 1");
        assert_eq!(failed.len(), 1);
        assert!(failed[0].starts_with("encode/authorize takes 2.01 % more"), "{failed:?}");
    }

    #[test]
    fn what_is_not_guarded_fails() {
        let failed = failures(&[("old", 1)], &[("new", 1)], "rustc 1");
        assert_eq!(failed, ["new has no baseline", "old has a baseline and is not counted any more"]);
    }

    #[test]
    fn elsewhere_the_counts_are_shown_and_nothing_fails() {
        let (before, now) = (baseline(&[("a", 100)]), baseline(&[("a", 200)]).counts);
        let shown = compare(&before, &machine("rustc 2"), &now);
        assert!(shown.failures.is_empty());
        assert!(
            shown.lines[0].contains("+100.00 %") && shown.lines[1].contains("rustc 1"),
            "{:?}",
            shown.lines
        );
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let before = baseline(&[("a/b", 1), ("c", u64::MAX)]);
        assert_eq!(Baseline::from_text(&before.to_text()), Ok(before));
        assert!(Baseline::from_text("{}").is_err());
        assert!(Baseline::from_text(r#"{"compiler":"c","processor":"p","instructions":{"a":"1"}}"#).is_err());
    }

    #[test]
    fn counts_come_from_what_gungraun_prints() {
        let bench = |id: &str, ir: &str| {
            format!(
                r#"{{"function_name":"encode","id":"{id}","profiles":[{{"data":{{"total":{{"metrics":{{
                "Ir":{{"values":{{"new":{ir}}}}}}}}}}}}}]}}"#
            )
        };
        let counts = counts_of(&format!("{}\n{}\n", bench("authorize", "17"), bench("answer", "4"))).unwrap();
        assert_eq!(counts, baseline(&[("encode/authorize", 17), ("encode/answer", 4)]).counts);
        assert!(counts_of("").is_err());
        assert!(counts_of(&bench("authorize", "null")).unwrap_err().contains("encode/authorize"));
        assert!(counts_of(&(bench("a", "1") + &bench("a", "2"))).unwrap_err().contains("two benches"));
    }
}
