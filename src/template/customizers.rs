//! The customizers that the inputs ask for: the package comes first, the author's script after it.

use super::model::{Customizer, FileCustomizer, PowerShellCustomizer, Source, WindowsUpdate};
use super::unpacking::{Address, LinkedPackage, PackageLink};
use super::{own_script, unpacking};
use crate::inputs::inventory::STEP;
use crate::inputs::{Customization, Plan, Provisioner};
use crate::inventory::script::{linux, windows};

/// The names are those of the original task: people look for them in customization logs.
const FILE_COPY: &str = "vststask_file_copy";
const FOLDER: &str = "vststask_folder";
const PACKAGE: &str = "vststask_package";
/// People read it as the name of a test.
const PACKAGE_OF_TEST: &str = "package";
const INLINE: &str = "vststask_inline";
const WAIT: &str = "5minWait_is_needed_before_windowsUpdate";

/// The archive, as the service brings it to `destination`.
fn file_copy(link: &PackageLink, destination: String) -> Customizer {
    Customizer::File(FileCustomizer {
        name: Some(FILE_COPY.to_owned()),
        source_uri: Some(link.address.url().to_owned()),
        sha256_checksum: Some(link.sha256.clone()),
        destination: Some(destination),
        ..FileCustomizer::default()
    })
}

/// What comes before the script that unpacks the package: the archive, where the service brings it.
fn before_unpacking(provisioner: Provisioner, package: LinkedPackage<'_>) -> Vec<Customizer> {
    let LinkedPackage { package, link } = package;
    match (provisioner, &link.address) {
        (Provisioner::Shell, _) => {
            vec![file_copy(link, unpacking::linux_archive(&package.name))]
        }
        (Provisioner::PowerShell, Address::ForService(_)) => vec![
            Customizer::powershell(Some(FOLDER), vec![unpacking::WINDOWS_FOLDER.to_owned()]),
            file_copy(link, unpacking::windows_archive(&package.name)),
        ],
        (Provisioner::PowerShell, _) => Vec::new(),
    }
}

fn unpacking(provisioner: Provisioner, package: LinkedPackage<'_>) -> Vec<String> {
    let LinkedPackage { package, link } = package;
    match provisioner {
        Provisioner::Shell => unpacking::linux(package, &link.sha256),
        Provisioner::PowerShell => unpacking::windows(package, link),
    }
}

/// Brings the package to its place, before the customizers of a template file.
pub(super) fn package(provisioner: Provisioner, package: LinkedPackage<'_>) -> Vec<Customizer> {
    named_package(PACKAGE, provisioner, package)
}

/// The same before the validators of a test.
pub(super) fn package_of_test(
    provisioner: Provisioner,
    package: LinkedPackage<'_>,
) -> Vec<Customizer> {
    named_package(PACKAGE_OF_TEST, provisioner, package)
}

fn named_package(
    name: &str,
    provisioner: Provisioner,
    package: LinkedPackage<'_>,
) -> Vec<Customizer> {
    let mut customizers = before_unpacking(provisioner, package);
    let inline = unpacking(provisioner, package);
    customizers.push(script(provisioner, Some(name), inline));
    customizers
}

pub(super) fn script(
    provisioner: Provisioner,
    name: Option<&str>,
    lines: Vec<String>,
) -> Customizer {
    match provisioner {
        Provisioner::Shell => Customizer::shell(name, lines),
        Provisioner::PowerShell => Customizer::powershell(name, lines),
    }
}

/// The customizers of a build without a template file: the package, the script, and Windows Update.
pub(super) fn customizers(plan: &Plan, package: Option<LinkedPackage<'_>>) -> Vec<Customizer> {
    let Customization {
        provisioner,
        inline,
        stop_on_error,
        ..
    } = &plan.customization;
    let before = package.map(|package| before_unpacking(*provisioner, package));
    let mut customizers = before.unwrap_or_default();
    let unpacking = package.map(|package| unpacking(*provisioner, package));
    let own = match provisioner {
        Provisioner::Shell => inline.clone(),
        Provisioner::PowerShell => own_script::powershell(inline, *stop_on_error),
    };
    let lines: Vec<_> = unpacking.into_iter().flatten().chain(own).collect();
    match provisioner {
        _ if lines.is_empty() => {}
        Provisioner::Shell => customizers.push(Customizer::shell(Some(INLINE), lines)),
        Provisioner::PowerShell => {
            customizers.push(powershell(&plan.customization, INLINE, lines));
        }
    }
    if plan.customization.windows_update {
        let wait = vec!["Start-Sleep -Seconds 300".to_owned()];
        customizers.push(powershell(&plan.customization, WAIT, wait));
        customizers.push(all_but_previews());
    }
    customizers
}

/// Lists what the image holds, when everything else is done. Windows shows some of it to administrators only.
///
/// The steps of a template file do not always say which system it is; an image of Microsoft's for Windows does.
pub(super) fn contents(plan: &Plan) -> Customizer {
    let system = match &plan.properties.source {
        Some(Source::PlatformImage(image)) if is_windows(&image.publisher) => {
            Provisioner::PowerShell
        }
        _ => plan.customization.provisioner,
    };
    match system {
        Provisioner::Shell => Customizer::shell(Some(STEP), linux()),
        Provisioner::PowerShell => Customizer::PowerShell(PowerShellCustomizer {
            name: Some(STEP.to_owned()),
            run_elevated: Some(true),
            inline: Some(windows()),
            ..PowerShellCustomizer::default()
        }),
    }
}

/// `MicrosoftWindowsDesktop`, `MicrosoftWindowsServer`.
fn is_windows(publisher: &str) -> bool {
    publisher
        .to_ascii_lowercase()
        .starts_with("microsoftwindows")
}

fn powershell(customization: &Customization, name: &str, inline: Vec<String>) -> Customizer {
    Customizer::PowerShell(PowerShellCustomizer {
        name: Some(name.to_owned()),
        run_elevated: customization.run_elevated.then_some(true),
        run_as_system: customization.run_as_system.then_some(true),
        inline: Some(inline),
        ..PowerShellCustomizer::default()
    })
}

/// All updates that are not installed yet, previews left out, as the original task asks for them
/// (<https://github.com/rgl/packer-plugin-windows-update>).
fn all_but_previews() -> Customizer {
    let filters = ["exclude:$_.Title -like '*Preview*'", "include:$true"];
    Customizer::WindowsUpdate(WindowsUpdate {
        search_criteria: Some("IsInstalled=0".to_owned()),
        filters: Some(filters.map(str::to_owned).to_vec()),
        ..WindowsUpdate::default()
    })
}
