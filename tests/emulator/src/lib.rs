//! An emulator of the part of Azure that VM Image Builder pipelines talk to.
//!
//! It knows none of the product's types: it is an independent reading of the published API definitions and of recorded traffic.
