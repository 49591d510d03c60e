//! The file is whole, loads nothing, and takes no orders from its data. That a browser draws it is tried in
//! `tests/tests/pages.rs`.

use serde_json::json;

use super::*;

fn directory_with(name: &str, content: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(name), content).unwrap();
    directory
}

#[test]
fn every_part_has_its_place_and_the_data_comes_back() {
    let data = json!({ "run": null, "capacity": { "remarks": ["</script><script>alert(1)</script>", "{{script}}"] } });
    let page = page(&data);
    for (_, part) in PARTS {
        assert_eq!(page.matches(part).count(), 1, "each part once");
    }
    let begin = page.find("id=\"data\">").unwrap() + "id=\"data\">".len();
    let end = begin + page[begin..].find("</script>").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&page[begin..end]).unwrap(), data);
}

#[test]
fn nothing_in_it_asks_for_anything_outside() {
    let page = page(&Value::Null);
    assert!(page.contains("default-src 'none'"), "its policy forbids every request");
    for word in ["src=", "href=", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        let found = page.matches(word).count() - page.matches("default-src='").count();
        assert_eq!(found, 0, "{word}");
    }
}

#[test]
fn an_empty_directory_is_told_what_it_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let error = make(directory.path()).unwrap_err().to_string();
    assert!(error.contains("none of run.json"), "{error}");
}

#[test]
fn results_of_another_version_or_of_nobody_are_refused() {
    let other = directory_with("run.json", r#"{"summary":{"schema_version":999}}"#);
    let error = make(other.path()).unwrap_err().to_string();
    assert!(error.contains("schema version 999"), "{error}");
    let nobody = directory_with("capacity.json", "{}");
    assert!(make(nobody.path()).unwrap_err().to_string().contains("schema version null"));
    let torn = directory_with("run.json", r#"{"summary":{"sch"#);
    assert!(matches!(make(torn.path()), Err(PageError::NoJson { .. })));
}
