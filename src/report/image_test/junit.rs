//! The tests as a `JUnit` file, as the Tests tab of Azure Pipelines takes it
//! (<https://learn.microsoft.com/azure/devops/pipelines/tasks/reference/publish-test-results-v2#junit>). Three elements and an escape are less
//! than a crate that writes every form.

use std::fmt::Write as _;
use std::time::Duration;

use crate::image_test::Test;
use crate::log::TestState;

/// Groups the tests in the Tests tab.
const CLASS: &str = "image";

/// The document of the suite `name`.
pub(super) fn document(name: &str, tests: &[Test]) -> String {
    let count = |state: TestState| tests.iter().filter(|test| test.state == state).count();
    let total: Duration = tests.iter().filter_map(|test| test.elapsed).sum();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{}\">",
        escaped(name),
        tests.len(),
        count(TestState::Failed),
        count(TestState::Skipped),
        seconds(total)
    )
    .ok();
    for test in tests {
        text.push_str(&case(test));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(test: &Test) -> String {
    let time = test.elapsed.unwrap_or_default();
    let start = format!(
        "    <testcase classname=\"{CLASS}\" name=\"{}\" time=\"{}\"",
        escaped(&test.name),
        seconds(time)
    );
    match test.state {
        TestState::Passed => format!("{start}/>\n"),
        TestState::Skipped => {
            let message = message(&test.text);
            format!("{start}>\n      <skipped{message}/>\n    </testcase>\n")
        }
        TestState::Failed => {
            let message = message(&test.text);
            let lines = escaped(&test.lines.join("\n"));
            format!(
                "{start}>\n      <failure{message} type=\"failed\">{lines}</failure>\n    </testcase>\n"
            )
        }
    }
}

fn message(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!(" message=\"{}\"", escaped(text))
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Text for an attribute or an element. XML 1.0 has no way to write most control characters (<https://www.w3.org/TR/xml/#charsets>).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, state: TestState, text: &str, lines: &[&str]) -> Test {
        Test {
            name: name.to_owned(),
            state,
            elapsed: (state == TestState::Passed).then(|| Duration::from_millis(192_500)),
            text: text.to_owned(),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    #[test]
    fn the_document_has_a_case_for_each_test() {
        let tests = [
            test("boot", TestState::Passed, "", &[]),
            test(
                "a <b> & \"c\"",
                TestState::Failed,
                "exit code 1",
                &["x > 1", "\u{1b}[0m]]>"],
            ),
            test("later", TestState::Skipped, "", &[]),
            test("gpu", TestState::Skipped, "none", &[]),
        ];
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites>
  <testsuite name=\"1.0.2\" tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"2\" time=\"192.500\">
    <testcase classname=\"image\" name=\"boot\" time=\"192.500\"/>
    <testcase classname=\"image\" name=\"a &lt;b&gt; &amp; &quot;c&quot;\" time=\"0.000\">
      <failure message=\"exit code 1\" type=\"failed\">x &gt; 1&#10;\u{fffd}[0m]]&gt;</failure>
    </testcase>
    <testcase classname=\"image\" name=\"later\" time=\"0.000\">
      <skipped/>
    </testcase>
    <testcase classname=\"image\" name=\"gpu\" time=\"0.000\">
      <skipped message=\"none\"/>
    </testcase>
  </testsuite>
</testsuites>
";
        assert_eq!(document("1.0.2", &tests), expected);
        // Not our own reader: what was written comes back, whatever it was.
        let read = roxmltree::Document::parse(expected).unwrap();
        let names: Vec<_> = read
            .descendants()
            .filter_map(|node| node.attribute("classname").and(node.attribute("name")))
            .collect();
        assert_eq!(names, ["boot", "a <b> & \"c\"", "later", "gpu"]);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_a_script_prints_the_document_can_be_read(name in ".*", text in ".*", line in ".*") {
            let tests = [test(&name, TestState::Failed, &text, &[&line, &line])];
            let document = document(&name, &tests);
            let read = roxmltree::Document::parse(&document);
            proptest::prop_assert!(read.is_ok(), "{:?}: {}", read.err(), document);
        }
    }
}
