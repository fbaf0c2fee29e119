//! The customizers that the inputs ask for: the package comes first, the author's script after it.

use serde_json::Value;

use super::{Address, Link, PackageLink, own_script, unpacking, wire};
use crate::inputs::{Customization, Plan, Provisioner};

/// The names are those of the original task: people look for them in customization logs.
const FILE_COPY: &str = "vststask_file_copy";
const FOLDER: &str = "vststask_folder";
const PACKAGE: &str = "vststask_package";
const INLINE: &str = "vststask_inline";
const WAIT: &str = "5minWait_is_needed_before_windowsUpdate";

/// The archive, as the service brings it to `destination`.
fn file_copy((_, link): Link<'_>, destination: String) -> wire::Customizer<'_> {
    wire::Customizer::File {
        name: FILE_COPY,
        source_uri: link.address.url(),
        sha256_checksum: &link.sha256,
        destination,
    }
}

/// What comes before the script that unpacks the package: the archive, where the service brings it.
fn before_unpacking(provisioner: Provisioner, link: Link<'_>) -> Vec<wire::Customizer<'_>> {
    let (package, PackageLink { address, .. }) = link;
    match (provisioner, address) {
        (Provisioner::Shell, _) => {
            vec![file_copy(link, unpacking::linux_archive(&package.name))]
        }
        (Provisioner::PowerShell, Address::ForService(_)) => vec![
            plain_powershell(FOLDER, vec![unpacking::WINDOWS_FOLDER.to_owned()]),
            file_copy(link, unpacking::windows_archive(&package.name)),
        ],
        (Provisioner::PowerShell, Address::Signed(_) | Address::ForVm { .. }) => Vec::new(),
    }
}

fn unpacking(provisioner: Provisioner, (package, link): Link<'_>) -> Vec<String> {
    match provisioner {
        Provisioner::Shell => unpacking::linux(package, &link.sha256),
        Provisioner::PowerShell => unpacking::windows(package, link),
    }
}

/// Brings the package to its place, before the customizers of a template file.
pub(super) fn package(provisioner: Provisioner, link: Link<'_>) -> Vec<wire::Customizer<'_>> {
    let mut customizers = before_unpacking(provisioner, link);
    let (name, inline) = (PACKAGE, unpacking(provisioner, link));
    customizers.push(match provisioner {
        Provisioner::Shell => wire::Customizer::Shell { name, inline },
        Provisioner::PowerShell => plain_powershell(name, inline),
    });
    customizers
}

fn plain_powershell(name: &'static str, inline: Vec<String>) -> wire::Customizer<'static> {
    wire::Customizer::PowerShell {
        name,
        run_elevated: false,
        run_as_system: false,
        inline,
    }
}

/// The package, the script of the inputs, and what goes with Windows.
pub(super) fn customizers<'a>(
    plan: &'a Plan,
    package: Option<Link<'a>>,
) -> Vec<wire::Customizer<'a>> {
    let Customization {
        provisioner,
        inline,
        stop_on_error,
        ..
    } = &plan.customization;
    let before = package.map(|link| before_unpacking(*provisioner, link));
    let mut customizers = before.unwrap_or_default();
    let unpacking = package.map(|link| unpacking(*provisioner, link));
    let own = match provisioner {
        Provisioner::Shell => inline.clone(),
        Provisioner::PowerShell => own_script::powershell(inline, *stop_on_error),
    };
    let lines: Vec<_> = unpacking.into_iter().flatten().chain(own).collect();
    match provisioner {
        _ if lines.is_empty() => {}
        Provisioner::Shell => customizers.push(wire::Customizer::Shell {
            name: INLINE,
            inline: lines,
        }),
        Provisioner::PowerShell => {
            customizers.push(powershell(&plan.customization, INLINE, lines));
        }
    }
    if plan.customization.windows_update {
        let wait = vec!["Start-Sleep -Seconds 300".to_owned()];
        customizers.push(powershell(&plan.customization, WAIT, wait));
        customizers.push(ALL_BUT_PREVIEWS);
    }
    customizers
}

fn powershell(
    customization: &Customization,
    name: &'static str,
    inline: Vec<String>,
) -> wire::Customizer<'static> {
    wire::Customizer::PowerShell {
        name,
        run_elevated: customization.run_elevated,
        run_as_system: customization.run_as_system,
        inline,
    }
}

/// All updates that are not installed yet, previews left out, as the original task asks for them
/// (<https://github.com/rgl/packer-plugin-windows-update>).
const ALL_BUT_PREVIEWS: wire::Customizer<'static> = wire::Customizer::WindowsUpdate {
    search_criteria: "IsInstalled=0",
    filters: &["exclude:$_.Title -like '*Preview*'", "include:$true"],
};

/// As they are sent.
pub(super) fn to_values(customizers: &[wire::Customizer<'_>]) -> Vec<Value> {
    customizers.iter().map(wire::to_value).collect()
}
