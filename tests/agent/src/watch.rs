//! Follows the process of a step: takes its output, interrupts it, and stops waiting when the agent would
//! (`ProcessInvoker.cs`).

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::{Host, Timeouts};
use crate::cancel::{Action, Cancellation, Interruption, Trigger};
use crate::lines::read_lines;
use crate::process::{self, Signal};
use crate::recorder::Recorder;
use crate::step_run::{Stream, ViolationKind};

enum Event {
    Line(Stream, String),
    End,
    Fired,
    Exited(i32),
}

/// What is to be done when the deadline has passed.
#[derive(Clone, Copy)]
enum Next {
    Terminate,
    Kill,
    StopWaiting,
    /// The stage has had its time.
    GiveUp,
}

/// Follows one process until the agent would stop to.
pub(crate) struct Watch {
    node: u32,
    host: Host,
    timeouts: Timeouts,
    /// Whether the step goes on in a canceled job.
    goes_on: bool,
    /// The action, and the text of the line that triggers it; another trigger comes as an event.
    trigger: Option<(Action, Option<String>)>,
    pub(crate) started: Instant,
    deadline: Option<(Instant, Next)>,
    open_streams: usize,
    pub(crate) exit_code: Option<i32>,
    /// Whether the agent stopped to follow a process that may still run.
    detached: bool,
    pub(crate) cancellation: Option<Cancellation>,
}

impl Watch {
    pub(crate) fn new(node: u32, host: Host, timeouts: Timeouts, goes_on: bool) -> Self {
        let started = Instant::now();
        Self {
            node,
            host,
            timeouts,
            goes_on,
            trigger: None,
            started,
            deadline: Some((started + timeouts.stage, Next::GiveUp)),
            open_streams: 2,
            exit_code: None,
            detached: false,
            cancellation: None,
        }
    }

    /// Follows the process to its end, or to the moment at which the agent would not wait any longer.
    pub(crate) fn follow(
        &mut self,
        mut child: Child,
        interruption: Option<Interruption>,
        recorder: &mut Recorder,
    ) {
        let (sender, events) = channel();
        self.trigger =
            interruption.map(|wanted| (wanted.action, watch_trigger(wanted.trigger, &sender)));
        read_output(child.stdout.take(), Stream::Stdout, &sender);
        read_output(child.stderr.take(), Stream::Stderr, &sender);
        wait_for_exit(child, sender);
        self.take_events(&events, recorder);
    }

    fn take_events(&mut self, events: &Receiver<Event>, recorder: &mut Recorder) {
        while !self.detached && (self.exit_code.is_none() || self.open_streams > 0) {
            match self.next_event(events) {
                Ok(Event::Line(stream, text)) => self.take_line(stream, text, recorder),
                Ok(Event::End) => self.open_streams = self.open_streams.saturating_sub(1),
                Ok(Event::Fired) => self.interrupt(&recorder.run.marker),
                Ok(Event::Exited(code)) => {
                    self.exit_code = Some(code);
                    let elapsed = self.started.elapsed();
                    if let Some(cancellation) = &mut self.cancellation {
                        cancellation.ended = Some(elapsed);
                    }
                    self.wait(self.timeouts.output, Next::StopWaiting);
                }
                Err(RecvTimeoutError::Timeout) => self.act(recorder),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn next_event(&self, events: &Receiver<Event>) -> Result<Event, RecvTimeoutError> {
        match self.deadline {
            Some((at, _)) => events.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn take_line(&mut self, stream: Stream, text: String, recorder: &mut Recorder) {
        let wanted = self
            .trigger
            .as_ref()
            .and_then(|(_, wanted)| wanted.as_ref());
        let hit = wanted.is_some_and(|wanted| text.contains(wanted.as_str()));
        recorder.take_line(stream, text);
        if hit {
            self.interrupt(&recorder.run.marker);
        }
        let unhurried = matches!(self.deadline, None | Some((_, Next::GiveUp)));
        if recorder.done && unhurried {
            self.wait(self.timeouts.done, Next::StopWaiting);
        }
    }

    fn wait(&mut self, time: Duration, next: Next) {
        self.deadline = Some((Instant::now() + time, next));
    }

    fn interrupt(&mut self, marker: &str) {
        let Some((action, _)) = self.trigger.take() else {
            return;
        };
        if self.exit_code.is_some() {
            return;
        }
        let now = self.started.elapsed();
        let mut cancellation = Cancellation::new(action, now);
        match action {
            Action::Cancel if self.goes_on => cancellation.ignored = true,
            Action::Cancel | Action::TimeOut if self.host == Host::Container => {
                // Only the docker client hears the signal and ends; the container knows nothing of it.
                self.detached = true;
            }
            Action::Cancel | Action::TimeOut => {
                process::send(self.node, Signal::Interrupt);
                cancellation.interrupted = Some(now);
                self.wait(self.timeouts.interrupt, Next::Terminate);
            }
            Action::KillNode => {
                process::send(self.launcher(marker), Signal::Kill);
                cancellation.killed = Some(now);
            }
            Action::LoseAgent => {
                self.kill_all(marker);
                cancellation.killed = Some(now);
            }
            Action::KillChildren => {
                let launcher = self.launcher(marker);
                let spared = [self.node, launcher];
                let mut children = process::marked(marker);
                children.retain(|child| !spared.contains(&child.id));
                for child in children {
                    process::send(child.id, Signal::Kill);
                }
                cancellation.killed = Some(now);
            }
        }
        self.cancellation = Some(cancellation);
    }

    /// The process that runs the handler: Node itself, or in a container the child of the invoker.
    fn launcher(&self, marker: &str) -> u32 {
        match self.host {
            Host::Machine => self.node,
            Host::Container => {
                let child = process::marked(marker)
                    .into_iter()
                    .find(|process| process.parent == self.node);
                child.map_or(self.node, |child| child.id)
            }
        }
    }

    fn kill_all(&self, marker: &str) {
        for process in process::marked(marker) {
            process::send(process.id, Signal::Kill);
        }
        process::send(self.node, Signal::Kill);
    }

    fn act(&mut self, recorder: &mut Recorder) {
        let now = self.started.elapsed();
        let Some((_, next)) = self.deadline.take() else {
            return;
        };
        match next {
            Next::StopWaiting => self.detached = true,
            Next::Terminate => {
                process::send(self.node, Signal::Terminate);
                self.wait(self.timeouts.terminate, Next::Kill);
            }
            Next::Kill => {
                process::send(self.node, Signal::Kill);
            }
            Next::GiveUp => {
                let detail = format!("no end after {:?}", self.timeouts.stage);
                recorder.violation(ViolationKind::NoEnd, &detail);
                self.kill_all(&recorder.run.marker);
                return;
            }
        }
        if let Some(cancellation) = &mut self.cancellation {
            match next {
                Next::StopWaiting | Next::GiveUp => {}
                Next::Terminate => cancellation.terminated = Some(now),
                Next::Kill => cancellation.killed = Some(now),
            }
        }
    }
}

/// Hands back the text to look for, or passes a signal on as an event.
fn watch_trigger(trigger: Trigger, events: &Sender<Event>) -> Option<String> {
    match trigger {
        Trigger::Line(text) => Some(text),
        Trigger::Signal(fired) => {
            let events = events.clone();
            thread::spawn(move || fired.recv().is_ok() && events.send(Event::Fired).is_ok());
            None
        }
    }
}

fn read_output(source: Option<impl Read + Send + 'static>, stream: Stream, events: &Sender<Event>) {
    let events = events.clone();
    thread::spawn(move || {
        if let Some(source) = source {
            read_lines(source, |line| {
                events.send(Event::Line(stream, line)).is_ok()
            });
        }
        events.send(Event::End).is_ok()
    });
}

fn wait_for_exit(mut child: Child, events: Sender<Event>) {
    thread::spawn(move || {
        let code = child.wait().map_or(-1, exit_code);
        events.send(Event::Exited(code)).is_ok()
    });
}

/// .NET's exit code: 128 plus the number of the signal for a killed process.
#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}
