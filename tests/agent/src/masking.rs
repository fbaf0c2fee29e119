//! What the agent hides in a log line (`Worker.cs`, `MaskingUtil.cs`, `LoggedSecretMasker.cs`).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Authorization parameters that the agent does not take for secrets; all others are.
const PUBLIC_PARAMETERS: [&str; 16] = [
    "Role",
    "Scope",
    "TenantId",
    "IssuedAt",
    "ExpiresAt",
    "ExpiresIn",
    "Audience",
    "AuthenticationType",
    "AuthorizationType",
    "AccessTokenType",
    "AccessTokenFetchingMethod",
    "UseWindowsSecurity",
    "Unsecured",
    "OAuthAccessTokenIsSupplied",
    "CompleteCallbackPayload",
    "AcceptUntrustedCertificates",
];

/// Shorter lines of a multi-line secret are too common to call a line that holds them a leak.
const LEAST_LINE: usize = 8;

/// Whether an authorization parameter of a service connection is masked.
pub(crate) fn is_secret_parameter(key: &str) -> bool {
    !PUBLIC_PARAMETERS
        .iter()
        .any(|public| public.eq_ignore_ascii_case(key))
}

/// Whether a masked parameter only says who somebody is. In a file, which nothing masks, it does no harm.
pub(crate) fn is_identifier(key: &str) -> bool {
    let key = key.to_lowercase();
    key == "serviceprincipalid" || key.starts_with("workloadidentityfederation")
}

/// Hides registered secrets, line by line.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    values: BTreeSet<String>,
    hidden: BTreeSet<String>,
}

impl Masker {
    /// Registers a value and its JSON-, URI- and backslash-escaped forms; blank values are ignored.
    pub fn add(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        self.values.insert(value.to_owned());
        let json = serde_json::Value::from(value).to_string();
        let json = json
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(&json);
        let escaped = [
            value.to_owned(),
            json.to_owned(),
            uri_escape(value),
            value.replace('\\', "\\\\"),
        ];
        self.hidden.extend(escaped);
    }

    /// Registers the value of a secret variable, also trimmed, without quotes around it, in base64, and with
    /// percent sign and line ends escaped.
    pub fn add_variable(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        let unbroken = value.replace('\r', "%0D").replace('\n', "%0A");
        let escaped = value
            .replace('%', "%AZP25")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        for form in [
            value,
            value.trim(),
            &STANDARD.encode(value),
            &unbroken,
            &escaped,
        ] {
            self.add(form);
            for quote in ['\'', '"'] {
                if form.starts_with(quote) && form.ends_with(quote) {
                    self.add(form.trim_matches(quote));
                }
            }
        }
    }

    /// The registered values, without their escaped forms.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    /// The line with every secret replaced by `***`; touching secrets become one.
    pub fn mask(&self, line: &str) -> String {
        let mut spans: Vec<(usize, usize)> = self
            .hidden
            .iter()
            .flat_map(|secret| occurrences(line, secret))
            .collect();
        spans.sort_unstable();
        let mut masked = String::new();
        let mut end_of_last = None;
        for (start, end) in spans {
            match end_of_last {
                Some(last) if start <= last => end_of_last = Some(end.max(last)),
                last => {
                    masked.push_str(line.get(last.unwrap_or(0)..start).unwrap_or_default());
                    masked.push_str("***");
                    end_of_last = Some(end);
                }
            }
        }
        masked.push_str(line.get(end_of_last.unwrap_or(0)..).unwrap_or_default());
        masked
    }

    /// Whether the line shows a secret, or a line of a multi-line secret, which masking does not hide.
    pub(crate) fn shows_secret(&self, line: &str) -> bool {
        let shows_line = |secret: &str| {
            let mut lines = secret.lines().map(str::trim);
            secret.contains('\n')
                && lines.any(|own| {
                    own.len() >= LEAST_LINE && !own.starts_with("-----") && line.contains(own)
                })
        };
        self.hidden
            .iter()
            .any(|secret| line.contains(secret.as_str()))
            || self.values().any(shows_line)
    }
}

/// Where the secret begins and ends in the line, overlapping places included.
fn occurrences(line: &str, secret: &str) -> Vec<(usize, usize)> {
    let starts = line.char_indices().map(|(at, _)| at);
    starts
        .filter(|at| line.get(*at..).is_some_and(|tail| tail.starts_with(secret)))
        .map(|at| (at, at + secret.len()))
        .collect()
}

/// .NET's `Uri.EscapeDataString`.
fn uri_escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Masker, is_secret_parameter};

    fn check(line: &str, expected: &str) {
        let mut masker = Masker::default();
        for secret in ["s3cret", "tail+/", "one\ntwo-long-line", "a\"b\"c", "  "] {
            masker.add(secret);
        }
        masker.add_variable(" 'quoted' ");
        assert_eq!(masker.mask(line), expected, "{line}");
    }

    #[test]
    fn lines_are_masked_as_in_the_agent() {
        for (line, expected) in [
            ("a s3cret here, s3cret there", "a *** here, *** there"),
            ("s3crettail+/", "***"),
            ("sig=tail%2B%2F&x", "sig=***&x"),
            (r#"{"k":"a\"b\"c"}"#, r#"{"k":"***"}"#),
            ("two-long-line", "two-long-line"),
            ("say quoted", "say ***"),
            ("ICdxdW90ZWQnIA==", "***"),
            ("nothing  here", "nothing  here"),
        ] {
            check(line, expected);
        }
    }

    #[test]
    fn a_line_of_a_multi_line_secret_counts_as_shown() {
        let mut masker = Masker::default();
        masker.add("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----");
        for (line, shown) in [
            ("x MIIEvQIBADANBg", true),
            ("-----BEGIN KEY-----", false),
            ("MIIE", false),
        ] {
            assert_eq!(masker.shows_secret(line), shown, "{line}");
        }
    }

    #[test]
    fn most_authorization_parameters_are_secrets() {
        for (key, secret) in [
            ("serviceprincipalid", true),
            ("idToken", true),
            ("tenantid", false),
            ("authenticationType", false),
        ] {
            assert_eq!(is_secret_parameter(key), secret, "{key}");
        }
    }
}
