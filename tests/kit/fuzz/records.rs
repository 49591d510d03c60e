//! Facts as the journal's frames carry them.

use holdfast_journal::record::{RecordWriter, read};

/// Reads records until one is refused. Promised: nothing panics, and a fact that was read is written as the bytes that
/// it was read from: no two records say the same.
pub(super) fn records(mut input: &[u8]) {
    let mut writer = RecordWriter::default();
    let mut written = Vec::new();
    loop {
        let before = input;
        let Ok(fact) = read(&mut input) else {
            assert_eq!(before, input, "a refused record stays where it is");
            return;
        };
        written.clear();
        writer.write(&fact, &mut written);
        let mut again = written.as_slice();
        assert_eq!(read(&mut again).as_ref(), Ok(&fact), "a fact reads back as written");
        assert!(again.is_empty(), "nothing is left of a record that was read");
    }
}
