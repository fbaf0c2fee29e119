//! The image that a host pool is to serve.

use std::fmt;

use super::method::RolloutMethod;
use crate::inputs::given_version;
use crate::inputs::manifest::{IMAGE_VERSION_ID, ROLLOUT_METHOD};
use crate::inputs::problem::{Code, Form, Problem, quoted};
use crate::inputs::reader::{AlreadyReported, Reader};
use crate::inputs::spelling::tidy;
use crate::resource::ResourceId;

/// An image that a host pool is to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedImage {
    /// A version in a gallery.
    Version(ResourceId),
    /// One of the Marketplace: publisher, offer, SKU and version.
    Marketplace([String; 4]),
}

impl WantedImage {
    /// The image of which Azure has this name, if the input takes it: the id of a version, or `publisher:offer:sku:version`.
    pub fn parse(name: &str) -> Option<Self> {
        match urn(name) {
            Some(parts) => Some(Self::Marketplace(parts)),
            None => given_version::version(name).ok().map(Self::Version),
        }
    }

    /// The version in a gallery, if it is one.
    pub fn version(&self) -> Option<&ResourceId> {
        match self {
            Self::Version(id) => Some(id),
            Self::Marketplace(_) => None,
        }
    }

    /// How tables call it: `1.0.2609402`.
    pub fn short(&self) -> String {
        match self {
            Self::Version(id) => id.name().to_owned(),
            Self::Marketplace(_) => self.to_string(),
        }
    }
}

/// As the input takes it: the id, or `publisher:offer:sku:version`.
impl fmt::Display for WantedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(id) => write!(f, "{id}"),
            Self::Marketplace(parts) => f.write_str(&parts.join(":")),
        }
    }
}

const URN: Form = Form {
    what: "an image of the Marketplace",
    format: "publisher:offer:sku:version with the number of the version",
    example: "MicrosoftWindowsDesktop:windows-11:win11-25h2-avd:26200.7171.251106",
};

/// `method` is nothing if it is chosen later, or could not be read.
pub(super) fn read(
    reader: &mut Reader<'_>,
    method: Option<RolloutMethod>,
) -> Result<WantedImage, AlreadyReported> {
    let text = tidy(reader.raw(&IMAGE_VERSION_ID));
    if !looks_like_a_urn(text) {
        return given_version::read(reader).map(WantedImage::Version);
    }
    // A macro that was left alone is told as such.
    let text = reader.optional(&IMAGE_VERSION_ID)?.unwrap_or_default();
    let Some(parts) = urn(text) else {
        return Err(reader.malformed(&IMAGE_VERSION_ID, text, URN, None));
    };
    match method {
        Some(method) if method != RolloutMethod::SessionHostUpdate => {
            let sentence = format!(
                "{} is an image of the Marketplace, and rolloutMethod '{}' takes a gallery image version alone",
                quoted(text),
                method.name()
            );
            let hint = format!(
                "set '{}: {}', or name a gallery image version",
                ROLLOUT_METHOD.name,
                RolloutMethod::SessionHostUpdate.name()
            );
            let problem = Problem::new(Code::Malformed, &IMAGE_VERSION_ID, sentence, Some(hint));
            Err(reader.report(problem))
        }
        _ => Ok(WantedImage::Marketplace(parts)),
    }
}

/// Whether it is neither an id nor a path: colons between parts, and no part of a path. A drive of Windows has one colon.
fn looks_like_a_urn(text: &str) -> bool {
    text.matches(':').count() >= 2 && !text.contains(['/', '\\'])
}

fn urn(text: &str) -> Option<[String; 4]> {
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let parts: [&str; 4] = parts.try_into().ok()?;
    let plain = |part: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(plain)
    };
    let [.., version] = parts;
    let number = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    (parts.iter().all(plain) && number).then(|| parts.map(str::to_owned))
}
