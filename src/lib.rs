//! The core of the Image Builder Task.
