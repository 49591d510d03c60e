//! The live screen in a real pseudo-terminal: it comes, it obeys, and it leaves the terminal as it was.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use holdfast_tests::processes::{program, text};
use holdfast_tests::wait::wait_until;

use super::scene::{Scene, summary};

const SHOWN_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// What a terminal is told when a program takes a screen of its own, and when it gives it back.
const TAKEN: &str = "\u{1b}[?1049h";
const GIVEN_BACK: &str = "\u{1b}[?1049l";

/// A shell in a pseudo-terminal (`script` makes one) with `loadgen run` in its foreground, and what it noted on disk.
struct Terminal<'a> {
    directory: &'a Path,
    script: Child,
}

impl<'a> Terminal<'a> {
    fn start(scene: &Scene, directory: &'a Path) -> Self {
        Self::start_for(scene, directory, "120s", "true")
    }

    /// With a run of this length, after this command of the shell.
    fn start_for(scene: &Scene, directory: &'a Path, length: &str, first: &str) -> Self {
        Self::start_command(scene, directory, "run", &["-r", "100", "-d", length, "-w", "0s"], first)
    }

    /// With this command of `loadgen`, after this one of the shell.
    fn start_command(scene: &Scene, directory: &'a Path, command: &str, more: &[&str], first: &str) -> Self {
        fs::create_dir_all(directory).unwrap();
        let file = |name: &str| directory.join(name).display().to_string();
        let out = file("out");
        let parties = ["--operators", "2", "--acquirers", "2", "-o", &out];
        let mut line = scene.arguments(command, &[&parties[..], more].concat());
        line.insert(0, text(&program("loadgen")).to_owned());
        let line = line.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        fs::write(directory.join("line"), format!("echo $$ > {}; exec {line}\n", file("pid"))).unwrap();
        let shell = format!(
            "{first}; stty rows 24 cols 80; stty -a > {before}; sh {line}; echo $? > {code}; stty -a > {after}",
            before = file("before"),
            line = file("line"),
            code = file("code"),
            after = file("after"),
        );
        let script = Command::new("script")
            .args(["--quiet", "--flush", "--command", &shell, &file("typescript")])
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { directory, script }
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join(name)).unwrap_or_default()).into_owned()
    }

    /// One word: between words the terminal is told to go on, and only what changed is written.
    fn wait_for(&self, word: &str) {
        wait_until(&format!("the screen shows {word:?}"), SHOWN_WITHIN, || {
            self.read("typescript").contains(word).then_some(())
        });
    }

    fn press(&mut self, keys: &str) {
        let keyboard = self.script.stdin.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
    }

    /// Waits for the end: the exit code, after checking that the terminal is as it was.
    fn end(self) -> String {
        self.end_with("operations")
    }

    /// The same of a command whose report has this word.
    fn end_with(mut self, word: &str) -> String {
        wait_until("the shell ends", ENDS_WITHIN, || self.script.try_wait().unwrap());
        let shown = self.read("typescript");
        let (taken, given_back) = (shown.rfind(TAKEN).unwrap(), shown.rfind(GIVEN_BACK).unwrap());
        assert!(taken < given_back, "{shown}");
        assert!(shown[given_back..].contains(word), "the report stands below: {shown}");
        assert!(self.read("before").contains("icanon"));
        assert_eq!(self.read("before"), self.read("after"), "the modes of the terminal");
        self.read("code").trim().to_owned()
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.script.try_wait()
            && let Err(error) = self.script.kill().and_then(|()| self.script.wait())
        {
            eprintln!("script was left behind: {error}");
        }
    }
}

#[test]
fn keys_steer_the_run_and_q_ends_it_with_the_terminal_as_it_was() {
    let scene = Scene::new();
    let directory = scene.path("keys");
    let mut terminal = Terminal::start(&scene, &directory);
    terminal.wait_for("pause");
    terminal.wait_for("approved");
    terminal.press("+");
    terminal.wait_for("HAND");
    terminal.press("p");
    terminal.wait_for("PAUSED");
    terminal.press("q");
    assert_eq!(terminal.end(), "130");
    let summary = summary(&directory.join("out"));
    let changes = summary["changed_by_hand"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!((&changes[0]["paused"], &changes[1]["paused"]), (&false.into(), &true.into()));
    assert!((changes[1]["factor"].as_f64().unwrap() - 1.1).abs() < 1e-9);
    assert!(summary["verdict"]["remarks"].to_string().contains("by hand"));
    assert_eq!(summary["verdict"]["books"], "closed");
    scene.audit(&directory.join("out"));
}

#[test]
fn a_search_has_a_screen_for_each_trial_and_q_ends_it_all() {
    let scene = Scene::new();
    let directory = scene.path("search");
    let more = ["--mix", "pay:1", "--slo", "p50<10s", "--from", "100", "-d", "1s", "-w", "0s"];
    let mut terminal = Terminal::start_command(&scene, &directory, "capacity", &more, "true");
    terminal.wait_for("search");
    // Between two trials the terminal is as it was, and has a line about the first.
    terminal.wait_for("trial   1");
    wait_until("the second trial has a screen", SHOWN_WITHIN, || {
        (terminal.read("typescript").matches(TAKEN).count() >= 2).then_some(())
    });
    terminal.press("p+q");
    assert_eq!(terminal.end_with("broke off: interrupted"), "130");
    let found = fs::read_to_string(directory.join("out/capacity.json")).unwrap();
    assert!(found.contains("\"broken_off\": \"interrupted\""), "{found}");
    assert!(!found.contains("by hand"), "no key changes a trial: {found}");
}

#[test]
fn a_run_that_is_asked_to_end_gives_the_terminal_back() {
    let scene = Scene::new();
    for signal in ["TERM", "INT"] {
        let directory = scene.path(signal);
        let terminal = Terminal::start(&scene, &directory);
        terminal.wait_for("approved");
        let number = terminal.read("pid");
        let sent = Command::new("kill").args([&format!("-{signal}"), number.trim()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(terminal.end(), "130", "{signal}");
    }
}

#[test]
fn a_run_whose_terminal_is_closed_goes_on_where_it_was_told_to() {
    let scene = Scene::new();
    let directory = scene.path("closed");
    // As `nohup` does it.
    let mut terminal = Terminal::start_for(&scene, &directory, "15s", "trap '' HUP");
    terminal.wait_for("approved");
    terminal.script.kill().unwrap();
    terminal.script.wait().unwrap();
    let written = directory.join("out/summary.json");
    wait_until("the run ends", ENDS_WITHIN, || written.exists().then_some(()));
    assert_eq!(summary(&directory.join("out"))["verdict"]["books"], "closed");
}
