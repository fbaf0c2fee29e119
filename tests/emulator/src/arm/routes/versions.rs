//! The api-versions that each provider is served with.

/// The api-versions of Microsoft.VirtualMachineImages that are served; the previews before them are gone.
pub(super) const BUILDER: &[&str] = &[
    "2020-02-14",
    "2021-10-01",
    "2022-02-14",
    "2022-07-01",
    "2023-07-01",
    "2024-02-01",
    "2025-10-01",
];
/// The api-versions with triggers.
pub(super) const TRIGGERS: &[&str] = &["2022-07-01", "2023-07-01", "2024-02-01", "2025-10-01"];
pub(super) const GALLERY: &[&str] = &[
    "2019-12-01",
    "2020-09-30",
    "2021-07-01",
    "2021-10-01",
    "2022-01-03",
    "2022-03-03",
    "2022-08-03",
    "2023-07-03",
    "2024-03-03",
    "2025-03-03",
    "2026-03-03",
];
pub(super) const COMPUTE: &[&str] = &[
    "2020-06-01",
    "2021-07-01",
    "2022-03-01",
    "2022-08-01",
    "2023-03-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
];
pub(super) const CAPS: &[&str] = &[
    "2019-12-01",
    "2020-06-01",
    "2020-09-30",
    "2021-07-01",
    "2021-10-01",
    "2022-01-03",
    "2022-03-03",
    "2022-08-03",
    "2023-07-03",
    "2024-03-03",
    "2025-03-03",
    "2026-03-03",
];
pub(super) const STORAGE: &[&str] = &[
    "2019-06-01",
    "2021-04-01",
    "2021-09-01",
    "2022-09-01",
    "2023-01-01",
    "2023-05-01",
    "2024-01-01",
    "2025-06-01",
    "2025-08-01",
    "2026-09-01",
];
pub(super) const RESOURCES: &[&str] = &[
    "2016-06-01",
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2024-03-01",
    "2024-11-01",
    "2025-04-01",
];
pub(super) const IDENTITY: &[&str] = &[
    "2018-11-30",
    "2023-01-31",
    "2024-11-30",
    "2025-05-31-preview",
];
pub(super) const CONTAINERS: &[&str] = &["2021-10-01", "2022-09-01", "2023-05-01", "2025-09-01"];
pub(super) const METADATA: &[&str] = &["2015-01-01", "2022-09-01"];
/// The api-versions of virtual machines and what belongs to them.
pub(super) const MACHINES: &[&str] = &[
    "2018-10-01",
    "2019-12-01",
    "2020-06-01",
    "2020-12-01",
    "2021-03-01",
    "2021-04-01",
    "2021-07-01",
    "2021-11-01",
    "2022-03-01",
    "2022-08-01",
    "2022-11-01",
    "2023-03-01",
    "2023-07-01",
    "2023-09-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
    "2025-11-01",
    "2026-04-01",
];
/// The previews of Microsoft.DesktopVirtualization that have configurations of session hosts.
pub(super) const DESKTOP_PREVIEWS: &[&str] = &[
    "2023-11-01-preview",
    "2024-01-16-preview",
    "2024-03-06-preview",
    "2024-04-08-preview",
    "2024-08-08-preview",
    "2024-11-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
    "2025-08-01-preview",
    "2025-09-01-preview",
    "2025-11-01-preview",
    "2026-01-01-preview",
    "2026-03-01-preview",
    "2026-04-01-preview",
];
/// All api-versions of Microsoft.DesktopVirtualization.
pub(super) const DESKTOPS: &[&str] = &[
    "2021-07-12",
    "2022-09-09",
    "2023-09-05",
    "2024-04-03",
    "2025-10-10",
    "2023-11-01-preview",
    "2024-01-16-preview",
    "2024-03-06-preview",
    "2024-04-08-preview",
    "2024-08-08-preview",
    "2024-11-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
    "2025-08-01-preview",
    "2025-09-01-preview",
    "2025-11-01-preview",
    "2026-01-01-preview",
    "2026-03-01-preview",
    "2026-04-01-preview",
];
/// The api-versions of managed disks.
pub(super) const DISKS: &[&str] = &[
    "2020-12-01",
    "2022-03-02",
    "2023-04-02",
    "2024-03-02",
    "2025-01-02",
];
/// The api-versions of operations upon virtual machines and disks: those of both.
pub(super) const OPERATIONS: &[&str] = &[
    "2018-10-01",
    "2019-12-01",
    "2020-06-01",
    "2020-12-01",
    "2021-03-01",
    "2021-04-01",
    "2021-07-01",
    "2021-11-01",
    "2022-03-01",
    "2022-03-02",
    "2022-08-01",
    "2022-11-01",
    "2023-03-01",
    "2023-04-02",
    "2023-07-01",
    "2023-09-01",
    "2024-03-01",
    "2024-03-02",
    "2024-07-01",
    "2024-11-01",
    "2025-01-02",
    "2025-04-01",
    "2025-11-01",
    "2026-04-01",
];
