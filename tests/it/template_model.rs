//! The typed model of a template against the published definition, and against every template that we send.

use std::fs;
use std::path::Path;

use image_builder::inputs::template_file::members::{
    IMAGE_TEMPLATE_PROPERTIES, Member, Object, Shape,
};
use image_builder::template::model::{
    Customizer, DataDisk, Distributor, ErrorHandling, FileCustomizer, ImageTemplate,
    ManagedImageSource, ManagedImageTarget, Optimize, PlanInfo, PlatformImage,
    PowerShellCustomizer, Properties, SharedImage, SharedImageVersionSource, ShellCustomizer,
    Source, State, TargetRegion, Validate, Versioning, Vhd, VmProfile, VnetConfig, WindowsRestart,
    WindowsUpdate, Workload, system_of,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Whether the type does not take an object, which it has to take when it does not know the members.
type Refuses = fn(Value) -> bool;

fn refuses<T: DeserializeOwned>(object: Value) -> bool {
    serde_json::from_value::<T>(object).is_err()
}

/// Each object of the definition, by the end of its name, and its type. The first that fits counts.
const TYPES: &[(&str, Refuses)] = &[
    ("ImageTemplateProperties", refuses::<Properties>),
    ("PlatformImagePurchasePlan", refuses::<PlanInfo>),
    ("PlatformImageSource", refuses::<PlatformImage>),
    ("ManagedImageSource", refuses::<ManagedImageSource>),
    (
        "SharedImageVersionSource",
        refuses::<SharedImageVersionSource>,
    ),
    ("PowerShellCustomizer", refuses::<PowerShellCustomizer>),
    ("PowerShellValidator", refuses::<PowerShellCustomizer>),
    ("ShellCustomizer", refuses::<ShellCustomizer>),
    ("ShellValidator", refuses::<ShellCustomizer>),
    ("FileCustomizer", refuses::<FileCustomizer>),
    ("FileValidator", refuses::<FileCustomizer>),
    ("RestartCustomizer", refuses::<WindowsRestart>),
    ("WindowsUpdateCustomizer", refuses::<WindowsUpdate>),
    ("ManagedImageDistributor", refuses::<ManagedImageTarget>),
    ("SharedImageDistributor", refuses::<SharedImage>),
    ("VhdDistributor", refuses::<Vhd>),
    ("TargetRegion", refuses::<TargetRegion>),
    ("DistributeVersionerLatest", refuses::<Versioning>),
    ("DistributeVersionerSource", refuses::<Versioning>),
    ("VmProfile", refuses::<VmProfile>),
    ("VirtualNetworkConfig", refuses::<VnetConfig>),
    ("DataDisk", refuses::<DataDisk>),
    ("AutoRun", refuses::<State>),
    ("workload", refuses::<Workload>),
    ("vmBoot", refuses::<State>),
    ("optimize", refuses::<Optimize>),
    ("validate", refuses::<Validate>),
    ("errorHandling", refuses::<ErrorHandling>),
];

/// A value that a field of this shape cannot hold.
fn misfit(shape: &Shape) -> Value {
    match shape {
        Shape::Text { .. }
        | Shape::List(_)
        | Shape::Texts
        | Shape::Object(_)
        | Shape::Variants { .. } => json!(5),
        Shape::Number { .. } | Shape::Flag => json!("x"),
    }
}

/// Members that enums hold, which take every value.
fn is_of_an_enum(member: &Member) -> bool {
    matches!(member.name, "type" | "source")
}

fn check(object: &Object, seen: &mut usize) {
    let mut types = TYPES.iter();
    let Some((_, refuses)) = types.find(|(name, _)| object.name.ends_with(name)) else {
        unreachable!("{} has no type in the model", object.name);
    };
    // The state in an answer is read by `arm::template_state`.
    for member in object.members.iter().filter(|member| !member.read_only) {
        if !member.ours && !is_of_an_enum(member) {
            let value = json!({ member.name: misfit(&member.shape) });
            assert!(
                refuses(value),
                "{}.{} is not in the model",
                object.name,
                member.name
            );
            *seen += 1;
        }
        visit(&member.shape, seen);
    }
}

fn visit(shape: &Shape, seen: &mut usize) {
    match shape {
        Shape::Text { .. } | Shape::Number { .. } | Shape::Flag | Shape::Texts => {}
        Shape::List(shape) => visit(shape, seen),
        Shape::Object(object) => check(object, seen),
        Shape::Variants { objects, .. } => {
            objects.iter().for_each(|(_, object)| check(object, seen));
        }
    }
}

/// A file may go to any system.
#[test]
fn every_type_of_customizer_has_a_system() {
    let mut members = IMAGE_TEMPLATE_PROPERTIES.members.iter();
    let customize = members.find(|member| member.name == "customize").unwrap();
    let Shape::List(Shape::Variants { objects, .. }) = &customize.shape else {
        unreachable!("customizers are told apart by their type");
    };
    let mut without = objects.iter().filter(|(kind, _)| system_of(kind).is_none());
    assert_eq!(without.next().unwrap().0, "File");
    assert_eq!(without.next().map(|(kind, _)| kind), None);
}

#[test]
fn every_member_of_the_definition_is_a_field() {
    let mut seen = 0;
    check(&IMAGE_TEMPLATE_PROPERTIES, &mut seen);
    assert!(seen > 80, "{seen} members");
}

#[test]
fn every_template_comes_back_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/templates");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let sent: Value = serde_json::from_str(&text).unwrap();
        let read: ImageTemplate = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            sent,
            "{}",
            path.display()
        );
        let properties = &read.properties;
        assert!(properties.other.is_empty(), "{}", path.display());
        assert!(
            !matches!(properties.source, Some(Source::Unknown(_)) | None),
            "{}",
            path.display()
        );
        for customizer in properties.customize.iter().flatten() {
            assert!(!matches!(customizer, Customizer::Unknown(_)));
        }
        for distributor in properties.distribute.iter().flatten() {
            assert!(!matches!(distributor, Distributor::Unknown(_)));
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen} templates");
}

/// A service that is newer than this program has more members, words and kinds.
#[test]
fn what_is_newer_passes_through() {
    let newer = json!({
        "location": "westeurope",
        "properties": {
            "source": {"type": "CommunityImage", "communityGalleryImageId": "/CommunityGalleries/c/Images/i"},
            "customize": [
                {"type": "Container", "name": "agent", "image": "mcr.microsoft.com/x"},
                {"type": "Shell", "name": "web", "inline": ["true"], "timeout": "5m"},
            ],
            "distribute": [
                {"type": "SharedImage", "galleryImageId": "/subscriptions/s", "runOutputName": "o",
                 "targetRegions": [{"name": "westus", "storageAccountType": "PremiumV2_LRS", "encryption": {"key": 1}}],
                 "versioning": {"scheme": "Calendar", "zone": "UTC"}},
                {"type": "Disk", "runOutputName": "d"},
            ],
            "vmProfile": {"vmSize": "Standard_D4s_v5", "securityProfile": {"securityType": "TrustedLaunch"}},
            "hibernation": {"state": "Enabled"},
        },
        "zones": ["1"],
    });
    let read: ImageTemplate = serde_json::from_value(newer.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), newer);
    let kinds: Vec<_> = read.properties.customize.iter().flatten().collect();
    assert_eq!(
        format!("{kinds:?}"),
        r#"[Container "agent", Shell "web"]"#,
        "scripts and addresses are not shown"
    );
}
