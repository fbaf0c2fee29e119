//! Image versions as the client reads and changes them: which one is the latest, and what is sent back of one.

mod bodies;
mod latest;
