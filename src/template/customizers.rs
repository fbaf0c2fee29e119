//! The customizers that the inputs ask for: the package comes first, the author's script after it.

use serde_json::Value;

use super::{Address, Link, PackageLink, strictness, unpacking, wire};
use crate::inputs::{Customization, Plan, Provisioner};

/// The names are those of the original task: people look for them in customization logs.
const FILE_COPY: &str = "vststask_file_copy";
const FOLDER: &str = "vststask_folder";
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
pub(super) fn before_unpacking(
    provisioner: Provisioner,
    link: Link<'_>,
) -> Vec<wire::Customizer<'_>> {
    let (package, PackageLink { address, .. }) = link;
    match (provisioner, address) {
        (Provisioner::Shell, _) => {
            vec![file_copy(link, unpacking::linux_archive(&package.name))]
        }
        (Provisioner::PowerShell, Address::ForService(_)) => vec![
            wire::Customizer::PowerShell {
                name: FOLDER,
                run_elevated: false,
                run_as_system: false,
                inline: vec![unpacking::WINDOWS_FOLDER.to_owned()],
            },
            file_copy(link, unpacking::windows_archive(&package.name)),
        ],
        (Provisioner::PowerShell, Address::Signed(_) | Address::ForVm { .. }) => Vec::new(),
    }
}

/// The package, the script of the inputs, and what goes with Windows.
pub(super) fn customizers<'a>(
    plan: &'a Plan,
    package: Option<Link<'a>>,
) -> Vec<wire::Customizer<'a>> {
    let provisioner = plan.customization.provisioner;
    let before = package.map(|link| before_unpacking(provisioner, link));
    let mut customizers = before.unwrap_or_default();
    let own = plan.customization.inline.iter().cloned();
    match provisioner {
        Provisioner::Shell => {
            let unpacking = package.map(|(package, link)| unpacking::linux(package, &link.sha256));
            let inline: Vec<String> = unpacking.into_iter().flatten().chain(own).collect();
            // The service refuses a script without lines.
            if !inline.is_empty() {
                customizers.push(wire::Customizer::Shell {
                    name: INLINE,
                    inline,
                });
            }
        }
        Provisioner::PowerShell => {
            let unpacking = package.map(|(package, link)| unpacking::windows(package, link));
            let own: Vec<String> = if plan.customization.stop_on_error {
                strictness::strict(&plan.customization.inline)
            } else {
                own.collect()
            };
            let lines: Vec<String> = unpacking.into_iter().flatten().chain(own).collect();
            if !lines.is_empty() {
                customizers.push(powershell(&plan.customization, INLINE, lines));
            }
            if plan.customization.windows_update {
                let wait = vec!["Start-Sleep -Seconds 300".to_owned()];
                customizers.push(powershell(&plan.customization, WAIT, wait));
                customizers.push(ALL_BUT_PREVIEWS);
            }
        }
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
