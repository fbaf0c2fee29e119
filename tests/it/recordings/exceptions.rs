//! In what the emulator differs from the recordings on purpose.

/// A difference that is meant: in which recordings, where, and why.
pub(super) struct Exception {
    pub(super) recordings: &'static [&'static str],
    pub(super) place: &'static str,
    pub(super) reason: &'static str,
}

/// All of them; each has to be needed by each of its recordings.
pub(super) const EXCEPTIONS: &[Exception] = &[
    Exception {
        recordings: &["delete_template"],
        place: "header x-ms-operation-identifier",
        reason: "this header came after the recording of August 2023, and the emulator is of today",
    },
    Exception {
        recordings: &["gallery_version_replication"],
        place: "/properties/storageProfile/dataDiskImages",
        reason: "the images of the emulator have no data disks",
    },
    Exception {
        recordings: &["gallery_version_replication"],
        place: "/value/0/properties/storageProfile/dataDiskImages",
        reason: "the images of the emulator have no data disks",
    },
    Exception {
        recordings: &["gallery_version_replication"],
        place: "/properties/storageProfile/osDiskImage/sizeInGB",
        reason: "the images of the emulator are all of 30 GB",
    },
    Exception {
        recordings: &["gallery_version_lifecycle"],
        place: "header retry-after",
        reason: "the recorder left this header out",
    },
];
