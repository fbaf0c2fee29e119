//! Put Block, Put Block List, Get Block List: <https://learn.microsoft.com/rest/api/storageservices/put-block-list>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, Response, StatusCode, header};

use super::blobs::check_md5;
use super::conditions::check_write;
use super::containers::stamped;
use super::failure::{Failure, set};
use super::format::{children, element, md5_base64, wrapped};
use super::store::{Blob, Committed, Properties};
use super::{BlobService, Call};

/// The most blocks of one blob: <https://learn.microsoft.com/azure/storage/blobs/scalability-targets>.
const MOST_BLOCKS: usize = 50_000;
/// The longest block id, before base64.
const LONGEST_ID: usize = 64;

impl BlobService {
    pub(super) fn put_block(&mut self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let id = call.target.parameter("blockid").ok_or_else(|| {
            let message = "A query parameter that's mandatory for this request is not specified.";
            Failure::bad("MissingRequiredQueryParameter", message)
                .with("QueryParameterName", "blockid")
        })?;
        if !STANDARD
            .decode(id)
            .is_ok_and(|id| (1..=LONGEST_ID).contains(&id.len()))
        {
            return Err(Failure::bad(
                "InvalidBlockId",
                "The specified block ID is invalid. The block ID must be Base64-encoded.",
            ));
        }
        let content = call.request.body().clone();
        if content.is_empty() {
            return Err(Failure::header_value("Content-Length", "0"));
        }
        check_md5(call.request.headers(), "content-md5", &content)?;
        let container = self.container_mut(call)?;
        let blob = container
            .blobs
            .entry(call.blob_name().to_owned())
            .or_default();
        let committed = blob
            .committed
            .iter()
            .flat_map(|committed| committed.blocks.iter().map(|(known, _)| known));
        if blob
            .uncommitted
            .keys()
            .chain(committed)
            .any(|known| known.len() != id.len())
        {
            return Err(Failure::bad(
                "InvalidBlobOrBlock",
                "The specified blob or block content is invalid.",
            ));
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::CREATED;
        set(
            response.headers_mut(),
            HeaderName::from_static("content-md5"),
            &md5_base64(&content),
        );
        set(
            response.headers_mut(),
            HeaderName::from_static("x-ms-request-server-encrypted"),
            "true",
        );
        blob.uncommitted.insert(id.to_owned(), content);
        Ok(response)
    }

    pub(super) fn put_block_list(&mut self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let headers = call.request.headers();
        check_md5(headers, "content-md5", call.request.body())?;
        let list = children(call.request.body(), "BlockList").ok_or_else(|| {
            Failure::bad(
                "InvalidXmlDocument",
                "XML specified is not syntactically valid.",
            )
        })?;
        if list.len() > MOST_BLOCKS {
            return Err(Failure::bad(
                "BlockListTooLong",
                "The block list may not contain more than 50,000 blocks.",
            ));
        }
        let etag = self.next_etag();
        let container = self.container_mut(call)?;
        check_write(headers, container.committed(call.blob_name()))?;
        let nothing = Blob::default();
        let current = container.blobs.get(call.blob_name()).unwrap_or(&nothing);
        let (content, blocks) = assemble(&list, current)?;
        let committed = Committed {
            content,
            blocks,
            properties: Properties::read(headers, false),
            etag,
            modified: call.now,
            created: current
                .committed
                .as_ref()
                .map_or(call.now, |committed| committed.created),
        };
        let mut response = stamped(StatusCode::CREATED, &committed.etag, committed.modified);
        set(
            response.headers_mut(),
            HeaderName::from_static("x-ms-request-server-encrypted"),
            "true",
        );
        let blob = container
            .blobs
            .entry(call.blob_name().to_owned())
            .or_default();
        *blob = Blob {
            committed: Some(committed),
            ..Blob::default()
        };
        Ok(response)
    }

    pub(super) fn get_block_list(&self, call: &Call<'_>) -> Result<Response<Bytes>, Failure> {
        let blob = self
            .container(call)?
            .blobs
            .get(call.blob_name())
            .ok_or_else(Failure::blob_not_found)?;
        let kind = call
            .target
            .parameter("blocklisttype")
            .unwrap_or("committed");
        let (with_committed, with_uncommitted) = match kind {
            "committed" => (true, false),
            "uncommitted" => (false, true),
            "all" => (true, true),
            other => return Err(Failure::query_value("blocklisttype", other)),
        };
        if blob.committed.is_none() && !with_uncommitted {
            return Err(Failure::blob_not_found());
        }
        let lists = block_lists(blob, with_committed, with_uncommitted);
        let mut response = match &blob.committed {
            Some(committed) => stamped(StatusCode::OK, &committed.etag, committed.modified),
            None => Response::new(Bytes::new()),
        };
        let length = blob
            .committed
            .as_ref()
            .map_or(0, |committed| committed.content.len());
        set(
            response.headers_mut(),
            HeaderName::from_static("x-ms-blob-content-length"),
            &length.to_string(),
        );
        set(
            response.headers_mut(),
            header::CONTENT_TYPE,
            "application/xml",
        );
        *response.body_mut() = Bytes::from(format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{lists}</BlockList>"
        ));
        Ok(response)
    }
}

fn block_lists(blob: &Blob, with_committed: bool, with_uncommitted: bool) -> String {
    let block = |id: &str, length: usize| {
        format!(
            "<Block>{}<Size>{length}</Size></Block>",
            element("Name", id)
        )
    };
    let mut lists = String::new();
    if with_committed {
        let blocks = blob
            .committed
            .iter()
            .flat_map(|committed| &committed.blocks);
        lists += &wrapped(
            "CommittedBlocks",
            &blocks
                .map(|(id, length)| block(id, *length))
                .collect::<String>(),
        );
    }
    if with_uncommitted {
        let blocks = blob.uncommitted.iter();
        lists += &wrapped(
            "UncommittedBlocks",
            &blocks
                .map(|(id, content)| block(id, content.len()))
                .collect::<String>(),
        );
    }
    lists
}

type Assembled = (Bytes, Vec<(String, usize)>);

/// Joins the listed blocks. `Latest` means the uncommitted block, or else the committed one.
fn assemble(list: &[(String, String)], current: &Blob) -> Result<Assembled, Failure> {
    let mut content = BytesMut::new();
    let mut blocks = Vec::with_capacity(list.len());
    for (kind, id) in list {
        let uncommitted = || current.uncommitted.get(id).cloned();
        let committed = || {
            current
                .committed
                .as_ref()
                .and_then(|committed| committed.block(id))
        };
        let block = match kind.as_str() {
            "Latest" => uncommitted().or_else(committed),
            "Uncommitted" => uncommitted(),
            "Committed" => committed(),
            other => {
                let message =
                    "One of the XML nodes specified in the request body is not supported.";
                return Err(Failure::bad("UnsupportedXmlNode", message).with("XmlNodeName", other));
            }
        };
        let block = block.ok_or_else(|| {
            Failure::bad("InvalidBlockList", "The specified block list is invalid.")
        })?;
        content.extend_from_slice(&block);
        blocks.push((id.clone(), block.len()));
    }
    Ok((content.freeze(), blocks))
}
