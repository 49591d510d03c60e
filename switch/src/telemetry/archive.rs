//! What the archive counts, for the scrape.

use std::fmt;

use holdfast_journal::ArchiveCounts;

use super::page::Page;

pub(super) fn archive(counts: &ArchiveCounts, page: &mut Page<'_>) -> fmt::Result {
    let ArchiveCounts { indexes, indexed, unindexed, damaged, found, absent, unavailable } = *counts;
    for (name, help, level) in [
        ("holdfast_archive_indexes", "Indexes of what left memory.", indexes),
        ("holdfast_archive_indexed", "Ids in the indexes; one that left again is in several.", indexed),
        ("holdfast_archive_unindexed", "Ids that left memory and are in no index yet.", unindexed),
    ] {
        page.level(name, help, level as f64)?;
    }
    page.count("holdfast_archive_damaged", "Indexes found damaged since the start.", damaged)?;
    let results = [("found", found), ("absent", absent), ("unavailable", unavailable)];
    let results = results.map(|(result, n)| (vec![("result", result.to_owned())], n));
    page.counts("holdfast_archive_lookups", "Look-ups of ids that left memory, by result.", results)
}
