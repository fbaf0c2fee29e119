//! What happens in the build VM.

use crate::diagnosis::entry::{ENTRY, Entry, FoundIn, TEMPLATE_REFERENCE};

/// In the order in which they are tried.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "AIB049",
        places: &[FoundIn::Log],
        pattern: r"Unpacking the package .*failed: .* has SHA-256 (\S+), expected [0-9a-f]{64}",
        cause: "the package that reached the build VM is not the one that was sent: its SHA-256 is $1",
        fix: "run the job again; if it fails again, check for a proxy that changes downloads, and who else writes to the container",
        retriable: true,
        unfetched: true,
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB049",
        places: &[FoundIn::Log],
        pattern: r"Unpacking the (package|script) failed: (.*(?:No space left on device|not enough space on the disk).*)",
        cause: "Unpacking the $1 in the build VM failed: $2",
        fix: "choose a larger disk in input '{disk size}', or leave out of the package what the image does not need (input '{exclude}')",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB810",
        places: &[FoundIn::Log],
        pattern: r"Unpacking the package failed: (.*(?:\(404\)|error:? 404|not valid in the specified time frame).*)",
        cause: "the package is no longer there for the build VM: $1",
        fix: "build the image again: the package was deleted before the run read it, or its link has ended: a kept template whose package is read by a link (input '{package access}') cannot be run later",
        unfetched: true,
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB049",
        places: &[FoundIn::Log],
        pattern: r"Unpacking the package failed: (.*(?:\((?:401|403|409)\)|error:? (?:401|403|409)).*)",
        cause: "Unpacking the package in the build VM failed: $1",
        fix: "let the build VM read from the storage account: its network must be in the account's firewall, and its identity needs the role 'Storage Blob Data Reader'; or choose another way in input '{package access}'",
        unfetched: true,
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB049",
        places: &[FoundIn::Log],
        pattern: r"Unpacking the package failed: (.*(?:could not be resolved|could not resolve|unable to connect|timed out|connection was closed|\((?:429|5[0-9]{2})\)|error:? (?:429|5[0-9]{2})|curl: \((?:5|6|7|18|28|35|52|56|60)\)|wget ended with exit code [4-8]|urlopen error).*)",
        cause: "Unpacking the package in the build VM failed: $1",
        fix: "let the build VM reach the storage account over HTTPS: check the network security groups, routes and name servers of its subnet",
        retriable: true,
        unfetched: true,
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB049",
        places: &[FoundIn::Log],
        pattern: r"Unpacking the (package|script) failed: (.*)",
        cause: "Unpacking the $1 in the build VM failed: $2",
        fix: "the task itself unpacks the package, not the script; run the job again, and if it fails again, check the source image: it needs tar and sha256sum (Linux), or .NET Framework 4.5 or later (Windows), and free disk space",
        retriable: true,
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB033",
        places: &[FoundIn::Run, FoundIn::Log],
        pattern: r"client_jwt will expire within 5 minutes",
        outside_steps: true,
        cause: "the build's time limit is shorter than the lifetime of the service's own sign-in",
        fix: "set input '{build timeout}' to 0 or at least 6",
        ..ENTRY
    },
    Entry {
        code: "AIB031",
        places: &[FoundIn::Log],
        pattern: r"Deprovisioning script \[.*\] could not be found",
        cause: "a step deleted C:\\DeprovisioningScript.ps1, which generalizes the VM",
        fix: "keep that file: delete files in your own folders only",
        ..ENTRY
    },
    Entry {
        code: "AIB029",
        places: &[FoundIn::Log],
        pattern: r"Cannot find any service with service name '?WindowsAzureGuestAgent",
        cause: "the VM was generalized before its guest agent was ready",
        fix: "choose a larger size in input '{vm size}', or begin the script with Start-Sleep -Seconds 60",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB029",
        places: &[FoundIn::Log],
        pattern: r"^\s*IMAGE_STATE_UNDEPLOYABLE",
        least: 20,
        cause: "the VM could not be generalized: Windows stays in state IMAGE_STATE_UNDEPLOYABLE",
        fix: "choose a larger size in input '{vm size}', begin the script with Start-Sleep -Seconds 60, and restart the VM at its end if a restart is pending; the reason is in C:\\Windows\\System32\\Sysprep\\Panther\\setupact.log",
        retriable: true,
        ..ENTRY
    },
    Entry {
        code: "AIB030",
        places: &[FoundIn::Log],
        pattern: r"SYSPRP Package (\S+) was installed for a user",
        cause: "the VM could not be generalized, because app $1 is installed for one user only",
        fix: "remove the app for all users before the build ends: Get-AppxPackage -AllUsers <name> | Remove-AppxPackage -AllUsers",
        source: APP_OF_ONE_USER,
        ..ENTRY
    },
    Entry {
        code: "AIB030",
        places: &[FoundIn::Log],
        pattern: r"0x80073cf2",
        cause: "the VM could not be generalized, because an app is installed for one user only",
        fix: "remove the app for all users before the build ends: Get-AppxPackage -AllUsers <name> | Remove-AppxPackage -AllUsers; C:\\Windows\\System32\\Sysprep\\Panther\\setupact.log names it",
        source: APP_OF_ONE_USER,
        ..ENTRY
    },
    Entry {
        code: "AIB060",
        places: &[FoundIn::Log],
        pattern: r"^\s*IMAGE_STATE_(?:COMPLETE|UNDEPLOYABLE)",
        with: Some(r"^\s*>>> Sysprepping VM"),
        earlier: Some(
            r"SuccessRestartRequired|SuccessRest\.\.\.|Restart ?Needed\s*:\s*(?:True|Yes)|You must restart this server|Restart Windows to complete this operation|a (?:restart|reboot) is (?:pending|required)",
        ),
        least: 20,
        cause: "the VM could not be generalized: a step before installed something that needs a restart, and the restart is still pending",
        fix: "restart the VM between that step and the end of the build: a WindowsRestart customizer in the template file, or input '{windows update}', which restarts it as well",
        ..ENTRY
    },
    Entry {
        code: "AIB030",
        places: &[FoundIn::Log],
        pattern: r"^\s*IMAGE_STATE_COMPLETE",
        with: Some(r"^\s*>>> Sysprepping VM"),
        least: 20,
        cause: "the VM could not be generalized: sysprep did not finish, most often because an app is installed for one user only, or because a restart is pending",
        fix: "remove such apps for all users (Get-AppxPackage -AllUsers <name> | Remove-AppxPackage -AllUsers), and restart the VM after features that need it (a WindowsRestart customizer in the template file); the reason is in C:\\Windows\\System32\\Sysprep\\Panther\\setupact.log",
        source: APP_OF_ONE_USER,
        ..ENTRY
    },
    Entry {
        code: "AIB059",
        places: &[FoundIn::Log],
        pattern: r"/waagent: (?:command )?not found|waagent: No such file or directory",
        cause: "the VM could not be generalized, because a script removed the Azure VM agent (waagent)",
        fix: "keep the packages walinuxagent (Debian, Ubuntu) or WALinuxAgent (Red Hat, SUSE): look for 'remove', 'purge' and 'autoremove' in the scripts",
        source: "https://github.com/danielsollondon/azvmimagebuilder/issues/126",
        ..ENTRY
    },
    Entry {
        code: "AIB026",
        places: &[FoundIn::Log],
        pattern: r"0x80240016",
        cause: "Windows Update could not install an update: another installation, or a restart, is pending",
        fix: "restart the VM before Windows Update, or end the script with Start-Sleep -Seconds 300",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
    Entry {
        code: "AIB027",
        places: &[FoundIn::Log],
        pattern: r"Timeout waiting for machine to restart|A system shutdown has already been scheduled\.?\(1190\)",
        with: Some(r"Timeout waiting for machine to restart"),
        cause: "the build VM did not come back from a restart in time",
        fix: "raise the time-out of the restart (restartTimeout of the customizer in the template file), and remove restarts from the scripts: the service restarts the VM itself",
        ..ENTRY
    },
    Entry {
        code: "AIB028",
        places: &[FoundIn::Log],
        pattern: r"unexpected EOF",
        with: Some(r"system performance: \d+% cpu"),
        cause: "the build VM failed during Windows Update",
        fix: "choose a larger size in input '{vm size}'",
        ..ENTRY
    },
    Entry {
        pattern: r"Windows update script exited with non-zero exit status: (-?\d+)",
        cause: "Windows Update failed with exit code $1",
        ..WINDOWS_UPDATE
    },
    Entry {
        step: Some("windows-update"),
        pattern: r"exited with non-zero exit status: (-?\d+)",
        cause: "Windows Update failed with exit code $1",
        ..WINDOWS_UPDATE
    },
    Entry {
        code: "AIB056",
        places: &[FoundIn::Log],
        pattern: r"Script disconnected unexpectedly",
        cause: "the connection to the build VM ended while the script ran: most often the script restarts the VM, or its network",
        fix: "remove the restart from the script, and restart the VM with a customizer of its own: WindowsRestart in the template file, or, on Linux, leave it to the first start of a VM from the image",
        source: "https://github.com/hashicorp/packer/issues/11203",
        ..ENTRY
    },
    Entry {
        code: "AIB057",
        places: &[FoundIn::Log],
        pattern: r"E: (?:Could not get lock (/var/lib/\S+?)[.]?(?: |$)|Unable to acquire the dpkg frontend lock \(([^)]+)\))",
        with: Some(r"exited with non-zero exit status"),
        cause: "another program in the build VM, most often the automatic updates, held the lock of apt or dpkg",
        fix: "wait for it at the beginning of the script (sudo cloud-init status --wait), give apt-get time (-o DPkg::Lock::Timeout=600), or run the job again",
        retriable: true,
        source: "https://github.com/actions/runner-images/issues/1120",
        ..ENTRY
    },
    Entry {
        code: "AIB050",
        places: &[FoundIn::Log],
        pattern: r"bad interpreter: .*\^M|/bin/\w+\^M|\$'\\r': command not found|env: .*\\r'?: No such file",
        cause: "a script has Windows line endings, which Linux shells do not accept",
        fix: "let Git keep Linux line endings: add the line '*.sh text eol=lf' to .gitattributes, and check out the repository again",
        source: "https://git-scm.com/docs/gitattributes#_eol",
        ..ENTRY
    },
    Entry {
        code: "AIB025",
        places: &[FoundIn::Log],
        pattern: r"Permission denied",
        with: Some(
            r"Remote command exited with '?(\d+)'?|Script exited with non-zero exit status: (\d+)",
        ),
        cause: "a command in the script was denied permission",
        fix: "put sudo before the command; if /tmp is mounted with noexec (hardened images), start the script with 'bash <file>'",
        ..ENTRY
    },
    Entry {
        code: "AIB024",
        places: &[FoundIn::Log],
        pattern: r"Script exited with non-zero exit status: (-?\d+)\.?(?: Allowed exit codes are: \[([^\]]*)\])?",
        cause: "the script ended with exit code $1",
        fix: "the last lines of the script usually show why; the exit code of a script is that of its last program, so if $1 is not an error (3010 only asks for a restart, robocopy succeeds with 0 to 7), end the script with 'exit 0'",
        ..ENTRY
    },
    Entry {
        code: "AIB035",
        places: &[FoundIn::Log],
        pattern: r"\d+(?:\.\d+)? ?[KMG]?i?B / \d",
        least: 2,
        least_seconds: 600,
        cause: "copying a large file into the build VM took too long",
        fix: "download the file in the script (azcopy, curl, Invoke-WebRequest): the service copies files of more than 20 MB very slowly",
        source: TEMPLATE_REFERENCE,
        ..ENTRY
    },
];

const APP_OF_ONE_USER: &str = "https://github.com/hashicorp/packer-plugin-azure/issues/350";

const WINDOWS_UPDATE: Entry = Entry {
    code: "AIB058",
    places: &[FoundIn::Log],
    fix: "run the job again, or switch Windows Update off (remove input '{windows update}', or the WindowsUpdate customizer of the template file)",
    retriable: true,
    source: "https://github.com/rgl/packer-plugin-windows-update/issues",
    ..ENTRY
};
