//! The codes of roll-outs. Their meanings are in `error::codes`, beside those of everything else.

/// A permission is missing.
pub(super) const FORBIDDEN: &str = "AIB005";
/// An input is missing.
pub(super) const MISSING: &str = "AIB100";
/// An input is not what is expected.
pub(super) const MALFORMED: &str = "AIB101";
/// A resource remains in Azure (warning).
pub(super) const REMAINS: &str = "AIB601";
/// The managed identity lacks a permission.
pub(super) const IDENTITY_LACKS_PERMISSION: &str = "AIB711";
/// The service connection lacks a permission.
pub(super) const CONNECTION_LACKS_PERMISSION: &str = "AIB712";
/// It did not end in the time given.
pub(super) const NOT_READY: &str = "AIB804";
/// The version was withdrawn, or is excluded from latest (warning).
pub(super) const WITHDRAWN: &str = "AIB839";
/// There is no such host pool.
pub(super) const NO_POOL: &str = "AIB840";
/// The version has no replica where the hosts are.
pub(super) const NO_REPLICA: &str = "AIB841";
/// The pool is of another kind than the method needs.
pub(super) const WRONG_KIND: &str = "AIB842";
/// The pool has no session host configuration.
pub(super) const NO_CONFIGURATION: &str = "AIB843";
/// The image is in another subscription than the pool.
pub(super) const OTHER_SUBSCRIPTION: &str = "AIB844";
/// Operating system, generation, architecture or security type of the image do not fit the session hosts.
pub(super) const OTHER_TRAITS: &str = "AIB845";
/// Another update goes on, or waits for Retry or Cancel.
pub(super) const BUSY: &str = "AIB846";
/// The configuration was not changed.
pub(super) const NOT_CONFIGURED: &str = "AIB847";
/// The update was accepted, and the service shows none.
pub(super) const NOT_SEEN: &str = "AIB848";
/// A host has another image after the update, or will get one when it is made (warning).
pub(super) const OTHER_IMAGE: &str = "AIB849";
/// The update was canceled in Azure.
pub(super) const CANCELED: &str = "AIB850";
/// The update is paused (warning).
pub(super) const PAUSED: &str = "AIB851";
/// There are too few hosts of the version.
pub(super) const TOO_FEW: &str = "AIB852";
/// A host is not healthy.
pub(super) const NOT_HEALTHY: &str = "AIB853";
/// A name that a new host would get is taken.
pub(super) const NAME_TAKEN: &str = "AIB854";
/// The template would show the registration token.
pub(super) const TOKEN_NOT_SECRET: &str = "AIB855";
/// The deployment failed, or takes too long.
pub(super) const NOT_DEPLOYED: &str = "AIB856";
/// All hosts are made at once (warning).
pub(super) const NO_CANARY: &str = "AIB857";
/// The update failed.
pub(super) const UPDATE_FAILED: &str = "AIB858";
/// A scaling plan is enabled for the pool.
pub(super) const AUTOSCALE: &str = "AIB859";
