//! Logging commands: how one is written. Pure.
//!
//! The agent's reading of a line: `Command.cs` in <https://github.com/microsoft/azure-pipelines-agent>; the writing in Microsoft's tasks:
//! `node/taskcommand.ts` in <https://github.com/microsoft/azure-pipelines-task-lib>. For every command that both can express,
//! the result here is the same, byte for byte.

use std::fmt;

/// One logging command, `##vso[area.event key=value;]data`.
/// It has no debug output, because it may carry a secret.
#[derive(Clone)]
pub struct Command {
    name: &'static str,
    properties: String,
    data: String,
}

impl Command {
    /// A command by its full name, for example `task.setvariable`.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            properties: String::new(),
            data: String::new(),
        }
    }

    /// Adds a property. One with an empty value is left out, because the agent drops it.
    /// The agent also eats every `=` at the beginning of a value; there is no way to send one, so they are left out here already.
    #[must_use]
    pub fn property(mut self, key: &'static str, value: &str) -> Self {
        let value = value.trim_start_matches('=');
        if !value.is_empty() {
            let value = escape(value).replace(']', "%5D").replace(';', "%3B");
            self.properties.extend([key, "=", &value, ";"]);
        }
        self
    }

    /// Sets the text behind the bracket.
    #[must_use]
    pub fn data(mut self, data: &str) -> Self {
        self.data = escape(data);
        self
    }
}

/// The line, without an end.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.properties.is_empty() { "" } else { " " };
        write!(
            f,
            "##vso[{}{blank}{}]{}",
            self.name, self.properties, self.data
        )
    }
}

/// The percent sign goes first, otherwise the escapes of the others would be escaped.
fn escape(text: &str) -> String {
    text.replace('%', "%AZP25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command, expected: &str) {
        assert_eq!(command.to_string(), expected);
    }

    #[test]
    fn commands_are_written_as_microsofts_library_writes_them() {
        let new = || Command::new("task.setvariable");
        check(&Command::new("task.debug"), "##vso[task.debug]");
        check(
            &new().property("variable", "a").data("b"),
            "##vso[task.setvariable variable=a;]b",
        );
        check(
            &new().property("variable", "a").property("isoutput", "true"),
            "##vso[task.setvariable variable=a;isoutput=true;]",
        );
        check(
            &new().property("variable", "a]b;c%d\r\n=e"),
            "##vso[task.setvariable variable=a%5Db%3Bc%AZP25d%0D%0A=e;]",
        );
        check(
            &new().data("x%0Ay]z;\r\nq%AZP25"),
            "##vso[task.setvariable]x%AZP250Ay]z;%0D%0Aq%AZP25AZP25",
        );
        check(
            &new()
                .property("variable", ";=\r=\n=]%")
                .data(";-\r-\n-]%3B"),
            "##vso[task.setvariable variable=%3B=%0D=%0A=%5D%AZP25;];-%0D-%0A-]%AZP253B",
        );
        check(
            &new().property("variable", "a=b"),
            "##vso[task.setvariable variable=a=b;]",
        );
    }

    #[test]
    fn what_cannot_be_sent_is_left_out() {
        let new = || Command::new("task.setvariable");
        check(
            &new().property("variable", "").property("k", "v").data("x"),
            "##vso[task.setvariable k=v;]x",
        );
        check(
            &new().property("variable", "").data("x"),
            "##vso[task.setvariable]x",
        );
        check(
            &new().property("variable", "==b"),
            "##vso[task.setvariable variable=b;]",
        );
        check(&new().property("variable", "=="), "##vso[task.setvariable]");
    }
}
