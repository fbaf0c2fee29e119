//! The agent's parser of logging commands (`Command.cs`, `CommandStringConvertor.cs`).

/// A logging command that the agent understands as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The area, for example `task`.
    pub area: String,
    /// The event, for example `complete`.
    pub event: String,
    /// Properties as they were written, keys not trimmed, values decoded; of a repeated key the last counts.
    pub properties: Vec<(String, String)>,
    /// The decoded text behind the command.
    pub data: String,
    /// Parts between semicolons that are no property and that the agent drops in silence.
    pub dropped: Vec<String>,
    /// Text before the command, which the agent loses.
    pub lost: String,
}

/// What the agent makes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A logging command.
    Command(Command),
    /// Text that contains the marker of a command without being one; the agent shows it with a warning.
    Unparsable,
    /// Any other text.
    Text,
}

impl Command {
    /// The value of a property; the key is compared without regard to case.
    pub fn property(&self, key: &str) -> Option<&str> {
        let found = self
            .properties
            .iter()
            .rev()
            .find(|(own, _)| own.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the command has this name, without regard to case.
    pub fn is(&self, area: &str, event: &str) -> bool {
        self.area.eq_ignore_ascii_case(area) && self.event.eq_ignore_ascii_case(event)
    }

    /// A property that is a flag: true for `true` in any case, false for any other text.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.property(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Reads a line as the agent does.
pub fn parse(line: &str) -> Parsed {
    match parse_command(line) {
        Some(command) => Parsed::Command(command),
        None if line.contains("##vso") => Parsed::Unparsable,
        None => Parsed::Text,
    }
}

fn parse_command(line: &str) -> Option<Command> {
    let (lost, marked) = line.split_once("##vso[")?;
    let (info, data) = marked.split_once(']')?;
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let mut parts = name.split('.').filter(|part| !part.is_empty());
    let (Some(area), Some(event), None) = (parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let mut command = Command {
        area: area.to_owned(),
        event: event.to_owned(),
        properties: Vec::new(),
        data: decode(data),
        dropped: Vec::new(),
        lost: lost.to_owned(),
    };
    for part in properties.split(';').filter(|part| !part.is_empty()) {
        match split_property(part) {
            Some((key, value)) => command.properties.push((key.to_owned(), decode(value))),
            None => command.dropped.push(part.to_owned()),
        }
    }
    Some(command)
}

/// Splits like .NET's `Split('=', 2, RemoveEmptyEntries)`, which swallows leading and doubled separators.
fn split_property(part: &str) -> Option<(&str, &str)> {
    let (key, rest) = part.trim_start_matches('=').split_once('=')?;
    let value = rest.trim_start_matches('=');
    (!value.is_empty()).then_some((key, value))
}

fn decode(text: &str) -> String {
    text.replace("%3B", ";")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%5D", "]")
        .replace("%AZP25", "%")
}

#[cfg(test)]
mod tests {
    use super::{Command, Parsed, parse};

    /// Area, event, properties and data of a command, in one comparable shape.
    type Shape<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str);

    fn shape(command: &Command) -> Shape<'_> {
        let properties = command
            .properties
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        (&command.area, &command.event, properties, &command.data)
    }

    fn check(line: &str, expected: &Shape<'_>) {
        match parse(line) {
            Parsed::Command(command) => assert_eq!(&shape(&command), expected, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }

    /// The first two lines are the agent's own (`LoggingCommandL0.cs`), the others follow from its code.
    #[test]
    fn lines_parse_as_in_the_agent() {
        let event = |properties: &[(&'static str, &'static str)], data| {
            ("area", "event", properties.to_vec(), data)
        };
        for (line, expected) in [
            (
                "##vso[area.event k1=%3B=%0D=%0A=%5D%AZP25;]%3B-%0D-%0A-%5D%AZP253B",
                event(&[("k1", ";=\r=\n=]%")], ";-\r-\n-]%3B"),
            ),
            (
                ">>>   ##vso[area.event k1=v1;]msg",
                event(&[("k1", "v1")], "msg"),
            ),
            ("##vso[area.event k1=;k2=;]", event(&[], "")),
            ("##vso[area.event k1=a=b;]", event(&[("k1", "a=b")], "")),
            ("##vso[area.event k1==b;]", event(&[("k1", "b")], "")),
            ("##vso[area.event k1===;]", event(&[], "")),
            (
                "##vso[area.event k1=v1; k2=v2]",
                event(&[("k1", "v1"), (" k2", "v2")], ""),
            ),
            ("##vso[.area..event.]x", event(&[], "x")),
            ("##vso[area.event k=%3b]%0a", event(&[("k", "%3b")], "%0a")),
            ("##vso[area.event k=a]b]c", event(&[("k", "a")], "b]c")),
        ] {
            check(line, &expected);
        }
    }

    #[test]
    fn other_lines_are_no_commands() {
        for (line, expected) in [
            ("##vso[area.event.more]x", Parsed::Unparsable),
            ("##vso[area]x", Parsed::Unparsable),
            ("##vso[ area.event]x", Parsed::Unparsable),
            ("##vso[area.event", Parsed::Unparsable),
            ("##VSO[area.event]x", Parsed::Text),
            ("##[section]x", Parsed::Text),
            ("", Parsed::Text),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }

    #[test]
    fn what_the_agent_loses_is_kept_for_the_strict_reader() {
        let Parsed::Command(command) =
            parse("50 %##vso[task.complete result=Failed;done;K=1;k=2]bye")
        else {
            panic!("not a command");
        };
        assert_eq!(
            (command.lost.as_str(), command.dropped),
            ("50 %", vec!["done".to_owned()])
        );
        let last = command.properties.iter().rev().find(|(key, _)| key == "k");
        assert_eq!(last.map(|(_, value)| value.as_str()), Some("2"));
    }
}
