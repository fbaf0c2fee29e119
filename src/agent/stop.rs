//! Learning that the step has to end: signals, the keys and the closing of a console, and the end of the launcher.
//!
//! The agent sends SIGINT (on Windows Ctrl+C), 7.5 s later SIGTERM (Ctrl+Break), and 2.5 s later it kills
//! (`src/Agent.Sdk/ProcessInvoker.cs` in <https://github.com/microsoft/azure-pipelines-agent>). It kills the launcher alone,
//! and then the standard input, which the launcher holds open, ends. In a container signals do not arrive at all; there the post-job stage
//! asks by a file.
//!
//! On Windows (unproven: written from the documentation, tried on no agent) the agent attaches to the console that launcher and core share,
//! and raises Ctrl+C, later Ctrl+Break for all of it; handlers of ours keep the process alive
//! (<https://learn.microsoft.com/windows/console/handlerroutine>). After the closing of the console Windows grants five seconds.

use std::io::{self, ErrorKind, Read};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stage_files::StageFiles;
use crate::threads;

/// One key press arrives twice, from the terminal and through the launcher. What follows the first this closely is the same request.
const ONE_REQUEST: Duration = Duration::from_millis(500);

/// How a request to stop arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// A signal or a console event.
    Signal,
    /// The launcher is gone, and the agent with it.
    LauncherGone,
    /// The post-job stage has started beside us, in a container where no signal arrives.
    PostJobStage,
}

/// The requests to stop: first one to come to an end, then perhaps one to end at once. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    requested: CancellationToken,
    at_once: CancellationToken,
}

impl StopSignal {
    /// Listens for signals, and with `launcher_on_stdin` also for the end of the standard input. Without a launcher that end means nothing:
    /// someone has given us a closed or an empty one. `files` is where the post-job stage may ask. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// The operating system refuses a signal handler or a thread.
    pub fn listen(launcher_on_stdin: bool, files: Option<StageFiles>) -> io::Result<Self> {
        let (sender, requests) = unbounded_channel();
        listen_for_signals(&sender)?;
        if let Some(files) = files {
            let sender = sender.clone();
            threads::named("post-job").spawn(move || {
                files.wait_for_request();
                report(&sender, Request::PostJobStage);
            })?;
        }
        if launcher_on_stdin {
            threads::named("launcher").spawn(move || {
                wait_for_end(&mut io::stdin());
                report(&sender, Request::LauncherGone);
            })?;
        }
        let stop = Self::default();
        tokio::spawn(stop.clone().follow(requests));
        Ok(stop)
    }

    /// Canceled by the first request: wind up, there are seconds left.
    pub fn requested(&self) -> &CancellationToken {
        &self.requested
    }

    /// Canceled by the second signal: say what remains, and end.
    pub fn at_once(&self) -> &CancellationToken {
        &self.at_once
    }

    async fn follow(self, mut requests: UnboundedReceiver<Request>) {
        if requests.recv().await.is_none() {
            return;
        }
        self.requested.cancel();
        let requested_at = Instant::now();
        while let Some(next) = requests.recv().await {
            // The end of the launcher, or the post-job stage, is no second request: nobody is in a hurry anymore, and what is left of the clean-up may go on.
            if matches!(next, Request::Signal) && requested_at.elapsed() >= ONE_REQUEST {
                self.at_once.cancel();
                return;
            }
        }
    }
}

#[cfg(unix)]
fn listen_for_signals(sender: &UnboundedSender<Request>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                report(&sender, Request::Signal);
            }
        });
    }
    Ok(())
}

#[cfg(windows)]
fn listen_for_signals(sender: &UnboundedSender<Request>) -> io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

    macro_rules! listen {
        ($events:expr) => {{
            let mut events = $events?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while events.recv().await.is_some() {
                    report(&sender, Request::Signal);
                }
            });
        }};
    }
    listen!(ctrl_c());
    listen!(ctrl_break());
    listen!(ctrl_close());
    Ok(())
}

/// Nobody listening anymore means that the process is about to end, which is what the request asks for.
fn report(sender: &UnboundedSender<Request>, request: Request) {
    sender.send(request).unwrap_or_default();
}

/// Reads until there is nothing left to come. An input that cannot be read has ended, too.
fn wait_for_end(input: &mut dyn Read) {
    let mut ignored = [0; 256];
    loop {
        match input.read(&mut ignored) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(200));
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends requests after pauses of so many milliseconds, and compares what has been canceled at the end.
    async fn check(requests: &[(u64, Request)], requested: bool, at_once: bool) {
        let (sender, receiver) = unbounded_channel();
        let stop = StopSignal::default();
        let following = tokio::spawn(stop.clone().follow(receiver));
        for (pause, request) in requests {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            report(&sender, *request);
            tokio::task::yield_now().await;
        }
        drop(sender);
        following.await.unwrap();
        assert_eq!(
            (
                stop.requested().is_cancelled(),
                stop.at_once().is_cancelled()
            ),
            (requested, at_once),
            "{requests:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_winds_up_and_the_second_signal_ends() {
        use Request::{LauncherGone, PostJobStage, Signal};
        check(&[], false, false).await;
        check(&[(1, Signal)], true, false).await;
        check(&[(1, Signal), (7_500, Signal)], true, true).await;
        check(&[(1, Signal), (3, Signal)], true, false).await;
        check(&[(1, Signal), (3, Signal), (600, Signal)], true, true).await;
        for gone in [LauncherGone, PostJobStage] {
            check(&[(1, gone)], true, false).await;
            check(&[(1, Signal), (10_000, gone)], true, false).await;
            check(&[(1, gone), (600, Signal)], true, true).await;
        }
    }

    #[test]
    fn an_input_ends_when_it_is_closed_or_cannot_be_read() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::PermissionDenied.into())
            }
        }
        wait_for_end(&mut Broken);

        let (reader, writer) = io::pipe().unwrap();
        let (ended, end) = std::sync::mpsc::channel();
        let waiting = thread::spawn(move || {
            let mut reader = reader;
            wait_for_end(&mut reader);
            ended.send(()).unwrap();
        });
        io::Write::write_all(&mut &writer, b"ignored").unwrap();
        assert!(end.try_recv().is_err(), "an open input has not ended");
        drop(writer);
        waiting.join().unwrap();
        assert!(end.try_recv().is_ok());
    }
}
