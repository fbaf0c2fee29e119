//! List Containers and List Blobs: <https://learn.microsoft.com/rest/api/storageservices/list-blobs>.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Response, header};

use super::failure::{Failure, set};
use super::format::{element, escape, http_date, wrapped};
use super::store::{Committed, Container};
use super::target::Target;
use super::{BlobService, Call};

/// The most entries of one answer.
const LARGEST_PAGE: usize = 5000;

/// The parameters that both listings share.
struct Page<'t> {
    target: &'t Target,
    prefix: &'t str,
    /// The name with which the page starts.
    from: String,
    limit: usize,
    with_metadata: bool,
}

impl<'t> Page<'t> {
    fn read(target: &'t Target) -> Result<Self, Failure> {
        let get = |name: &str| target.parameter(name).unwrap_or_default();
        let limit = match get("maxresults") {
            "" => LARGEST_PAGE,
            text => text
                .parse::<usize>()
                .map_err(|_| Failure::query_value("maxresults", text))?,
        };
        if limit == 0 {
            let message = "One of the query parameters specified in the request URI is outside the permissible range.";
            return Err(Failure::bad("OutOfRangeQueryParameterValue", message)
                .with("QueryParameterName", "maxresults"));
        }
        let marker = get("marker");
        let from = URL_SAFE_NO_PAD
            .decode(marker)
            .ok()
            .and_then(|name| String::from_utf8(name).ok());
        let include = get("include");
        if !matches!(include, "" | "metadata") {
            return Err(Failure::not_emulated(&format!(
                "the value '{include}' of the query parameter 'include'"
            )));
        }
        Ok(Self {
            target,
            prefix: get("prefix"),
            from: from.ok_or_else(|| Failure::query_value("marker", marker))?,
            limit: limit.min(LARGEST_PAGE),
            with_metadata: include == "metadata",
        })
    }

    /// The elements that repeat the request.
    fn echo(&self) -> String {
        let echoed = [
            ("prefix", "Prefix"),
            ("marker", "Marker"),
            ("maxresults", "MaxResults"),
            ("delimiter", "Delimiter"),
        ];
        let present = echoed
            .iter()
            .filter_map(|(parameter, name)| Some(element(name, self.target.parameter(parameter)?)));
        present.collect()
    }

    fn metadata(&self, metadata: &[(String, String)]) -> String {
        if !self.with_metadata {
            return String::new();
        }
        let inner: String = metadata
            .iter()
            .map(|(name, value)| element(name, value))
            .collect();
        if inner.is_empty() {
            "<Metadata />".into()
        } else {
            format!("<Metadata>{inner}</Metadata>")
        }
    }
}

impl BlobService {
    pub(super) fn list_containers(&self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let page = Page::read(call.target)?;
        if call.target.parameter("delimiter").is_some() {
            return Err(Failure::not_emulated(
                "the query parameter 'delimiter' here",
            ));
        }
        let mut entries = String::new();
        let mut next = String::new();
        let own = self
            .containers
            .iter()
            .filter(|((account, _), _)| *account == call.target.account);
        let named = own.map(|((_, name), container)| (name, container));
        for (count, (name, container)) in named
            .filter(|(name, _)| name.starts_with(page.prefix) && **name >= page.from)
            .enumerate()
        {
            if count == page.limit {
                next = URL_SAFE_NO_PAD.encode(name);
                break;
            }
            entries += &container_entry(name, container, &page);
        }
        Ok(document(
            call.target,
            "",
            &format!(
                "{}{}{}",
                page.echo(),
                wrapped("Containers", &entries),
                element("NextMarker", &next)
            ),
        ))
    }

    pub(super) fn list_blobs(&self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let page = Page::read(call.target)?;
        let delimiter = call.target.parameter("delimiter").unwrap_or_default();
        let mut entries = String::new();
        let mut next = String::new();
        let mut count = 0;
        let mut last_group = String::new();
        for (name, blob) in self.container(call)?.blobs.range(page.from.clone()..) {
            let (Some(committed), Some(rest)) = (&blob.committed, name.strip_prefix(page.prefix))
            else {
                continue;
            };
            let group = (!delimiter.is_empty())
                .then(|| rest.find(delimiter))
                .flatten()
                .map(|at| {
                    let end = page.prefix.len() + at + delimiter.len();
                    name.get(..end).unwrap_or(name).to_owned()
                });
            if group.as_ref().is_some_and(|group| *group == last_group) {
                continue;
            }
            if count == page.limit {
                next = URL_SAFE_NO_PAD.encode(name);
                break;
            }
            count += 1;
            if let Some(group) = group {
                entries += &wrapped("BlobPrefix", &element("Name", &group));
                last_group = group;
            } else {
                entries += &entry(name, committed, &page);
            }
        }
        let container = call.target.container.as_deref().unwrap_or_default();
        let attribute = format!(" ContainerName=\"{}\"", escape(container));
        let content = format!(
            "{}{}{}",
            page.echo(),
            wrapped("Blobs", &entries),
            element("NextMarker", &next)
        );
        Ok(document(call.target, &attribute, &content))
    }
}

fn container_entry(name: &str, container: &Container, page: &Page<'_>) -> String {
    format!(
        "<Container>{}<Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag><LeaseStatus>unlocked</LeaseStatus>\
         <LeaseState>available</LeaseState><HasImmutabilityPolicy>false</HasImmutabilityPolicy>\
         <HasLegalHold>false</HasLegalHold></Properties>{}</Container>",
        element("Name", name),
        http_date(container.modified),
        escape(&container.etag),
        page.metadata(&container.metadata)
    )
}

fn entry(name: &str, blob: &Committed, page: &Page<'_>) -> String {
    let properties = &blob.properties;
    format!(
        "<Blob>{}<Properties><Creation-Time>{}</Creation-Time><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
         <Content-Length>{}</Content-Length>{}{}{}<Content-CRC64 />{}{}{}<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>\
         <AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>\
         <ServerEncrypted>true</ServerEncrypted></Properties>{}<OrMetadata /></Blob>",
        element("Name", name),
        http_date(blob.created),
        http_date(blob.modified),
        blob.etag.trim_matches('"'),
        blob.content.len(),
        element("Content-Type", &properties.content_type),
        element("Content-Encoding", &properties.encoding),
        element("Content-Language", &properties.language),
        element("Content-MD5", &properties.md5),
        element("Cache-Control", &properties.cache_control),
        element("Content-Disposition", &properties.disposition),
        page.metadata(&properties.metadata),
    )
}

fn document(target: &Target, attribute: &str, content: &str) -> Response<Bytes> {
    let endpoint = escape(&target.endpoint);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"{endpoint}/\"{attribute}>{content}</EnumerationResults>"
    );
    let mut response = Response::new(Bytes::from(text));
    set(
        response.headers_mut(),
        header::CONTENT_TYPE,
        "application/xml",
    );
    response
}
