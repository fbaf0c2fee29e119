//! The calls that the emulator answers: method, path, api-versions, query parameters. Everything else is refused.

mod surroundings;

use http::Method;

/// A call of Azure Resource Manager or of a provider behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    MetadataEndpoints,
    ListSubscriptions,
    GetSubscription,
    ListLocations,
    GetProvider,
    GetResourceGroup,
    HeadResourceGroup,
    GetIdentity,
    PutTemplate,
    PatchTemplate,
    GetTemplate,
    DeleteTemplate,
    RunTemplate,
    CancelTemplate,
    ListRunOutputs,
    GetRunOutput,
    PutTrigger,
    GetTrigger,
    ListTriggers,
    DeleteTrigger,
    ListTemplatesOfGroup,
    ListTemplates,
    GetOperation,
    GetGallery,
    ListDefinitions,
    GetDefinition,
    ListVersions,
    GetVersion,
    PutVersion,
    DeleteVersion,
    GetComputeOperation,
    GetManagedImage,
    GetStorageAccount,
    ListStorageAccountsOfGroup,
    ListStorageAccounts,
    ListStorageKeys,
    ListContainerGroups,
    GetContainerLog,
    ListIdentitiesOfGroup,
    ListResourcesOfGroup,
    ListGalleriesOfGroup,
    ListOffers,
    ListImageSkus,
    ListPlatformImageVersions,
    GetPlatformImageVersion,
    ListVmSizes,
    ListUsages,
    ListNetworksOfGroup,
    GetNetwork,
    GetSubnet,
    ListPermissions,
    ListRoleAssignments,
    GetRole,
}

/// One row of the table of routes.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    pub(crate) method: Method,
    pub(crate) pattern: &'static str,
    pub(crate) versions: &'static [&'static str],
    pub(crate) query: &'static [&'static str],
}

/// The api-versions of Microsoft.VirtualMachineImages that are served; the previews before them are gone.
pub(crate) const BUILDER: &[&str] = &[
    "2020-02-14",
    "2021-10-01",
    "2022-02-14",
    "2022-07-01",
    "2023-07-01",
    "2024-02-01",
    "2025-10-01",
];
/// The api-versions with triggers.
const TRIGGERS: &[&str] = &["2022-07-01", "2023-07-01", "2024-02-01", "2025-10-01"];
const GALLERY: &[&str] = &[
    "2019-12-01",
    "2020-09-30",
    "2021-07-01",
    "2021-10-01",
    "2022-01-03",
    "2022-03-03",
    "2022-08-03",
    "2023-07-03",
    "2024-03-03",
    "2025-03-03",
    "2026-03-03",
];
const COMPUTE: &[&str] = &[
    "2020-06-01",
    "2021-07-01",
    "2022-03-01",
    "2022-08-01",
    "2023-03-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
];
const CAPS: &[&str] = &[
    "2019-12-01",
    "2020-06-01",
    "2020-09-30",
    "2021-07-01",
    "2021-10-01",
    "2022-01-03",
    "2022-03-03",
    "2022-08-03",
    "2023-07-03",
    "2024-03-03",
    "2025-03-03",
    "2026-03-03",
];
const STORAGE: &[&str] = &[
    "2019-06-01",
    "2021-04-01",
    "2021-09-01",
    "2022-09-01",
    "2023-01-01",
    "2023-05-01",
    "2024-01-01",
    "2025-06-01",
    "2025-08-01",
    "2026-09-01",
];
const RESOURCES: &[&str] = &[
    "2016-06-01",
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2024-03-01",
    "2024-11-01",
    "2025-04-01",
];
const IDENTITY: &[&str] = &[
    "2018-11-30",
    "2023-01-31",
    "2024-11-30",
    "2025-05-31-preview",
];
const CONTAINERS: &[&str] = &["2021-10-01", "2022-09-01", "2023-05-01", "2025-09-01"];
const METADATA: &[&str] = &["2015-01-01", "2022-09-01"];

macro_rules! template {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.VirtualMachineImages/imageTemplates",
            $rest
        )
    };
}

macro_rules! gallery {
    ($rest:literal) => {
        concat!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{gallery}", $rest)
    };
}

/// A row of a table: the call, its method, its path, its api-versions, the names in its query.
macro_rules! route {
    ($call:ident, $method:ident, $pattern:expr, $versions:expr, $query:expr) => {
        Route {
            name: stringify!($call),
            call: Call::$call,
            method: Method::$method,
            pattern: $pattern,
            versions: $versions,
            query: $query,
        }
    };
}

pub(crate) use route;

/// All routes.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(surroundings::ROUTES)
}

/// What a build needs, and what Microsoft's clients need.
const ROUTES: &[Route] = &[
    route!(MetadataEndpoints, GET, "/metadata/endpoints", METADATA, &[]),
    route!(ListSubscriptions, GET, "/subscriptions", RESOURCES, &[]),
    route!(
        GetSubscription,
        GET,
        "/subscriptions/{subscription}",
        RESOURCES,
        &[]
    ),
    route!(
        ListLocations,
        GET,
        "/subscriptions/{subscription}/locations",
        RESOURCES,
        &[]
    ),
    route!(
        GetProvider,
        GET,
        "/subscriptions/{subscription}/providers/{namespace}",
        RESOURCES,
        &["$expand"]
    ),
    route!(
        GetResourceGroup,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}",
        RESOURCES,
        &[]
    ),
    route!(
        HeadResourceGroup,
        HEAD,
        "/subscriptions/{subscription}/resourceGroups/{group}",
        RESOURCES,
        &[]
    ),
    route!(
        GetIdentity,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}",
        IDENTITY,
        &[]
    ),
    route!(PutTemplate, PUT, template!("/{template}"), BUILDER, &[]),
    route!(PatchTemplate, PATCH, template!("/{template}"), BUILDER, &[]),
    route!(GetTemplate, GET, template!("/{template}"), BUILDER, &[]),
    route!(
        DeleteTemplate,
        DELETE,
        template!("/{template}"),
        BUILDER,
        &[]
    ),
    route!(
        RunTemplate,
        POST,
        template!("/{template}/run"),
        BUILDER,
        &[]
    ),
    route!(
        CancelTemplate,
        POST,
        template!("/{template}/cancel"),
        BUILDER,
        &[]
    ),
    route!(
        ListRunOutputs,
        GET,
        template!("/{template}/runOutputs"),
        BUILDER,
        &[]
    ),
    route!(
        GetRunOutput,
        GET,
        template!("/{template}/runOutputs/{output}"),
        BUILDER,
        &[]
    ),
    route!(
        PutTrigger,
        PUT,
        template!("/{template}/triggers/{trigger}"),
        TRIGGERS,
        &[]
    ),
    route!(
        GetTrigger,
        GET,
        template!("/{template}/triggers/{trigger}"),
        TRIGGERS,
        &[]
    ),
    route!(
        ListTriggers,
        GET,
        template!("/{template}/triggers"),
        TRIGGERS,
        &[]
    ),
    route!(
        DeleteTrigger,
        DELETE,
        template!("/{template}/triggers/{trigger}"),
        TRIGGERS,
        &[]
    ),
    route!(
        ListTemplatesOfGroup,
        GET,
        template!(""),
        BUILDER,
        &["skipToken"]
    ),
    route!(
        ListTemplates,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/imageTemplates",
        BUILDER,
        &["skipToken"]
    ),
    route!(
        GetOperation,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/locations/{location}/operations/{operation}",
        BUILDER,
        &["t", "c", "s", "h"]
    ),
    route!(GetGallery, GET, gallery!(""), GALLERY, &[]),
    route!(ListDefinitions, GET, gallery!("/images"), GALLERY, &[]),
    route!(
        GetDefinition,
        GET,
        gallery!("/images/{definition}"),
        GALLERY,
        &[]
    ),
    route!(
        ListVersions,
        GET,
        gallery!("/images/{definition}/versions"),
        GALLERY,
        &[]
    ),
    route!(
        GetVersion,
        GET,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &["$expand"]
    ),
    route!(
        PutVersion,
        PUT,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &[]
    ),
    route!(
        DeleteVersion,
        DELETE,
        gallery!("/images/{definition}/versions/{version}"),
        GALLERY,
        &[]
    ),
    route!(
        GetComputeOperation,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/capsOperations/{operation}",
        CAPS,
        &["monitor", "t", "c", "s", "h"]
    ),
    route!(
        GetManagedImage,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/images/{image}",
        COMPUTE,
        &[]
    ),
    route!(
        GetStorageAccount,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}",
        STORAGE,
        &["$expand"]
    ),
    route!(
        ListStorageAccountsOfGroup,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts",
        STORAGE,
        &[]
    ),
    route!(
        ListStorageAccounts,
        GET,
        "/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts",
        STORAGE,
        &[]
    ),
    route!(
        ListStorageKeys,
        POST,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys",
        STORAGE,
        &["$expand"]
    ),
    route!(
        ListContainerGroups,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups",
        CONTAINERS,
        &[]
    ),
    route!(
        GetContainerLog,
        GET,
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerInstance/containerGroups/{containers}/containers/{container}/logs",
        CONTAINERS,
        &["tail", "timestamps"]
    ),
];

/// What a path has in the places of a pattern's parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// The value of a parameter; empty when the pattern does not have it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }
}

/// The routes with this path, whatever their method.
pub(crate) fn routes_of(path: &str) -> Vec<(&'static Route, Parameters)> {
    all()
        .filter_map(|route| Some((route, parameters(route.pattern, path)?)))
        .collect()
}

/// The name of the route of a request.
pub(crate) fn name_of(method: &Method, path: &str) -> Option<&'static str> {
    routes_of(path)
        .into_iter()
        .find(|(route, _)| route.method == *method)
        .map(|(route, _)| route.name)
}

fn parameters(pattern: &'static str, path: &str) -> Option<Parameters> {
    let mut values = Vec::new();
    let (pattern, path) = match pattern.strip_prefix("{scope}") {
        Some(rest) => {
            let (scope, rest_of_path) = split_scope(path, rest.split('/').count() - 1)?;
            values.push(("scope", scope.to_owned()));
            (rest, rest_of_path)
        }
        None => (pattern, path),
    };
    let (mut wanted, mut given) = (pattern.split('/'), segments(path));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(Parameters(values)),
            (Some(want), Some(give)) => match want
                .strip_prefix('{')
                .and_then(|want| want.strip_suffix('}'))
            {
                Some(name) if !give.is_empty() => values.push((name, give.to_owned())),
                None if want.eq_ignore_ascii_case(give) => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// What is left of a path in front of its last `count` segments, and those segments.
fn split_scope(path: &str, count: usize) -> Option<(&str, &str)> {
    let (at, _) = path.rmatch_indices('/').nth(count.checked_sub(1)?)?;
    let (scope, rest) = path.split_at_checked(at)?;
    scope
        .starts_with("/subscriptions/")
        .then_some((scope, rest))
}

/// The segments of a path. `az resource` (Azure CLI 2.91) writes `/providers/{namespace}//{type}/{name}`, so an empty one is skipped there.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let all: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let follows_namespace = |place: usize| {
        let before = place.checked_sub(2).and_then(|before| all.get(before));
        before.is_some_and(|segment| segment.eq_ignore_ascii_case("providers"))
    };
    let skipped = |place: usize, segment: &str| segment.is_empty() && follows_namespace(place);
    let kept: Vec<&str> = all
        .iter()
        .enumerate()
        .filter(|(place, segment)| !skipped(*place, segment))
        .map(|(_, segment)| *segment)
        .collect();
    kept.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_without_letter_case() {
        let check = |method: Method, path: &str, expected: Option<&str>| {
            assert_eq!(name_of(&method, path), expected, "{path}");
        };
        let template = "/subscriptions/s/resourcegroups/g/providers/microsoft.virtualmachineimages/imagetemplates/t";
        check(Method::GET, template, Some("GetTemplate"));
        check(
            Method::POST,
            &format!("{template}/run"),
            Some("RunTemplate"),
        );
        check(Method::GET, &format!("{template}/run"), None);
        check(Method::GET, &format!("{template}/"), Some("GetTemplate"));
        check(
            Method::GET,
            &format!("{template}/runOutputs/o"),
            Some("GetRunOutput"),
        );
        check(Method::GET, "/subscriptions/s/resourceGroups//", None);
        let doubled = |place: &str| template.replace(place, &format!("{place}/"));
        check(Method::GET, &doubled("images/"), Some("GetTemplate"));
        check(Method::GET, &doubled("resourcegroups/"), None);
        check(Method::GET, &doubled("imagetemplates/"), None);
    }
}
