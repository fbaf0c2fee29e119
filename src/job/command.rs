//! What a person at a prompt, or the launcher, asks the program to do.

use crate::inputs::action::ACTIONS;
use crate::inputs::manifest::{
    ACTION, ALL_INPUTS, IB_AZURE_RESOURCE_GROUP, IB_SUBSCRIPTION, TEMPLATE_NAME,
};
use crate::inputs::{Action, nearest};

/// What to do, with the arguments that are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The main stage of the task: build the image, or whatever else its inputs ask for.
    Run(Vec<String>),
    /// Print the template.
    Render(Vec<String>),
    /// Look at all that a build needs.
    Doctor(Vec<String>),
    /// The post-job stage of the task.
    CleanUp,
    /// Print the version.
    Version,
    /// Print how the program is used, or one command of it.
    Help(Option<String>),
    /// There is no such command: a sentence.
    Unknown(String),
}

/// Every command with what it does.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    (
        "run",
        "do what a step of a pipeline does with these inputs: without an action, build the image",
    ),
    ("submit", "start a build, and do not wait for it"),
    ("wait", "wait for a build, and collect the image"),
    ("status", "show the state of a build"),
    ("cancel", "cancel a build, and delete its image template"),
    ("sweep", "delete what lost jobs left in a resource group"),
    ("promote", "make an image version count as latest"),
    (
        "withdraw",
        "make an image version no longer count as latest",
    ),
    ("retain", "delete old image versions"),
    ("test", "boot an image version, and run checks in it"),
    ("diff", "compare the contents of two image versions"),
    (
        "rollout",
        "make the session hosts of a host pool use an image version",
    ),
    ("report", "show which hosts and VMs use which image version"),
    (
        "render",
        "print the image template that a build would send, without signing in or sending anything",
    ),
    (
        "doctor",
        "check everything that an action needs; nothing is changed",
    ),
    (
        "clean-up",
        "delete what a canceled step left in Azure; the post-job stage of a step",
    ),
    ("help", "print this text, or that of one command"),
];

const HELP: &[&str] = &["--help", "-h", "-?", "/?"];

impl Command {
    /// The command in the program's arguments. Without any an agent means the main stage, and a person wants to know what there is.
    pub fn of(arguments: &[String], in_job: bool) -> Self {
        let Some((first, rest)) = arguments.split_first() else {
            return if in_job {
                Self::Run(Vec::new())
            } else {
                Self::Help(None)
            };
        };
        let first = first.as_str();
        if first == "help" || HELP.contains(&first) {
            return Self::help(rest.first().map(String::as_str));
        }
        if is_command(first) && rest.iter().any(|it| HELP.contains(&it.as_str())) {
            return Self::help(Some(first));
        }
        match first {
            "run" => Self::Run(rest.to_vec()),
            "render" => Self::Render(rest.to_vec()),
            "doctor" => Self::Doctor(rest.to_vec()),
            "clean-up" => Self::CleanUp,
            "--version" | "-V" | "version" => Self::Version,
            // An action is a command of the same name.
            action if is_command(action) => {
                if let Some(other) = rest.iter().find(|it| contradicts(action, it)) {
                    return Self::Unknown(format!(
                        "the command is '{action}', and the argument '{other}' asks for another action: remove the argument, or use another command"
                    ));
                }
                let action = format!("{}={action}", ACTION.name);
                Self::Run(
                    std::iter::once(action)
                        .chain(rest.iter().cloned())
                        .collect(),
                )
            }
            other => Self::Unknown(unknown(other)),
        }
    }

    fn help(about: Option<&str>) -> Self {
        match about {
            Some(name) if !is_command(name) && !HELP.contains(&name) => {
                Self::Unknown(unknown(name))
            }
            about => Self::Help(about.filter(|name| is_command(name)).map(str::to_owned)),
        }
    }
}

/// Whether an argument asks for another action than the command `action` does.
fn contradicts(action: &str, argument: &str) -> bool {
    let Some((name, value)) = argument.split_once('=') else {
        return false;
    };
    name.eq_ignore_ascii_case(ACTION.name) && !value.trim().eq_ignore_ascii_case(action)
}

fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|(known, _)| *known == name)
}

fn unknown(text: &str) -> String {
    let input = text.split_once('=').map(|(name, _)| name);
    let is_input = |name: &str| {
        let mut all = ALL_INPUTS.iter();
        all.any(|input| input.name.eq_ignore_ascii_case(name))
    };
    if input.is_some_and(is_input) {
        return format!(
            "'{text}' is an input without a command before it; did you mean 'image-builder render {text}'?"
        );
    }
    let names = COMMANDS.iter().map(|(name, _)| *name);
    if let Some(near) = nearest(text, names.clone()) {
        return format!("'{text}' is not a command; did you mean '{near}'?");
    }
    let names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    format!(
        "'{text}' is not a command; expected one of {}",
        names.join(", ")
    )
}

/// How the program is used; with `about` how that command is.
pub(super) fn usage(about: Option<&str>) -> String {
    let Some((name, what)) = about.and_then(|it| COMMANDS.iter().find(|(name, _)| *name == it))
    else {
        return general();
    };
    let sign_in = format!(
        "The Azure CLI signs in: 'az login' first. '{}' is the id of the subscription",
        IB_SUBSCRIPTION.name
    );
    let more = match *name {
        "help" => return general(),
        "render" => {
            "The template goes to standard output, and warnings go to standard error.".to_owned()
        }
        "doctor" => {
            format!("{sign_in}; without it, the subscription of the managed identity is used.")
        }
        "clean-up" => {
            return format!(
                "Usage: image-builder clean-up\n\nIt will {what}. It takes no arguments."
            );
        }
        _ => format!("{sign_in}."),
    };
    let action = ACTIONS.iter().find(|(known, _)| known == name);
    let action = action.filter(|_| *name != "run").map(|(_, action)| *action);
    let inputs = ALL_INPUTS.iter();
    let inputs: Vec<&str> = inputs
        .filter(|input| action.is_none_or(|action| action.uses(input)))
        .filter(|input| **input != ACTION || action.is_none_or(|it| it == Action::Doctor))
        .map(|input| input.name)
        .collect();
    format!(
        "Usage: image-builder {name} [name=value ...]\n\nIt will {what}.\n\n{ARGUMENTS}\n{more}\n\nInputs (docs/inputs.md describes them):\n{}",
        wrapped(&inputs)
    )
}

const ARGUMENTS: &str = "A name that is an input sets it, and overrides the variable INPUT_<NAME>. Any other name is a variable of the pipeline, such as
Build.BuildId=4711.";

fn general() -> String {
    use std::fmt::Write as _;
    let mut text = "Builds VM images with Azure VM Image Builder.\n\nUsage: image-builder <command> [name=value ...]\n\nCommands:\n".to_owned();
    for (name, what) in COMMANDS {
        // Writing to a text does not fail.
        writeln!(text, "  {name:<10}{what}").ok();
    }
    let (subscription, group) = (IB_SUBSCRIPTION.name, IB_AZURE_RESOURCE_GROUP.name);
    let template = TEMPLATE_NAME.name;
    write!(
        text,
        "\nOptions:\n  -h, --help     print this text, or after a command that of the command\n  -V, --version  print the version\n\nExample:\n  image-builder status {subscription}=$(az account show --query id --output tsv) {group}=rg-images {template}=web"
    )
    .ok();
    text
}

/// Names in lines of up to 100 characters.
fn wrapped(names: &[&str]) -> String {
    let mut lines = vec![String::from(" ")];
    for name in names {
        if let Some(line) = lines.last_mut() {
            if line.len() + name.len() < 100 {
                line.push(' ');
                line.push_str(name);
            } else {
                lines.push(format!("  {name}"));
            }
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str], in_job: bool) -> Command {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Command::of(&arguments, in_job)
    }

    #[test]
    fn commands_are_told_apart() {
        let check = |arguments: &[&str], expected: Command| {
            assert_eq!(of(arguments, false), expected, "{arguments:?}");
        };
        check(&[], Command::Help(None));
        for help in ["help", "--help", "-h", "-?", "/?"] {
            check(&[help], Command::Help(None));
            check(&[help, "render"], Command::Help(Some("render".into())));
        }
        check(
            &["doctor", "a=b", "--help"],
            Command::Help(Some("doctor".into())),
        );
        check(&["help", "--help"], Command::Help(None));
        check(&["run"], Command::Run(vec![]));
        check(&["render", "a=b"], Command::Render(vec!["a=b".into()]));
        check(
            &["status", "a=b"],
            Command::Run(vec!["action=status".into(), "a=b".into()]),
        );
        check(
            &["status", "action=Status"],
            Command::Run(vec!["action=status".into(), "action=Status".into()]),
        );
        check(&["clean-up"], Command::CleanUp);
        check(&["--version"], Command::Version);
        assert_eq!(of(&[], true), Command::Run(vec![]));
        assert_eq!(of(&["clean-up"], true), Command::CleanUp);
    }

    #[test]
    fn unknown_commands_have_a_neighbour() {
        let check = |arguments: &[&str], expected: &str| {
            let expected = Command::Unknown(expected.to_owned());
            assert_eq!(of(arguments, false), expected, "{arguments:?}");
        };
        check(
            &["rendr"],
            "'rendr' is not a command; did you mean 'render'?",
        );
        check(
            &["help", "docter"],
            "'docter' is not a command; did you mean 'doctor'?",
        );
        check(
            &["cleanup"],
            "'cleanup' is not a command; did you mean 'clean-up'?",
        );
        check(
            &["bake"],
            "'bake' is not a command; expected one of 'run', 'submit', 'wait', 'status', 'cancel', 'sweep', 'promote', 'withdraw', 'retain', 'test', 'diff', 'rollout', 'report', 'render', 'doctor', 'clean-up', 'help'",
        );
        check(
            &["vmsize=a"],
            "'vmsize=a' is an input without a command before it; did you mean 'image-builder render vmsize=a'?",
        );
    }

    #[test]
    fn a_command_and_an_action_do_not_contradict_each_other() {
        for other in ["action=withdraw", "ACTION=withdraw", "action="] {
            let said = format!(
                "the command is 'promote', and the argument '{other}' asks for another action: remove the argument, or use another command"
            );
            let arguments = ["promote", "imageVersionId=a", other];
            assert_eq!(of(&arguments, false), Command::Unknown(said));
        }
    }

    #[test]
    fn every_command_has_its_usage() {
        let text = usage(None);
        for (name, what) in COMMANDS {
            assert!(text.contains(&format!("  {name:<10}{what}\n")), "{text}");
            let own = usage(Some(name));
            assert!(own.contains("Usage: image-builder "), "{own}");
            assert!(own.lines().all(|line| line.len() <= 160), "{own}");
        }
        assert!(usage(Some("render")).contains(" templateFile"));
        assert!(usage(Some("wait")).contains(" whenNotReady"));
        assert!(!usage(Some("wait")).contains(" vmSize"));
    }
}
