//! What a request addresses: account, container, blob, query.

use bytes::Bytes;
use http::{Request, header};
use percent_encoding::percent_decode_str;

use super::failure::Failure;

/// The resource of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) account: String,
    pub(super) container: Option<String>,
    pub(super) blob: Option<String>,
    /// Decoded, in the order of the request.
    pub(super) query: Vec<(String, String)>,
    /// As it stands in the request, encoded; in path style it starts with the account.
    pub(super) raw_path: String,
    /// The account's own address: scheme, host and, in path style, the account; no slash at the end.
    pub(super) endpoint: String,
    pub(super) https: bool,
}

impl Target {
    /// Reads host style (`https://{account}.blob.{suffix}/{container}/{blob}`) or, for hosts without an account in their name, path style
    /// (`https://127.0.0.1:{port}/{account}/{container}/{blob}`).
    pub(super) fn read(
        request: &Request<Bytes>,
        path_style_hosts: &[String],
    ) -> Result<Self, Failure> {
        let uri = request.uri();
        let from_header = request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = uri
            .authority()
            .map(http::uri::Authority::as_str)
            .or(from_header)
            .unwrap_or_default();
        let https = uri.scheme_str() != Some("http");
        let scheme = if https { "https" } else { "http" };
        let raw_path = uri.path().to_owned();
        let path = raw_path.strip_prefix('/').unwrap_or(&raw_path);
        let (account, endpoint, path) = if is_path_style(host, path_style_hosts) {
            let (account, rest) = path.split_once('/').unwrap_or((path, ""));
            (
                account.to_owned(),
                format!("{scheme}://{host}/{account}"),
                rest,
            )
        } else {
            // A name may carry a DNS zone between account and service: `{account}.z01.blob.{suffix}`.
            let (names, _) = host.split_once(".blob.").unwrap_or_default();
            let account = names.split('.').next().unwrap_or_default();
            (
                account.to_ascii_lowercase(),
                format!("{scheme}://{host}"),
                path,
            )
        };
        if account.is_empty() {
            return Err(invalid_uri());
        }
        let (container, blob) = path.split_once('/').unwrap_or((path, ""));
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Ok(Self {
            account,
            container: decoded(container)?,
            blob: decoded(blob)?,
            query,
            raw_path: raw_path.clone(),
            endpoint,
            https,
        })
    }

    /// The value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(parameter, _)| parameter == name)
            .map(|(_, value)| value.as_str())
    }

    /// The resource as a SAS names it: `/blob/{account}/{container}`, with `/{blob}` for one blob.
    pub(super) fn canonical(&self, whole_container: bool) -> String {
        let container = self.container.as_deref().unwrap_or_default();
        match &self.blob {
            Some(blob) if !whole_container => format!("/blob/{}/{container}/{blob}", self.account),
            _ => format!("/blob/{}/{container}", self.account),
        }
    }
}

fn is_path_style(host: &str, configured: &[String]) -> bool {
    let name = if host.starts_with('[') {
        host.split(']').next().unwrap_or(host)
    } else {
        host.split(':').next().unwrap_or(host)
    };
    name == "localhost"
        || name.starts_with('[')
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || configured
            .iter()
            .any(|known| known == host || known == name)
}

fn decoded(part: &str) -> Result<Option<String>, Failure> {
    let text = percent_decode_str(part)
        .decode_utf8()
        .map_err(|_| invalid_uri())?;
    Ok(if text.is_empty() {
        None
    } else {
        Some(text.into_owned())
    })
}

fn invalid_uri() -> Failure {
    Failure::bad(
        "InvalidUri",
        "The requested URI does not represent any resource on the server.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, host: Option<&str>, expected: Option<[&str; 4]>) {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header("Host", host);
        }
        let target = Target::read(
            &request.body(Bytes::new()).unwrap(),
            &["blobs.test".to_owned()],
        )
        .ok();
        let found = target.map(|target| {
            [
                target.account,
                target.container.unwrap_or_default(),
                target.blob.unwrap_or_default(),
                target.endpoint,
            ]
        });
        assert_eq!(
            found,
            expected.map(|parts| parts.map(str::to_owned)),
            "{uri} {host:?}"
        );
    }

    #[test]
    fn addresses_are_read_in_host_style_and_in_path_style() {
        let host = Some([
            "acct",
            "c",
            "a b/d.zip",
            "https://acct.blob.core.windows.net",
        ]);
        check(
            "https://acct.blob.core.windows.net/c/a%20b/d.zip?sv=1",
            None,
            host,
        );
        check("/c/a%20b/d.zip", Some("acct.blob.core.windows.net"), host);
        check(
            "https://127.0.0.1:81/acct/c/b+c",
            None,
            Some(["acct", "c", "b+c", "https://127.0.0.1:81/acct"]),
        );
        check(
            "http://localhost:81/acct",
            None,
            Some(["acct", "", "", "http://localhost:81/acct"]),
        );
        check(
            "https://[::1]:81/acct/c/b",
            None,
            Some(["acct", "c", "b", "https://[::1]:81/acct"]),
        );
        check(
            "https://blobs.test:81/acct/c/",
            None,
            Some(["acct", "c", "", "https://blobs.test:81/acct"]),
        );
        check(
            "https://Acct.z01.blob.storage.azure.net/c",
            None,
            Some(["acct", "c", "", "https://Acct.z01.blob.storage.azure.net"]),
        );
        check("https://management.azure.com/c/b", None, None);
        check("/c/b", None, None);
        check("https://acct.blob.core.windows.net/c/%FF", None, None);
    }
}
