//! The members of an image template's `properties`, as the published definition of api-version 2025-10-01 lists them
//! (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>). `build.rs` writes the table.

/// An object of the definition.
#[derive(Debug)]
pub struct Object {
    /// Its name in the definition.
    pub name: &'static str,
    /// What the definition says of it.
    pub description: &'static str,
    /// Its members, those of what it is made of first.
    pub members: &'static [Member],
}

/// A member of an object.
#[derive(Debug)]
pub struct Member {
    /// Its name; letter case matters to the service.
    pub name: &'static str,
    /// What the definition says of it.
    pub description: &'static str,
    /// Whether the service refuses an object without it.
    pub required: bool,
    /// Whether only the service writes it.
    pub read_only: bool,
    /// Whether it is this task's own and never reaches the service.
    pub ours: bool,
    /// What its value looks like.
    pub shape: Shape,
}

/// What a value looks like.
#[derive(Debug)]
pub enum Shape {
    /// A text; one of the options, if there are any.
    Text {
        /// The only values.
        options: &'static [&'static str],
    },
    /// A whole number.
    Number {
        /// The smallest.
        least: i64,
        /// The largest.
        most: i64,
    },
    /// `true` or `false`.
    Flag,
    /// Any number of such values.
    List(&'static Shape),
    /// Texts by names that the author chooses: tags.
    Texts,
    /// An object.
    Object(&'static Object),
    /// One of several objects.
    Variants {
        /// The member that tells which one.
        discriminator: &'static str,
        /// Its values, and the objects that they stand for.
        objects: &'static [(&'static str, &'static Object)],
    },
}

include!(concat!(env!("OUT_DIR"), "/members.rs"));
