//! Where the two services answer differently. The emulator is to answer as Azure does.

use super::service::{Kind, Service};

/// The answers to one request, as `code (status)`.
#[derive(Debug)]
pub(crate) struct Difference {
    emulator: &'static str,
    azurite: &'static str,
    /// What Azure does, and why Azurite does something else.
    reason: &'static str,
    /// Where each of them is written.
    sources: [&'static str; 2],
}

pub(crate) const WRONG_AUDIENCE: Difference = Difference {
    emulator: "InvalidAuthenticationInfo (401)",
    azurite: "AuthenticationFailed (403)",
    reason: "Azure challenges for another token; Azurite has no bearer challenge",
    sources: [
        "https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#bearer-challenge",
        "https://github.com/Azure/Azurite/blob/main/src/blob/authentication/BlobTokenAuthenticator.ts",
    ],
};

pub(crate) const EXPIRED_TOKEN: Difference = Difference {
    reason: "as for a wrong audience",
    ..WRONG_AUDIENCE
};

pub(crate) const NOT_AUTHORIZED: Difference = Difference {
    emulator: "NoAuthenticationInformation (401)",
    azurite: "AuthorizationFailure (403)",
    reason: "Azure challenges for a token; Azurite has no bearer challenge",
    ..WRONG_AUDIENCE
};

pub(crate) const BAD_LINK: Difference = Difference {
    emulator: "AuthenticationFailed (403)",
    azurite: "AuthorizationFailure (403)",
    reason: "Azure distinguishes between who someone is and what they may do; Azurite takes a link that it does not accept for no link",
    sources: [
        "https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes",
        "https://github.com/Azure/Azurite/blob/main/src/blob/authentication/BlobSASAuthenticator.ts",
    ],
};

pub(crate) const EXPIRED_KEY: Difference = Difference {
    emulator: "no link: InvalidXmlNodeValue (400)",
    azurite: "a link: AuthorizationFailure (403)",
    reason: "Azure gives no key that has expired; Azurite gives any, and refuses what is signed with it",
    sources: [
        "https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#request-body",
        "https://github.com/Azure/Azurite/blob/main/src/blob/handlers/ServiceHandler.ts",
    ],
};

impl Difference {
    /// Checks that the service answered as it does.
    pub(crate) fn check(&self, service: &Service, found: &str, request: &str) {
        let expected = match service.kind {
            Kind::Emulator => self.emulator,
            Kind::Azurite => self.azurite,
        };
        let [azure, azurite] = self.sources;
        assert_eq!(
            found, expected,
            "{request}: {} ({azure}, {azurite})",
            self.reason
        );
    }
}
