//! What the message of a run contains beside its sentence: the place of the log, and the id of the operation.

use std::sync::LazyLock;

use regex::Regex;

/// Where the log of a build is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The storage account's name.
    pub account: String,
    /// The storage account's resource id, where the message has it.
    pub account_id: Option<String>,
    /// `packerlogs`.
    pub container: String,
    /// `<guid>/customization.log`.
    pub blob: String,
}

/// The form of 2019 to 2021 (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot>).
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"https://([A-Za-z0-9]+)\.blob\.[A-Za-z0-9.-]+/(packerlogs)/([A-Za-z0-9-]+/[a-z]+\.log)",
    )
    .ok()
});
/// The form since (<https://github.com/Azure/azure-powershell/issues/24244>).
static ARM_PATH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(/subscriptions/[0-9A-Za-z-]+/resourceGroups/[A-Za-z0-9._()-]+/providers/Microsoft\.Storage/storageAccounts/([A-Za-z0-9]+))/blobServices/default/containers/([a-z0-9-]+)/([A-Za-z0-9-]+/[a-z]+\.log)").ok()
});
static OPERATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"[Oo]perationId:? ?'?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    )
    .ok()
});

/// Where the log is, if `message` says so in either of its forms.
pub fn log_place(message: &str) -> Option<LogPlace> {
    let text = |found: &regex::Captures<'_>, index: usize| {
        let group = found.get(index);
        group.map_or(String::new(), |group| group.as_str().to_owned())
    };
    if let Some(found) = ARM_PATH.as_ref()?.captures(message) {
        return Some(LogPlace {
            account: text(&found, 2),
            account_id: Some(text(&found, 1)),
            container: text(&found, 3),
            blob: text(&found, 4),
        });
    }
    let found = ADDRESS.as_ref()?.captures(message)?;
    Some(LogPlace {
        account: text(&found, 1),
        account_id: None,
        container: text(&found, 2),
        blob: text(&found, 3),
    })
}

/// The id that Microsoft's support asks for.
pub fn operation_id(message: &str) -> Option<String> {
    let found = OPERATION.as_ref()?.captures(message)?;
    found.get(1).map(|id| id.as_str().to_owned())
}

/// Sentences that come with every failed build.
const BOILERPLATE: [&str; 6] = [
    "During the image build a failure has occurred",
    "During the image build, a failure has occurred",
    "Packer build logs are at location",
    "Please navigate to this location",
    "Use this operationId",
    "For more troubleshooting steps go to",
];

/// The message without the sentences that come with every failure; empty when nothing else is left.
pub fn without_boilerplate(message: &str) -> String {
    let sentences = message.split(". ");
    let own: Vec<_> = sentences
        .map(|sentence| sentence.trim().trim_end_matches('.'))
        .filter(|sentence| {
            !sentence.is_empty() && !BOILERPLATE.iter().any(|words| sentence.contains(words))
        })
        .collect();
    own.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Failed while waiting for packerizer: Microservice has failed: Packer build command has failed: exit status 1. \
        During the image build, a failure has occurred, please review the build log to identify which build/customization step failed. \
        Image Build log location: https://abc123.blob.core.windows.net/packerlogs/1b2c3d4e-0000-4000-8000-000000000001/customization.log. \
        OperationId: 5e6f7a8b-0000-4000-8000-000000000002. Use this operationId to search packer logs.";
    const NEW: &str = "During the image build a failure has occurred. Packer build logs are at location /subscriptions/s/resourceGroups/IT_g_t_1/\
        providers/Microsoft.Storage/storageAccounts/abc123/blobServices/default/containers/packerlogs/\
        1b2c3d4e-0000-4000-8000-000000000001/customization.log. Please navigate to this location using portal or other tools to download logs. \
        Use this operationId 5e6f7a8b-0000-4000-8000-000000000002 to search packer logs.";

    #[test]
    fn both_forms_tell_where_the_log_is() {
        let check = |message: &str, id: Option<&str>| {
            let expected = LogPlace {
                account: "abc123".into(),
                account_id: id.map(str::to_owned),
                container: "packerlogs".into(),
                blob: "1b2c3d4e-0000-4000-8000-000000000001/customization.log".into(),
            };
            assert_eq!(log_place(message), Some(expected), "{message}");
            let operation = operation_id(message);
            assert_eq!(
                operation.as_deref(),
                Some("5e6f7a8b-0000-4000-8000-000000000002")
            );
        };
        check(OLD, None);
        let id = "/subscriptions/s/resourceGroups/IT_g_t_1/providers/Microsoft.Storage/storageAccounts/abc123";
        check(NEW, Some(id));
        assert_eq!(log_place("Internal error occurred."), None);
    }

    #[test]
    fn what_comes_with_every_failure_is_left_out() {
        assert_eq!(without_boilerplate(NEW), "");
        assert_eq!(
            without_boilerplate("The build was stopped. Really."),
            "The build was stopped. Really"
        );
    }
}
