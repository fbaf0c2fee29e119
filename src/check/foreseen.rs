//! Whether a failure is the one that a finding warned of.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::codes::{
    ACCOUNT, Code, IDENTITY_RIGHTS, MISMATCH, OWN_RIGHTS, PROVIDER, PURCHASE_PLAN, QUOTA, RETIRED,
    SIZE, SOURCE, STAGING, STEPS, SUBNET_UNFIT,
};
use super::finding::Finding;

/// What a failure says, in the words of Azure or of the build, when a finding with this code comes true. A job that runs out of time says
/// nothing, and what is certain to fail is never tried.
const WORDS: &[(Code, &str)] = &[
    (
        PROVIDER,
        r"not registered|MissingSubscriptionRegistration|re-?register",
    ),
    (
        SOURCE,
        r"PIRSource|image ?version|source image|image.{0,80}not (found|available)|replica|in region|location",
    ),
    (
        RETIRED,
        r"deprecat|PIRSource|image.{0,80}not (found|available)|end of life",
    ),
    (
        PURCHASE_PLAN,
        r"\bplan\b|PurchasePlan|Marketplace|legal terms",
    ),
    (
        MISMATCH,
        r"generation|hypervisor|architecture|Arm64|security ?type|TrustedLaunch|ConfidentialVM|OS ?type|managed images? (is|are) not supported",
    ),
    (
        IDENTITY_RIGHTS,
        r"Authoriz|Forbidden|\b403\b|permission|does not have access",
    ),
    (
        OWN_RIGHTS,
        r"Authoriz|Forbidden|\b403\b|permission|does not have access",
    ),
    (
        SUBNET_UNFIT,
        r"subnet|private ?link|delegat|virtual network|timed? ?-?out|timeout|unreachable|resolve|connection (refused|reset|failed)|no route|failed to connect",
    ),
    (
        SIZE,
        r"Sku ?Not ?Available|VM ?size|AllocationFailed|NotAvailableForSubscription|size .{0,80}not available",
    ),
    (QUOTA, r"quota|\bcores\b|vCPU"),
    (
        ACCOUNT,
        r"storage account|StorageAccount|\bblobs?\b|AuthorizationFailure|\b403\b|download",
    ),
    (STAGING, r"staging|resource ?group"),
    (
        STEPS,
        r"provisioner|script|exit(ed)? (status|code|with)|WinRM|\bSSH\b|not recognized|command not found|powershell|chmod",
    ),
];

static PATTERNS: LazyLock<Vec<(Code, Regex)>> = LazyLock::new(|| {
    let compile = |(code, words): &(Code, &str)| {
        let built = RegexBuilder::new(words).case_insensitive(true).build();
        built.ok().map(|pattern| (*code, pattern))
    };
    WORDS.iter().filter_map(compile).collect()
});

/// Which of the findings may be why a build failed; `said` is what Azure and the build say of it.
pub fn foreseen(findings: &[Finding], said: &str) -> Vec<Finding> {
    let fits = |finding: &&Finding| {
        let code = finding.code();
        let mut patterns = PATTERNS.iter();
        patterns.any(|(own, pattern)| Some(*own) == code && pattern.is_match(said))
    };
    findings.iter().filter(fits).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::codes::{
        CODES, DEFINITION, GROUP, IDENTITY, REGION, SUBNET, TIME_LIMIT, VERSION,
    };
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn every_pattern_compiles_and_every_code_that_can_be_a_warning_has_one() {
        assert_eq!(PATTERNS.len(), WORDS.len());
        // These are certain, or cost the job before anything can be said.
        let never = [
            REGION, GROUP, DEFINITION, VERSION, IDENTITY, SUBNET, TIME_LIMIT,
        ];
        for (code, _) in CODES {
            let has_words = WORDS.iter().any(|(own, _)| own == code);
            assert_ne!(has_words, never.contains(code), "{code}");
        }
    }

    /// Codes, what failures say, and whether that fits.
    const FAILURES: &[(Code, &str, bool)] = &[
        (
            PROVIDER,
            "MissingSubscriptionRegistration: The subscription is not registered to use namespace 'Microsoft.KeyVault'.",
            true,
        ),
        (
            SOURCE,
            "The gallery image version is not available in westeurope region.",
            true,
        ),
        (RETIRED, "BadPIRSource: Platform Image was not found.", true),
        (
            PURCHASE_PLAN,
            "VMMarketplaceInvalidInput: Creating a virtual machine from Marketplace image requires Plan information in the request.",
            true,
        ),
        (PURCHASE_PLAN, "The explanation is missing.", false),
        (
            MISMATCH,
            "The VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'.",
            true,
        ),
        (
            MISMATCH,
            "Creation of managed images are not supported for virtual machine with TrustedLaunch security type.",
            true,
        ),
        (
            IDENTITY_RIGHTS,
            "The client does not have authorization to perform action 'Microsoft.Compute/galleries/images/versions/write'",
            true,
        ),
        (OWN_RIGHTS, "AuthorizationFailed", true),
        (
            SUBNET_UNFIT,
            "PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled",
            true,
        ),
        (
            SIZE,
            "SkuNotAvailable: The requested VM size Standard_D4s_v5 is not available",
            true,
        ),
        (
            QUOTA,
            "Operation could not be completed as it results in exceeding approved standardDSv5Family Cores quota.",
            true,
        ),
        (
            ACCOUNT,
            "AuthorizationFailure: This request is not authorized to perform this operation.",
            true,
        ),
        (STAGING, "The staging resource group is not empty.", true),
        (STEPS, "Script exited with non-zero exit status: 1", true),
        (QUOTA, "Script exited with non-zero exit status: 1", false),
        (TIME_LIMIT, "anything", false),
    ];

    #[test]
    fn a_finding_fits_a_failure_that_speaks_of_the_same() {
        for (code, said, expected) in FAILURES {
            let finding = Finding {
                check: "x",
                verdict: Verdict::Problem(code),
                text: "y".to_owned(),
                fix: None,
            };
            let found = foreseen(std::slice::from_ref(&finding), said);
            assert_eq!(found.len(), usize::from(*expected), "{code}: {said}");
        }
        for (code, _) in WORDS {
            let mut rows = FAILURES.iter();
            assert!(rows.any(|(own, _, fits)| own == code && *fits), "{code}");
        }
    }
}
