//! The form of a token request.

use super::refusal::Refusal;

/// The two generations of the token endpoint differ in how a client names the service it wants a token for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// `/oauth2/token` with `resource=`.
    One,
    /// `/oauth2/v2.0/token` with `scope=.../.default`.
    Two,
}

/// The form of a token request.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    const KNOWN: [&str; 8] = [
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion_type",
        "client_assertion",
        "scope",
        "resource",
        "claims",
    ];
    /// By these Microsoft's libraries describe themselves, besides `x-client-*`
    /// ([`AADServerParamKeys`](https://github.com/AzureAD/microsoft-authentication-library-for-js/blob/dev/lib/msal-common/src/constants/AADServerParamKeys.ts)).
    const ABOUT_CLIENT: [&str; 5] = [
        "client_info",
        "client-request-id",
        "x-ms-lib-capability",
        "x-app-name",
        "x-app-ver",
    ];

    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let fields: Vec<(String, String)> =
            url::form_urlencoded::parse(body).into_owned().collect();
        for (index, (name, _)) in fields.iter().enumerate() {
            let known = Self::KNOWN.contains(&name.as_str())
                || Self::ABOUT_CLIENT.contains(&name.as_str())
                || name.starts_with("x-client-");
            if !known {
                return Err(Refusal::unknown_field(name));
            }
            if fields
                .iter()
                .take(index)
                .any(|(earlier, _)| earlier == name)
            {
                return Err(Refusal::duplicate_field(name));
            }
        }
        Ok(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self
            .0
            .iter()
            .find(|(field, value)| field == name && !value.is_empty());
        field.map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing_field(name))
    }
}

/// The service that the client wants a token for. In a scope one slash before `.default` is the separator; a second one belongs to the
/// audience: <https://learn.microsoft.com/entra/identity-platform/scopes-oidc#trailing-slash-and-default>.
pub(super) fn audience(form: &Form, generation: Generation) -> Result<String, Refusal> {
    if generation == Generation::One {
        return form.required("resource").map(str::to_owned);
    }
    if form.get("resource").is_some() {
        return Err(Refusal::resource_in_second_generation());
    }
    let scope = form.required("scope")?;
    let resource = scope
        .strip_suffix("/.default")
        .filter(|resource| !resource.is_empty() && !resource.contains(' '));
    resource
        .map(str::to_owned)
        .ok_or_else(|| Refusal::invalid_scope(scope))
}
