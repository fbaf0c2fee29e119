//! What happens in the build VM.

use crate::diagnosis::entry::{ENTRY, Entry, Place, TEMPLATE_REFERENCE};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB049",
        places: &[Place::Log],
        pattern: r"Unpacking the package .*failed: .* has SHA-256 (\S+), expected [0-9a-f]{64}",
        cause: "the package that reached the build VM is not the one that was sent: its SHA-256 is $1",
        fix: "run the job again; if it fails again, look for a proxy that changes downloads, or for somebody who writes to the container",
        retriable: true,
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB033",
        places: &[Place::Run, Place::Log],
        pattern: r"client_jwt will expire within 5 minutes",
        outside_steps: true,
        cause: "the build's time limit is shorter than the service's own sign-in lives",
        fix: "set input '{build timeout}' to 0 or to 6 and above",
        ..ENTRY
    },
    Entry {
        code: "AIB031",
        places: &[Place::Log],
        pattern: r"Deprovisioning script \[.*\] could not be found",
        cause: "a step deleted C:\\DeprovisioningScript.ps1, which generalizes the VM",
        fix: "keep that file: clean up in folders of your own only",
        ..ENTRY
    },
    Entry {
        code: "AIB029",
        places: &[Place::Log],
        pattern: r"Cannot find any service with service name '?WindowsAzureGuestAgent",
        cause: "the VM was generalized before its guest agent was ready",
        fix: "choose a bigger size in input '{vm size}', or let the script begin with Start-Sleep -Seconds 60",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB029",
        places: &[Place::Log],
        pattern: r"^\s*IMAGE_STATE_UNDEPLOYABLE",
        least: 20,
        cause: "the VM could not be generalized: Windows stays in state IMAGE_STATE_UNDEPLOYABLE",
        fix: "choose a bigger size in input '{vm size}', or let the script begin with Start-Sleep -Seconds 60; C:\\Windows\\System32\\Sysprep\\Panther\\setupact.log tells more",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB030",
        places: &[Place::Log],
        pattern: r"SYSPRP Package (\S+) was installed for a user|0x80073cf2",
        cause: "an app that is installed for one user only keeps the VM from being generalized ($1)",
        fix: "remove the app for all users before the build ends: Get-AppxPackage -AllUsers <name> | Remove-AppxPackage -AllUsers",
        source: "https://github.com/hashicorp/packer-plugin-azure/issues/350",
        ..ENTRY
    },
    Entry {
        code: "AIB030",
        places: &[Place::Log],
        pattern: r"^\s*IMAGE_STATE_COMPLETE",
        with: Some(r"^\s*>>> Sysprepping VM"),
        least: 20,
        cause: "the VM could not be generalized: sysprep gave up, most often because of an app that is installed for one user only",
        fix: "remove such apps for all users (Get-AppxPackage -AllUsers <name> | Remove-AppxPackage -AllUsers); C:\\Windows\\System32\\Sysprep\\Panther\\setupact.log names them",
        source: "https://github.com/hashicorp/packer-plugin-azure/issues/350",
        ..ENTRY
    },
    Entry {
        code: "AIB026",
        places: &[Place::Log],
        pattern: r"0x80240016",
        cause: "Windows Update could not install: another installation or a restart is pending",
        fix: "let the VM restart before Windows Update, or end the script with Start-Sleep -Seconds 300",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB027",
        places: &[Place::Log],
        pattern: r"Timeout waiting for machine to restart|A system shutdown has already been scheduled\.?\(1190\)",
        with: Some(r"Timeout waiting for machine to restart"),
        cause: "the build VM did not come back from a restart in time",
        fix: "give the restart more time (restartTimeout of the customizer), and take restarts out of the scripts: the service restarts the VM itself",
        ..ENTRY
    },
    Entry {
        code: "AIB028",
        places: &[Place::Log],
        pattern: r"unexpected EOF",
        with: Some(r"system performance: \d+% cpu"),
        cause: "the build VM broke down under Windows Update",
        fix: "choose a bigger size in input '{vm size}'",
        ..ENTRY
    },
    Entry {
        code: "AIB050",
        places: &[Place::Log],
        pattern: r"bad interpreter: .*\^M|/bin/\w+\^M|\$'\\r': command not found|env: .*\\r'?: No such file",
        cause: "a script has line ends of Windows, which no Linux shell takes",
        fix: "let git keep the line ends of Linux: add a line '*.sh text eol=lf' to .gitattributes and check the repository out again",
        source: "https://git-scm.com/docs/gitattributes#_eol",
        ..ENTRY
    },
    Entry {
        code: "AIB025",
        places: &[Place::Log],
        pattern: r"Permission denied",
        with: Some(
            r"Remote command exited with '?(\d+)'?|Script exited with non-zero exit status: (\d+)",
        ),
        cause: "a command of the script has no right to do what it does",
        fix: "put sudo before the command; if /tmp is mounted with noexec (hardened images), start scripts with 'bash <file>'",
        ..ENTRY
    },
    Entry {
        code: "AIB024",
        places: &[Place::Log],
        pattern: r"Script exited with non-zero exit status: (-?\d+)\.?(?: Allowed exit codes are: \[([^\]]*)\])?",
        cause: "the script ended with exit code $1",
        fix: "the script's last lines are in the log above; if $1 is no failure (3010 only asks for a restart), end the script with 'exit 0'",
        ..ENTRY
    },
    Entry {
        code: "AIB035",
        places: &[Place::Log],
        pattern: r"\d+(?:\.\d+)? ?[KMG]?i?B / \d",
        least: 2,
        least_seconds: 600,
        cause: "copying a big file into the build VM took too long",
        fix: "let the script download the file (azcopy, curl, Invoke-WebRequest): the service copies files of more than 20 MB very slowly",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
];
