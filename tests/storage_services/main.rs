//! What the core says to storage, said to two services that answer for themselves: the project's emulator, and Azurite, the emulator that
//! Microsoft keeps. Each test is one function, and runs against both.
//!
//! Azurite takes part when it is installed, with `npm ci --prefix tests/azurite`. Its tests are ignored otherwise, and say so.

#[cfg(test)]
mod azurite;
#[cfg(test)]
mod deletions;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod links;
#[cfg(test)]
mod package;
#[cfg(test)]
mod service;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod uploads;

fn main() -> std::process::ExitCode {
    suite::run()
}
