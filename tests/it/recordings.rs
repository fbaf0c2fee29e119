//! The recorded behaviour of the real service (`tests/recordings`), each recording twice: the emulator answers alike, and the core's client, given
//! the recorded answers, comes to the right end.

mod alike;
mod client;
mod emulator;
mod exceptions;
mod performance;
mod recording;
mod rehearsal;
mod replay;
mod scene;
mod versions;
