//! `holdfast journal repair`: says exactly what a cut at the damage would lose, and cuts only where it is told to.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast_journal::repair::{Damage, copy, cut, examine};
use holdfast_journal::{Access, Facts, FileStorage, OpenError, read_facts};
use holdfast_protocol::TransactionKey;

use super::dump::{Line, transaction};
use super::journal::{in_use_to_read, in_use_to_write};
use super::time::utc;
use super::{Failure, partitions, show, with_causes};

/// What of each transaction would be lost.
#[derive(Default)]
struct Lost {
    transactions: BTreeMap<TransactionKey, Vec<String>>,
    /// Facts that are about no transaction, by kind.
    others: BTreeMap<String, u64>,
}

pub(super) fn repair(directory: &Path, cut_to: Option<&Path>) -> Result<(), Failure> {
    partitions::only(directory)?;
    let access = if cut_to.is_some() { Access::Write } else { Access::Read };
    if !directory.is_dir() {
        return Err(Failure::Failed(format!("{}: there is no journal", directory.display())));
    }
    let storage = FileStorage::open(directory, access).map_err(|error| {
        let locked = matches!(error, OpenError::Locked { .. });
        if locked && cut_to.is_some() {
            in_use_to_write(&error.to_string())
        } else {
            failed(directory, &error)
        }
    })?;
    let mut lost = Lost::default();
    let damage = examine(&storage, &mut |facts: Facts<'_>| lost.take(&facts));
    let Some(damage) = damage.map_err(|error| failed(directory, &error))? else {
        return show::lines(["nothing keeps a switch from starting with this journal; nothing to repair"]);
    };
    show::lines(explained(directory, &damage, &lost))?;
    let Some(to) = cut_to else {
        let shown = directory.display();
        return Err(Failure::Corrupt(format!(
            "nothing was changed. First look for a good copy of what is damaged: a backup of segment {}, a mirror of the \
             disk. To lose what stands above, run: holdfast journal repair {shown} --cut COPY",
            damage.at.segment
        )));
    };
    let not_done = |what: &str, error: &std::io::Error| Failure::Failed(format!("{what}: {error}"));
    copy(&storage, &damage, to).map_err(|e| not_done(&format!("nothing was cut; {}", to.display()), &e))?;
    cut(&storage, &damage).map_err(|e| not_done("not everything was cut", &e))?;
    let again = examine(&storage, &mut |_| Ok(())).map_err(|error| failed(directory, &error))?;
    if let Some(Damage { at, why, .. }) = again {
        return Err(Failure::Corrupt(format!("it was cut, and is still corrupt at {at}: {why}")));
    }
    show::lines([format!("cut; what was removed is in {}, and a switch can start", to.display())])
}

fn failed(directory: &Path, error: &OpenError) -> Failure {
    let text = format!("{}: {}", directory.display(), with_causes(error));
    match error {
        OpenError::Corrupt { .. } | OpenError::Facts { .. } => Failure::Corrupt(text),
        OpenError::Locked { .. } => in_use_to_read(directory, error),
        OpenError::Settings(_) | OpenError::Directory { .. } | OpenError::Io(_) | OpenError::Epoch(_) => {
            Failure::Failed(text)
        }
    }
}

impl Lost {
    fn take(&mut self, facts: &Facts<'_>) -> Result<(), holdfast_journal::VisitError> {
        read_facts(facts, &mut |sequence, fact| {
            let (epoch, time) = (facts.epoch, facts.time);
            let line = serde_json::to_value(Line { partition: None, sequence, epoch, time, fact: &fact })?;
            let kind = line["kind"].as_str().unwrap_or_default().to_owned();
            match transaction(&fact) {
                Some(key) => self.transactions.entry(key).or_default().push(kind),
                None => *self.others.entry(kind).or_default() += 1,
            }
            Ok(())
        })
    }
}

/// Whether a transaction begins with this fact.
fn begins(kinds: &[String]) -> bool {
    kinds.iter().any(|kind| matches!(kind.as_str(), "reserved" | "declined_at_once" | "tombstoned"))
}

fn explained(directory: &Path, damage: &Damage, lost: &Lost) -> Vec<String> {
    let mut lines = vec![
        format!("journal       {}", directory.display()),
        format!("damage        {}: {}", damage.at, damage.why),
        String::new(),
        "A cut there loses for ever what participants were told of:".to_owned(),
        format!("frames        {}, of which {} cannot be read", damage.frames, damage.unreadable_frames),
    ];
    lines.push(match damage.sequences {
        Some((first, last)) => {
            format!("facts         {} to {}, of which {} can be read", first.0, last.0, damage.readable_facts)
        }
        None => "facts         none that a header tells of".to_owned(),
    });
    if let Some((first, last)) = damage.times {
        lines.push(format!("time          {} to {}", utc(first), utc(last)));
    }
    let segments: Vec<String> = damage.segments.iter().map(|segment| segment.number.to_string()).collect();
    lines.push(format!("bytes         {} in segments {}", damage.bytes, segments.join(", ")));
    for file in &damage.snapshots {
        lines.push(format!("snapshot      at segment {}", file.at));
    }
    for (kind, count) in &lost.others {
        lines.push(format!("other facts   {count} {kind}"));
    }
    lines.push(format!("transactions  {} of which facts can be read", lost.transactions.len()));
    for (key, kinds) in &lost.transactions {
        let rest = match (begins(kinds), damage.unreadable_frames) {
            (true, _) => "all of it",
            (false, 0) => "it goes back to how it was before",
            (false, _) => "what came before is kept, or cannot be read",
        };
        lines.push(format!("  {}/{}  {}; {rest}", key.originator, key.id, kinds.join(", ")));
    }
    lines.push(String::new());
    lines
}
