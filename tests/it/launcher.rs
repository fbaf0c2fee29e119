//! The launcher under a real `node`, with shell scripts in place of the core.

mod signals;
mod task_folder;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use task_folder::{Task, own_core, own_platform, transcript};

use crate::texts::check_has;

const ECHO: &str = "#!/bin/sh\necho \"$0 $1\"\n";

/// What the launcher says when the core did not report.
fn failure(code: &str, what: &str, hint: &str) -> String {
    format!(
        "\n##vso[task.logissue type=error;code={code};]{what}%0Ahint: {hint}\n##vso[task.complete result=Failed;]{what}\n"
    )
}

#[test]
fn each_platform_starts_its_own_core() {
    let task = Task::empty();
    let check = |platform: &str, processor: &str, expected: &str| {
        let shim = format!(
            "for (const [name, value] of [['platform', '{platform}'], ['arch', '{processor}']]) Object.defineProperty(process, name, {{ value }});"
        );
        let expected = format!("{} run\n", task.path("task/bin").join(expected).display());
        assert_eq!(task.run(&shim), expected, "{platform}-{processor}");
    };
    for system in ["linux", "darwin"] {
        for processor in ["x64", "arm64"] {
            let file = format!("{system}-{processor}/image-builder.bin");
            task.put(&format!("task/bin/{file}"), "0755", ECHO.as_bytes());
            check(system, processor, &file);
        }
    }
    task.put(
        "task/bin/win32-x64/image-builder.exe",
        "0755",
        ECHO.as_bytes(),
    );
    check("win32", "x64", "win32-x64/image-builder.exe");
    check("win32", "arm64", "win32-x64/image-builder.exe");
    task.put(
        "task/bin/win32-arm64/image-builder.exe",
        "0755",
        ECHO.as_bytes(),
    );
    check("win32", "arm64", "win32-arm64/image-builder.exe");
}

#[test]
fn the_post_job_stage_starts_the_core_for_cleaning_up() {
    let task = Task::with_core(ECHO);
    let output = task.node("cleanup.js", "").output().unwrap();
    assert_eq!(
        transcript(&output),
        format!("{} clean-up\n", task.path(&own_core()).display())
    );
}

/// Tests and packagers may choose another core.
#[test]
fn a_core_from_elsewhere_wins() {
    let task = Task::with_core("#!/bin/sh\necho the wrong one\n");
    task.put("own/core", "0755", ECHO.as_bytes());
    let mut node = task.node("index.js", "");
    let output = node
        .env("IMAGE_BUILDER_BINARY", task.path("own/core"))
        .output()
        .unwrap();
    assert_eq!(
        transcript(&output),
        format!("{} run\n", task.path("own/core").display())
    );
}

/// The environment holds every pipeline variable, and so words of others: the agent lists the names that are variables.
#[test]
fn no_pipeline_variable_chooses_another_core() {
    let task = Task::with_core(ECHO);
    task.put("own/core", "0755", b"#!/bin/sh\necho the wrong one\n");
    for spelling in [
        "IMAGE_BUILDER_BINARY",
        "image.builder.binary",
        "Image_Builder Binary",
    ] {
        let mut node = task.node("index.js", "");
        let output = node
            .env("IMAGE_BUILDER_BINARY", task.path("own/core"))
            .env(
                "VSTS_PUBLIC_VARIABLES",
                format!(r#"["system.debug","{spelling}"]"#),
            )
            .output()
            .unwrap();
        assert_eq!(
            transcript(&output),
            format!("{} run\n", task.path(&own_core()).display()),
            "{spelling}"
        );
    }
}

#[test]
fn a_core_without_executable_bit_gets_it() {
    let task = Task::empty();
    task.put(&own_core(), "0644", ECHO.as_bytes());
    assert_eq!(
        task.run(""),
        format!("{} run\n", task.path(&own_core()).display())
    );
    assert_eq!(
        fs::metadata(task.path(&own_core()))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o755
    );
}

#[test]
fn a_read_only_task_folder_is_no_obstacle() {
    for code in ["EROFS", "EPERM", "EACCES"] {
        let task = Task::empty();
        task.put(&own_core(), "0644", ECHO.as_bytes());
        let shim = format!(
            "const fs = require('fs'); const chmod = fs.chmodSync;
             fs.chmodSync = (file, mode) => {{
               if (file.startsWith('{}')) throw Object.assign(new Error('no'), {{ code: '{code}' }});
               chmod(file, mode);
             }};",
            task.path("task").display()
        );
        let said = task.run(&shim);
        let core = said.trim_end().strip_suffix(" run").unwrap();
        assert_eq!(
            Path::new(core).parent().unwrap().parent(),
            Some(task.path("temp").as_path()),
            "{said}"
        );
        let left = fs::read_dir(task.path("temp")).unwrap();
        assert_eq!(left.count(), 0, "the copy stays");
        assert_eq!(
            fs::metadata(task.path(&own_core()))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o644
        );
    }
}

#[test]
fn a_core_that_may_not_run_anywhere_is_explained() {
    let task = Task::with_core(ECHO);
    let noexec = "require('fs').accessSync = () => { throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }); };";
    let hint = format!(
        "let the agent run {}: no noexec mount, no rule of application control or antivirus against it",
        task.path(&own_core()).display()
    );
    let expected = failure(
        "AIB902",
        "Starting the core failed: EACCES: permission denied",
        &hint,
    );
    assert_eq!(task.run(noexec), expected);
}

#[test]
fn a_missing_core_is_explained() {
    let task = Task::empty();
    let what = format!(
        "Starting the core failed: there is no program for {} at {}",
        own_platform(),
        task.path(&own_core()).display()
    );
    let hint = "install the newest version of the extension; this one holds programs for: nothing";
    assert_eq!(task.run(""), failure("AIB901", &what, hint));

    task.put(
        "task/bin/plan9-mips/image-builder.bin",
        "0755",
        ECHO.as_bytes(),
    );
    let expected = failure("AIB901", &what, &hint.replace("nothing", "plan9-mips"));
    assert_eq!(task.run(""), expected);

    let warning = expected
        .replace("type=error", "type=warning")
        .replace("Failed", "SucceededWithIssues");
    assert_eq!(
        transcript(&task.node("cleanup.js", "").output().unwrap()),
        warning
    );
}

#[test]
fn foreign_text_cannot_end_a_logging_command() {
    let task = Task::with_core(ECHO);
    let shim = "require('child_process').spawn = () => { throw new Error('/none\\r\\n##vso[task.debug]%0A'); };";
    let said = task.run(shim);
    assert_eq!(said.lines().count(), 3, "{said}");
    check_has(&said, "/none%0D%0A##vso[task.debug]%AZP250A");
}

#[test]
fn a_program_of_another_kind_is_explained() {
    for (content, hint) in [
        (
            &b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x7f(\x00\x01\n"
                [..],
            "is a whole program for",
        ),
        (
            b"#!/no/such/interpreter\n",
            "and, for a script, its interpreter exist",
        ),
    ] {
        let task = Task::empty();
        task.put(&own_core(), "0755", content);
        let said = task.run("");
        assert!(
            said.contains("##vso[task.logissue type=error;code=AIB902;]") && said.contains(hint),
            "{said}"
        );
        check_has(&said, "\n##vso[task.complete result=Failed;]");
    }
}

#[test]
fn a_core_that_reported_is_left_alone() {
    let task = Task::with_core("#!/bin/sh\nprintf '##vso[task.complete result=Failed;]no'\n");
    assert_eq!(task.run(""), "##vso[task.complete result=Failed;]no");
}

#[test]
fn a_core_that_could_not_report_is_reported() {
    let debug = "set variable System.Debug to true and run again to see more";
    let memory = "memory probably ran out; give the agent more, or run fewer jobs on it at once";
    for (ending, end, hint) in [
        ("exit 3", "exit code 3", debug),
        ("exit 137", "exit code 137", memory),
        ("kill -KILL $$", "SIGKILL", memory),
        ("kill -TERM $$", "SIGTERM", debug),
        ("kill -ABRT $$", "SIGABRT", debug),
    ] {
        let task = Task::with_core(&format!(
            "#!/bin/sh\nulimit -c 0\nprintf 'half a line'\n{ending}\n"
        ));
        let what = format!("The core ended with {end} and without a result");
        assert_eq!(
            task.run(""),
            format!("half a line{}", failure("AIB902", &what, hint))
        );
    }
}

#[test]
fn a_report_waits_for_room_in_the_pipe() {
    let task = Task::with_core("#!/bin/sh\nexit 3\n");
    let shim = "const fs = require('fs'); const write = fs.writeSync; let calls = 0;
        fs.writeSync = (fd, data) => {
          calls += 1;
          if (calls % 2) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
          return write(fd, data.subarray(0, 100));
        };";
    assert_eq!(task.run(shim), task.run(""));
}

#[test]
fn the_scripts_stay_small_and_plain() {
    for (name, most_lines) in [("index.js", 80), ("cleanup.js", 5)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("task")
            .join(name);
        assert!(
            Command::new("node")
                .arg("--check")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let text = fs::read_to_string(path).unwrap();
        assert!(
            text.lines().count() <= most_lines,
            "{name} has {} lines",
            text.lines().count()
        );
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            assert!(
                !line.contains("console.") && !line.contains("process.std"),
                "{name}: {line}"
            );
        }
    }
}
