//! What becomes of signals, of the core when the launcher dies, and of the core's output meanwhile.

use std::fs;
use std::io::Read;
use std::process::Command;

use super::task_folder::{Running, Task, own_core};

/// Lasts until its stdin ends, and runs traps meanwhile.
const HOLD: &str = "exec 3<&0\ncat <&3 >/dev/null 2>&1 &\nheld=$!\necho ready\nwhile kill -0 $held 2>/dev/null; do wait $held; done\n";

#[test]
fn signals_reach_the_core_and_its_cleaning_up_is_awaited() {
    for name in ["INT", "TERM", "HUP"] {
        let task = Task::empty();
        let gate = task.path("gate");
        assert!(
            Command::new("mkfifo")
                .arg(&gate)
                .status()
                .unwrap()
                .success()
        );
        let trap = format!(
            "trap 'echo cleaning; read word < \"{}\"; echo $word; exit 0' {name}",
            gate.display()
        );
        task.put(
            &own_core(),
            "0755",
            format!("#!/bin/sh\n{trap}\n{HOLD}").as_bytes(),
        );
        let mut running = task.start("");
        running.expect("ready");
        running.signal(name);
        running.expect("cleaning");
        assert!(running.runs(), "{name}");
        fs::write(&gate, "cleaned\n").unwrap();
        assert_eq!(running.end(), "cleaned", "{name}");
    }
}

#[test]
fn every_interrupt_is_passed_on_and_a_stubborn_core_is_outlived() {
    let trap = "trap 'n=$((n+1)); echo interrupt $n' INT\ntrap 'echo finished; exit 0' TERM";
    let task = Task::with_core(&format!("#!/bin/sh\nn=0\n{trap}\n{HOLD}"));
    let mut running = task.start("");
    running.expect("ready");
    for number in 1..=3 {
        running.signal("INT");
        running.expect(&format!("interrupt {number}"));
        assert!(running.runs());
    }
    running.signal("TERM");
    assert_eq!(running.end(), "finished");
}

#[test]
fn a_signal_that_comes_while_the_core_starts_is_not_lost() {
    // The shell may die of it before it has set its trap, or clean up; without the signal it would wait for ever.
    let task = Task::with_core(&format!(
        "#!/bin/sh\ntrap 'echo cleaned; exit 0' INT\n{HOLD}"
    ));
    let shim = "const processes = require('child_process'); const { spawn } = processes;
        processes.spawn = (...all) => { process.kill(process.pid, 'SIGINT'); return spawn(...all); };";
    let said = task.start(shim).end();
    assert!(
        said.ends_with("cleaned") || said.contains("The core ended with SIGINT"),
        "{said}"
    );
}

#[test]
fn the_core_learns_of_the_launchers_death() {
    let task = Task::with_core("#!/bin/sh\necho ready\ncat >/dev/null\necho stdin ended\n");
    let running = task.start("");
    running.expect("ready");
    running.signal("KILL");
    assert_eq!(running.rest(), ["stdin ended"]);
}

#[test]
fn a_slow_reader_does_not_disturb_the_core_while_signals_come() {
    // `dd` fails at the first EAGAIN, which is what a launcher that touches process.stdout would cause.
    let script = "#!/bin/sh\ntrap 'echo signal >&2' INT\ndd if=/dev/zero bs=1024 count=1024 2>/dev/null &\nwriter=$!\necho ready >&2\n\
                  code=130; while [ $code -eq 130 ]; do wait $writer; code=$?; done; exit $code\n";
    let task = Task::with_core(script);
    let mut running = Running::new(task.node("index.js", ""), |node| node.stderr.take());
    running.expect("ready");
    for _ in 0..5 {
        running.signal("INT");
        running.expect("signal");
    }
    let mut output = Vec::new();
    running
        .node
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output)
        .unwrap();
    let text = output.iter().filter(|byte| **byte != 0).copied().collect();
    assert_eq!(
        (output.len(), String::from_utf8(text).unwrap()),
        (1024 * 1024, String::new())
    );
    assert!(running.node.wait().unwrap().success());
}
