//! The runs of which the pictures in `docs` are drawn: the sample for Azure Virtual Desktop, with steps and times as such a build has them.

use std::fmt::Write as _;
use std::time::Duration;

use azure_emulator::{Durations, Effect, Fault, Matcher, Progress, RunFate};

use super::scene::{Scene, Stage};
use crate::documents::files::{copy, root};
use crate::golden::golden;

/// Each line of the log comes this long after the one before. The emulated build container shows its lines evenly, so times in the log and times in
/// the summary agree.
const PACE: Duration = Duration::from_secs(30);

/// Kind, and what is printed, of each provisioner that Packer runs.
type Steps<'a> = &'a [(&'a str, &'a [&'a str])];

const START: &[&str] = &[
    "==> azure-arm: Running builder ...",
    "==> azure-arm: Getting source image id for the deployment ...",
    "==> azure-arm: Validating deployment template ...",
    "==> azure-arm: Deploying deployment template ...",
    "==> azure-arm: Getting the VM's IP address ...",
    "==> azure-arm: Waiting for WinRM to become available...",
    "    azure-arm: WinRM connected.",
    "==> azure-arm: Connected to WinRM!",
];

/// What unpacks the package prints nothing of its own.
const PACKAGE: (&str, &[&str]) = (
    "powershell",
    &["==> azure-arm: Provisioning with Powershell..."],
);

const RESTART: (&str, &[&str]) = (
    "windows-restart",
    &[
        "==> azure-arm: Restarting Machine",
        "==> azure-arm: Waiting for machine to restart...",
        "==> azure-arm: Machine successfully restarted, moving on",
    ],
);

const FEATURES: (&str, &[&str]) = (
    "powershell",
    &[
        "==> azure-arm: Provisioning with Powershell...",
        "    azure-arm: Adding the feature .NET Framework 3.5",
        "    azure-arm: Removing the feature Internet Explorer mode",
        "    azure-arm: 2 features changed, a restart is pending",
    ],
);

const LANGUAGE: (&str, &[&str]) = (
    "powershell",
    &[
        "==> azure-arm: Provisioning with Powershell...",
        "    azure-arm: Installing language de-DE",
        "    azure-arm: Language pack: installed",
        "    azure-arm: Basic typing, optical character recognition: installed",
        "    azure-arm: Text to speech: installed",
        "    azure-arm: Setting de-DE as display language of the system",
        "    azure-arm: Setting the time zone W. Europe Standard Time",
    ],
);

/// A file of the package is copied by a script.
const SETTINGS: (&str, &[&str]) = (
    "powershell",
    &["==> azure-arm: Provisioning with Powershell..."],
);

const UPDATES: (&str, &[&str]) = (
    "windows-update",
    &[
        "==> azure-arm: Uploading the Windows update elevated script...",
        "==> azure-arm: Running Windows update...",
        "    azure-arm: Searching for Windows updates...",
        "    azure-arm: Waiting for operation to complete (system performance: 71% cpu; 42% memory)...",
        "    azure-arm: Waiting for operation to complete (system performance: 64% cpu; 44% memory)...",
        "    azure-arm: Waiting for operation to complete (system performance: 80% cpu; 47% memory)...",
        "    azure-arm: Waiting for operation to complete (system performance: 77% cpu; 47% memory)...",
        "    azure-arm: Waiting for operation to complete (system performance: 52% cpu; 45% memory)...",
        "    azure-arm: Waiting for operation to complete (system performance: 31% cpu; 40% memory)...",
        "    azure-arm: Waiting for operation to complete (system performance: 12% cpu; 39% memory)...",
        "==> azure-arm: Restarting the machine...",
        "==> azure-arm: Waiting for machine to become available...",
    ],
);

const BEFORE_SYSPREP: (&str, &[&str]) = (
    "powershell",
    &[
        "==> azure-arm: Provisioning with Powershell...",
        "    azure-arm: No app is installed for one user only",
        "    azure-arm: No restart is pending",
    ],
);

const SYSPREP: (&str, &[&str]) = (
    "powershell",
    &[
        "==> azure-arm: Provisioning with Powershell...",
        "    azure-arm: >>> Waiting for GA Service (RdAgent) to start ...",
        "    azure-arm: >>> Sysprepping VM ...",
        "    azure-arm: IMAGE_STATE_COMPLETE",
        "    azure-arm: IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE",
        "    azure-arm: >>> Sysprep complete ...",
    ],
);

const END: &[&str] = &[
    "==> azure-arm: Querying the machine's properties ...",
    "==> azure-arm: Powering off machine ...",
    "==> azure-arm: Snapshotting OS disk ...",
    "==> azure-arm: Skipping image creation...",
    "==> azure-arm: Deleting individual resources ...",
    "Build 'azure-arm' finished after 34 minutes 2 seconds.",
];

/// The log as the service writes it, and how many of its lines the build container prints after the VM has started.
fn log(steps: Steps<'_>, end: &[&str]) -> (String, u32) {
    let mut log = String::new();
    let mut shown = 0;
    let mut line = |text: &str, is_shown: bool| {
        let at = PACE * shown;
        let (hours, minutes, seconds) = (
            8 + at.as_secs() / 3600,
            at.as_secs() / 60 % 60,
            at.as_secs() % 60,
        );
        writeln!(
            log,
            "[09011877-2b7d-4f3c-8e90-1a2b3c4d5e6f] PACKER 2026/04/04 {hours:02}:{minutes:02}:{seconds:02} {text}"
        )
        .unwrap();
        shown += u32::from(is_shown);
    };
    for text in START {
        line(&format!("ui: {text}"), true);
    }
    let fails = end.iter().any(|text| text.contains("errored"));
    for (index, (kind, texts)) in steps.iter().enumerate() {
        line(
            &format!("[INFO] (telemetry) Starting provisioner {kind}"),
            false,
        );
        for text in *texts {
            line(&format!("ui: {text}"), true);
        }
        if !(fails && index + 1 == steps.len()) {
            line(&format!("[INFO] (telemetry) ending {kind}"), false);
        }
    }
    for text in end {
        let kind = if text.contains("errored") {
            "ui error:"
        } else {
            "ui:"
        };
        line(&format!("{kind} {text}"), kind == "ui:");
    }
    let started = u32::try_from(START.len()).unwrap();
    (log, shown - started)
}

/// The run of the sample with this log.
async fn run(log: (String, u32), fate: Option<RunFate>) -> Stage {
    let (text, customizing) = log;
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let durations = Durations {
        queued: Duration::from_secs(20),
        building: PACE * u32::try_from(START.len()).unwrap(),
        customizing: PACE * customizing,
        optimizing: minutes(4),
        validating: minutes(6),
        distributing: minutes(11),
        ..Durations::default()
    };
    let mut scene = Scene::windows().switches(|switches| {
        switches.progress = Progress::ByClock(Box::new(durations));
        switches.log = Some(text.into_bytes());
    });
    let sources = &scene.step.directories.sources;
    copy(&root().join("samples/windows-avd"), sources);
    // Installers, as they lie in such a package.
    let installers: Vec<u8> = (0..700_000_u32)
        .flat_map(|word| {
            word.wrapping_mul(2_654_435_761)
                .rotate_left(word % 31)
                .to_le_bytes()
        })
        .collect();
    std::fs::write(sources.join("package/installers/apps.msi"), installers).unwrap();
    let identity = scene.step.inputs["managedIdentity"].clone();
    scene.step.inputs.clear();
    let definition = scene.world.gallery_id(&scene.world.galleries[0]) + "/images/win11-avd";
    scene.step = scene
        .step
        .variable("definition", definition)
        .variable("Build.BuildNumber", "2609402")
        .variable(
            "Build.SourceVersion",
            "5c1f0a7e0d5d4be2a1e3f5d7c9b80716f4e2d3c1",
        );
    let scene = scene
        .input("ibSubscription", "images-prod")
        .input("ibAzureResourceGroup", "rg-images")
        .input("ibLocation", "westeurope")
        .input("managedIdentity", &identity)
        .input("templateFile", "image.yml")
        .input("packagePath", "package")
        .input("storageAccountName", "stcontosoimages");
    scene
        .build(|cloud| {
            let upload = Matcher::path(http::Method::PUT, "/imagebuilder-vststask/*");
            cloud.add_fault(Fault::once(upload, Effect::Delay(Duration::from_secs(3))));
            if let Some(fate) = fate {
                cloud.script_run(fate);
            }
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn a_finished_build() {
    let applications: (&str, &[&str]) = (
        "powershell",
        &[
            "==> azure-arm: Provisioning with Powershell...",
            "    azure-arm: Installing Visual C++ runtime 14.44",
            "    azure-arm: Installing 7-Zip 25.01",
            "    azure-arm: Installing Contoso CRM 4.2",
            "    azure-arm: Installing Contoso Printing 2.0",
            "    azure-arm: 4 of 4 applications are installed",
        ],
    );
    let steps: Steps<'_> = &[
        PACKAGE,
        FEATURES,
        LANGUAGE,
        RESTART,
        applications,
        RESTART,
        SETTINGS,
        UPDATES,
        RESTART,
        BEFORE_SYSPREP,
        SYSPREP,
    ];
    let stage = run(log(steps, END), None).await;
    stage.check_result("Succeeded");
    golden("pictures/build.txt", &stage.readable_transcript());
    golden("pictures/build.md", &stage.summary());
}

#[tokio::test(start_paused = true)]
async fn a_failed_build() {
    let applications: (&str, &[&str]) = (
        "powershell",
        &[
            "==> azure-arm: Provisioning with Powershell...",
            "    azure-arm: Installing Visual C++ runtime 14.44",
            "    azure-arm: Installing 7-Zip 25.01",
            "    azure-arm: Installing Contoso CRM 4.2",
            "    azure-arm: Start-Process : This command cannot be run due to the error: The system cannot find the file specified.",
        ],
    );
    let end = [
        "==> azure-arm: Provisioning step had errors: Running the cleanup provisioner, if present...",
        "==> azure-arm: Deleting individual resources ...",
        "Build 'azure-arm' errored after 13 minutes 41 seconds: Script exited with non-zero exit status: 1. Allowed exit codes are: [0 3010]",
        "==> Some builds didn't complete successfully and had errors:",
        "--> azure-arm: Script exited with non-zero exit status: 1. Allowed exit codes are: [0 3010]",
        "==> Builds finished but no artifacts were created.",
    ];
    let steps: Steps<'_> = &[PACKAGE, FEATURES, LANGUAGE, RESTART, applications];
    let stage = run(log(steps, &end), Some(RunFate::customizer_failed())).await;
    stage.check_result("Failed");
    golden("pictures/failed.txt", &stage.readable_transcript());
    golden("pictures/failed.md", &stage.summary());
}
