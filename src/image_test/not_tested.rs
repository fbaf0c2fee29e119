//! Why a test came to no verdict.

use std::fmt;

use crate::arm::Failure;
use crate::error::Error;

/// Why there is no verdict.
#[derive(Debug)]
pub enum NotTested {
    /// The image, or where it is to be tested, does not permit it.
    Refused(Box<Refused>),
    /// Something went wrong that says nothing of the image.
    Failed(Box<Error>),
}

/// What speaks against a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stable code.
    pub code: &'static str,
    /// A whole sentence.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl NotTested {
    /// Something speaks against it.
    pub fn refused(code: &'static str, text: String, hint: impl Into<Option<String>>) -> Self {
        let hint = hint.into();
        Self::Refused(Box::new(Refused { code, text, hint }))
    }

    /// Whether the job was canceled.
    pub fn is_cancel(&self) -> bool {
        matches!(self, Self::Failed(error) if matches!(**error, Error::Canceled))
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code,
            Self::Failed(error) => error.code(),
        }
    }

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => refused.hint.clone(),
            Self::Failed(error) => error.hint(),
        }
    }
}

impl fmt::Display for NotTested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => f.write_str(&refused.text),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl From<Error> for NotTested {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<Failure> for NotTested {
    fn from(failure: Failure) -> Self {
        Error::from(failure).into()
    }
}
