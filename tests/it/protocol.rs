//! What the console says, read back by the agent's rules.
//!
//! The reading here is written from the agent's own (`src/Microsoft.VisualStudio.Services.Agent/Command.cs` in
//! <https://github.com/microsoft/azure-pipelines-agent>), independently of the product's writing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use image_builder::agent::command::Command;
use image_builder::agent::{Console, Environment, IssueKind, TaskResult};
use image_builder::secret::Masker;
use proptest::prelude::*;

#[derive(Debug, Default, PartialEq, Eq)]
struct Received {
    name: String,
    properties: BTreeMap<String, String>,
    data: String,
}

/// The command in a line, if the agent finds one.
fn receive(line: &str) -> Option<Received> {
    let (_, command) = line.split_once("##vso[")?;
    let (info, data) = command.split_once(']')?;
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let area_and_event: Vec<_> = name.split('.').filter(|part| !part.is_empty()).collect();
    let [area, event] = area_and_event[..] else {
        return None;
    };
    let mut received = Received {
        name: format!("{area}.{event}"),
        data: unescape(data),
        ..Received::default()
    };
    for property in properties
        .split(';')
        .filter(|property| !property.is_empty())
    {
        // Two parts at most, empty ones do not count: what is left after the first non-empty part starts at the next non-empty one.
        if let Some((key, value)) = property.trim_start_matches('=').split_once('=') {
            let value = value.trim_start_matches('=');
            if !value.is_empty() {
                received
                    .properties
                    .insert(key.to_lowercase(), unescape(value));
            }
        }
    }
    Some(received)
}

fn unescape(text: &str) -> String {
    text.replace("%3B", ";")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%5D", "]")
        .replace("%AZP25", "%")
}

/// The lines that the agent's reader sees.
fn lines(output: &str) -> Vec<&str> {
    output
        .split_inclusive(['\r', '\n'])
        .map(|line| line.trim_end_matches(['\r', '\n']))
        .collect()
}

/// What the agent takes for commands and what the log page takes for formatting, in order and by name. The agent compares by the rules
/// of a language and may skip characters without weight; here it skips all that could be such.
fn markers(output: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines(output) {
        let ascii: String = line.chars().filter(char::is_ascii).collect();
        let command = receive(line).or_else(|| receive(&ascii));
        if let Some(command) = command {
            found.push(command.name);
        } else if let Some(formatting) = ascii.trim_start().strip_prefix("##[") {
            found.push(formatting.split(']').next().unwrap_or_default().to_owned());
        } else {
            assert!(
                !ascii.to_lowercase().contains("##vso"),
                "the agent warns about {line:?}"
            );
        }
    }
    found
}

#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<Vec<u8>>>);

impl Transcript {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn job() -> Environment {
    let variables = [
        ("TF_BUILD", "True"),
        ("SYSTEM_DEBUG", "true"),
        ("SYSTEM_TASKINSTANCENAME", "bake"),
    ];
    Environment::new(variables.map(|(name, value)| (name.into(), value.into())))
}

fn said(say: impl FnOnce(&Console)) -> String {
    let transcript = Transcript::default();
    say(&Console::new(&job(), transcript.clone()));
    transcript.text()
}

/// Reads a line into the properties and the data of `area.event`, or finds no command.
fn check_reading(line: &str, expected: Option<(&[(&str, &str)], &str)>) {
    let expected = expected.map(|(properties, data)| Received {
        name: "area.event".to_owned(),
        properties: properties
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        data: data.to_owned(),
    });
    assert_eq!(receive(line), expected, "{line}");
}

#[test]
fn the_reading_is_the_agents() {
    let check = check_reading;
    // The agent's own tests: src/Test/L0/Worker/LoggingCommandL0.cs.
    let all = "##vso[area.event k1=%3B=%0D=%0A=%5D%AZP25;]%3B-%0D-%0A-%5D%AZP253B";
    check(all, Some((&[("k1", ";=\r=\n=]%")], ";-\r-\n-]%3B")));
    check(
        ">>>   ##vso[area.event k1=v1;]msg",
        Some((&[("k1", "v1")], "msg")),
    );
    // What follows from its code.
    check("##vso[area.event k1=;k2=;]", Some((&[], "")));
    check("##vso[area.event k1=a=b;]", Some((&[("k1", "a=b")], "")));
    check("##vso[area.event k1==b;]", Some((&[("k1", "b")], "")));
    check("##vso[area.event k1===;]", Some((&[], "")));
    check(
        "##vso[area.event k1=v1; k2=v2]",
        Some((&[("k1", "v1"), (" k2", "v2")], "")),
    );
    check("##vso[.area..event.]x", Some((&[], "x")));
    check("##vso[area.event.more]x", None);
    check("##vso[area]x", None);
    check("##vso[ area.event]x", None);
    check("##VSO[area.event]x", None);
    check("##vso[area.event k=%3b]%0a", Some((&[("k", "%3b")], "%0a")));
    check("##vso[area.event k=a]b]c", Some((&[("k", "a")], "b]c")));
}

/// Text of the pieces that a line is made of when someone means harm, and of anything else.
fn foreign() -> impl Strategy<Value = String> {
    let visible = "# ## ##vso ##VsO ##vso[ vso[ v so [ ] task.complete task.setvariable variable=x; ##[error] [group] ; = % \
        %0A %0D %5D %3B %AZP25 s3cr3t- v4lue s3cr3t-v4lue é 🚀";
    let invisible = "\r|\n|\r\n| |\t|\u{1b}|\u{1b}[0m|\u{1b}[|\u{1b}]0;|\u{7}|\u{9b}|\u{85}|\0|\u{200b}|\u{feff}|\u{ad}|\
        \u{301}|\u{fe0f}|\u{2028}|\u{e0001}";
    let harmful: Vec<_> = visible.split(' ').chain(invisible.split('|')).collect();
    let piece = prop_oneof![9 => prop::sample::select(harmful).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_arrives(value in foreign(), data in foreign()) {
        let line = Command::new("area.event").property("key", &value).property("second", "2").data(&data).to_string();
        prop_assert_eq!(lines(&line).len(), 1);
        let command = receive(&line).unwrap();
        // The one thing that cannot be sent.
        let sendable = value.trim_start_matches('=');
        prop_assert_eq!(command.properties.get("key").map_or("", String::as_str), sendable);
        prop_assert_eq!(command.properties.get("second").map(String::as_str), Some("2"));
        prop_assert_eq!(command.data, data);
    }

    #[test]
    fn variables_arrive_whole(value in foreign()) {
        let output = said(|console| {
            console.set_variable("imageId", &value);
            console.set_task_variable("left", &value, false);
        });
        let commands: Vec<_> = lines(&output).into_iter().map(|line| receive(line).unwrap()).collect();
        prop_assert_eq!(commands.iter().map(|command| command.name.as_str()).collect::<Vec<_>>(),
            ["task.setvariable", "task.setvariable", "task.settaskvariable"]);
        for command in commands {
            prop_assert_eq!(command.data, value.as_str());
        }
    }

    #[test]
    fn text_of_others_gives_no_orders(text in foreign()) {
        let output = said(|console| {
            console.line(&text);
            console.group(&text);
            console.issue(IssueKind::Error, Some("AIB401"), &text);
            console.set_progress(5, &text);
            console.end_group();
            console.complete(TaskResult::Failed, &text);
        });
        prop_assert_eq!(markers(&output), ["group", "task.logissue", "task.setprogress", "endgroup", "task.complete"]);
        let issue = lines(&output).into_iter().filter_map(receive).find(|command| command.name == "task.logissue").unwrap();
        prop_assert_eq!(issue.properties, BTreeMap::from([("type".to_owned(), "error".to_owned()), ("code".to_owned(), "AIB401".to_owned())]));
        // The agent prints the lines of a message one by one.
        prop_assert_eq!(markers(&issue.data), Vec::<String>::new());
        let invisible = ['\r', '\u{1b}', '\0', '\u{200b}'];
        prop_assert!(!output.contains(invisible));
    }

    #[test]
    fn debug_text_of_others_is_debug_text_on_every_line(text in foreign()) {
        let output = said(|console| console.debug(&text));
        prop_assert!(markers(&output).iter().all(|marker| marker == "task.debug"));
        prop_assert_eq!(markers(&output).len(), lines(&output).len());
    }

    #[test]
    fn no_way_of_printing_shows_a_secret(text in foreign()) {
        let secret = "s3cr3t-v4lue";
        let output = said(|console| {
            console.mask(secret);
            console.line(&text);
            console.group(&text);
            console.debug(&text);
            console.issue(IssueKind::Warning, None, &text);
            console.set_progress(5, &text);
            console.complete(TaskResult::Failed, &text);
        });
        let rest = output.strip_prefix("##vso[task.setsecret]s3cr3t-v4lue\n").unwrap();
        prop_assert!(!rest.contains(secret) && !unescape(rest).contains(secret), "{}", rest);
    }
}

#[test]
fn lines_of_several_threads_do_not_mix_and_keep_their_order() {
    let transcript = Transcript::default();
    let console = Console::new(&job(), transcript.clone());
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let console = console.clone();
            scope.spawn(move || {
                for number in 0..200 {
                    console.line(&format!("{name} {number}"));
                }
            });
        }
    });
    let text = transcript.text();
    for name in ["a", "b", "c"] {
        let own: Vec<_> = text.lines().filter(|line| line.starts_with(name)).collect();
        assert_eq!(
            own,
            (0..200)
                .map(|number| format!("{name} {number}"))
                .collect::<Vec<_>>()
        );
    }
    assert_eq!(text.lines().count(), 600);
}

/// What the launcher does to us: to the standard output that it shares, and when it has to end.
#[cfg(unix)]
mod launched {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use image_builder::agent::StopSignal;

    use super::*;

    /// Tells when the other side has had enough for now.
    struct NonBlocking {
        stream: UnixStream,
        full: Sender<()>,
    }

    impl Write for NonBlocking {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let result = self.stream.write(bytes);
            if result
                .as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            {
                // The reader stops listening as soon as it has heard it once.
                self.full.send(()).unwrap_or_default();
            }
            result
        }

        fn flush(&mut self) -> io::Result<()> {
            self.stream.flush()
        }
    }

    #[test]
    fn a_slow_reader_gets_every_line_of_a_non_blocking_pipe() {
        let (stream, mut reader) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (full, is_full) = channel();
        let writing = std::thread::spawn(move || {
            let console = Console::new(&job(), NonBlocking { stream, full });
            (0..2_000).for_each(|number| console.line(&format!("{number} {}", "x".repeat(1_000))));
        });
        is_full
            .recv()
            .expect("two megabytes must fill the pipe before anybody reads");
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        writing.join().unwrap();
        let expected: Vec<_> = (0..2_000)
            .map(|number| format!("{number} {}", "x".repeat(1_000)))
            .collect();
        assert!(
            text.lines().eq(expected.iter().map(String::as_str)),
            "lines are missing, broken or out of order"
        );
    }

    #[tokio::test]
    async fn a_signal_to_the_process_is_a_request_to_stop() {
        let stop = StopSignal::listen(false, None).unwrap();
        assert!(!stop.requested().is_cancelled());
        let kill = format!("kill -HUP {}", std::process::id());
        assert!(
            tokio::process::Command::new("sh")
                .args(["-c", &kill])
                .status()
                .await
                .unwrap()
                .success()
        );
        tokio::time::timeout(Duration::from_secs(20), stop.requested().cancelled())
            .await
            .unwrap();
        assert!(!stop.at_once().is_cancelled());
    }

    #[test]
    fn a_closed_pipe_does_not_stop_the_work() {
        let (stream, reader) = UnixStream::pair().unwrap();
        drop(reader);
        let console = Console::new(&job(), stream);
        console.line("nobody reads this");
        console.complete(TaskResult::Succeeded, "nor this");
        assert!(console.result().is_some());
    }
}
