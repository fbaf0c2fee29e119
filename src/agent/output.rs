//! The standard output, written so that nothing is lost and nothing panics.
//!
//! The launcher shares our standard output. As soon as Node has touched it, the pipe may be non-blocking, and a full pipe then is an error
//! (`EAGAIN`) where it used to be a pause; `println!` panics on it.

use std::io::{ErrorKind, Write};
use std::thread;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The standard output of this process.
pub(super) fn stdout() -> Box<dyn Write + Send> {
    unbuffered().unwrap_or_else(|| Box::new(std::io::stdout()))
}

/// Without the line buffer of `std`, which cannot resume after an error in the middle of a line.
#[cfg(unix)]
fn unbuffered() -> Option<Box<dyn Write + Send>> {
    use std::os::fd::AsFd;
    let descriptor = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    Some(Box::new(std::fs::File::from(descriptor)))
}

/// On Windows `std` translates for consoles, and pipes always block.
#[cfg(not(unix))]
fn unbuffered() -> Option<Box<dyn Write + Send>> {
    None
}

/// Writes all of `text`: in one piece if the other side takes it so, and waiting for a reader that is slow.
/// When nobody reads anymore, the text is dropped.
pub(super) fn write_patiently(output: &mut dyn Write, text: &str) {
    let mut rest = text.as_bytes();
    let mut pause = FIRST_PAUSE;
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(0) => return,
            Ok(written) => {
                rest = rest.get(written..).unwrap_or_default();
                pause = FIRST_PAUSE;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(_) => return,
        }
    }
    // A failed flush means the same as a failed write: nobody reads.
    output.flush().unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use super::*;

    /// Takes what the script says, and everything after its end.
    struct Scripted {
        script: VecDeque<io::Result<usize>>,
        taken: String,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self
                .script
                .pop_front()
                .unwrap_or(Ok(bytes.len()))?
                .min(bytes.len());
            self.taken
                .push_str(std::str::from_utf8(&bytes[..taken]).unwrap());
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    fn check(script: Vec<io::Result<usize>>, expected: &str) {
        let mut output = Scripted {
            script: script.into(),
            taken: String::new(),
        };
        write_patiently(&mut output, "a line\n");
        assert_eq!(output.taken, expected);
    }

    #[test]
    fn a_line_survives_a_full_pipe_and_an_interruption() {
        let full = || Err(ErrorKind::WouldBlock.into());
        check(vec![], "a line\n");
        check(
            vec![
                Ok(2),
                full(),
                full(),
                Ok(1),
                Err(ErrorKind::Interrupted.into()),
            ],
            "a line\n",
        );
        check(vec![full(), full(), full()], "a line\n");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        check(vec![Ok(3), Err(ErrorKind::BrokenPipe.into())], "a l");
        check(vec![Ok(3), Ok(0)], "a l");
    }
}
