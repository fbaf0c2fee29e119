//! Splits a task's output into lines as .NET's `ReadLine` does: at line feed, carriage return, or both.

use std::io::Read;

/// Reads to the end, handing on every line as soon as it is complete; stops when the line is not taken.
pub(crate) fn read_lines(mut source: impl Read, mut take: impl FnMut(String) -> bool) {
    let mut buffer = [0; 8192];
    let mut lines = Lines::default();
    while let Ok(count) = source.read(&mut buffer) {
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            break;
        };
        for byte in chunk {
            if let Some(line) = lines.push(*byte)
                && !take(line)
            {
                return;
            }
        }
    }
    if let Some(line) = lines.rest() {
        take(line);
    }
}

#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
    after_return: bool,
}

impl Lines {
    fn push(&mut self, byte: u8) -> Option<String> {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if after_return => None,
            b'\n' | b'\r' => Some(self.take()),
            other => {
                self.pending.push(other);
                None
            }
        }
    }

    fn rest(&mut self) -> Option<String> {
        (!self.pending.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::read_lines;

    #[test]
    fn lines_end_like_in_dotnet() {
        for (text, expected) in [
            ("a\nb\n", vec!["a", "b"]),
            ("a\r\nb\rc", vec!["a", "b", "c"]),
            ("\n\r\n\r", vec!["", "", ""]),
            ("", vec![]),
        ] {
            let mut lines = Vec::new();
            read_lines(text.as_bytes(), |line| {
                lines.push(line);
                true
            });
            assert_eq!(lines, expected, "{text:?}");
        }
    }
}
