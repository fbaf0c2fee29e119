//! What may be wrong with what a build needs: how it comes about, and what is said of it.

mod place;
mod source;
mod target;
mod vm;

use azure_emulator::ImageDefinition;

use super::scene::Scene;

/// The seed scenario in a job of ten hours, with subnets.
pub(super) fn scene() -> Scene {
    let mut scene = Scene::windows();
    scene.step = scene.step.variable("System.JobTimeout", "600");
    let subnets = scene.world.subnets.clone();
    scene
        .input("vnetSubnetId", &subnets[0].id)
        .input("containerInstanceSubnetId", &subnets[1].id)
}

/// One way in which something is wrong.
pub(super) struct Ill {
    /// How the scene comes to be so.
    pub(super) make: fn(&mut Scene),
    /// The inputs that bring it about.
    pub(super) inputs: &'static [(&'static str, &'static str)],
    /// The code, and what issue and fix say.
    pub(super) expected: [&'static str; 3],
    /// What a build does about it.
    pub(super) in_build: InBuild,
}

/// What becomes of a finding in a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InBuild {
    /// The build is refused before anything is made.
    Refused,
    /// The build begins with a warning.
    Warned,
    /// Nothing: it is an empty list that speaks for it, as a cloud without the resource type answers with one; or the build says it in its own
    /// words when it comes to it.
    Untold,
}

const fn ill(
    make: fn(&mut Scene),
    inputs: &'static [(&'static str, &'static str)],
    expected: [&'static str; 3],
    in_build: InBuild,
) -> Ill {
    Ill {
        make,
        inputs,
        expected,
        in_build,
    }
}

fn nothing(_: &mut Scene) {}

/// A definition of the author's own, as the source.
fn base_of_own(scene: &mut Scene) -> &mut ImageDefinition {
    let definitions = &mut scene.world.galleries[0].definitions;
    let mut base = definitions[0].clone();
    "base".clone_into(&mut base.name);
    base.versions.push("1.0.0".to_owned());
    definitions.push(base);
    definitions.last_mut().unwrap()
}

const OWN_SOURCE: &[(&str, &str)] = &[
    ("imageSource", "sig"),
    (
        "imageVersionId",
        "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/galContoso/images/base/versions/1.0.0",
    ),
];

/// Everything that the doctor may complain of.
pub(super) fn ills() -> impl Iterator<Item = &'static Ill> {
    let all = [place::ILLS, source::ILLS, target::ILLS, vm::ILLS];
    all.into_iter().flatten()
}

/// The scene with what is wrong.
pub(super) fn made(ill: &Ill) -> Scene {
    let mut scene = scene();
    (ill.make)(&mut scene);
    ill.inputs
        .iter()
        .fold(scene, |scene, (name, value)| scene.input(name, value))
}
