//! Scripts that name their interpreter, as inline lines.

/// Inline lines run in `/bin/sh`. A script that names its interpreter is written to a file and given to that.
pub(super) fn by_its_interpreter(script: Vec<String>) -> Vec<String> {
    let interpreter = script.first().and_then(|line| line.strip_prefix("#!"));
    let Some(interpreter) = interpreter.map(str::trim).filter(|it| !it.is_empty()) else {
        return script;
    };
    let mut mark = "END_OF_SCRIPT".to_owned();
    while script.contains(&mark) {
        mark.push('_');
    }
    let mut lines = vec![
        "script=$(mktemp) || exit 1".to_owned(),
        format!("cat > \"$script\" <<'{mark}'"),
    ];
    let call = format!("{interpreter} \"$script\"; status=$?");
    lines.extend(script);
    lines.extend([
        mark,
        call,
        "rm -f \"$script\"".to_owned(),
        "exit $status".to_owned(),
    ]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::customization::lines;

    #[test]
    fn scripts_run_in_the_interpreter_that_they_name() {
        let check = |script: &str, expected: &str| {
            assert_eq!(by_its_interpreter(lines(script)).join("\n"), expected);
        };
        check("echo 1\necho 2", "echo 1\necho 2");
        check(
            "#!/bin/bash -e\nEND_OF_SCRIPT",
            "script=$(mktemp) || exit 1\ncat > \"$script\" <<'END_OF_SCRIPT_'\n#!/bin/bash -e\nEND_OF_SCRIPT\nEND_OF_SCRIPT_\n/bin/bash -e \"$script\"; status=$?\nrm -f \"$script\"\nexit $status",
        );
    }
}
