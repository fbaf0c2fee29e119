//! What is checked before a request reaches its resource: token, route, method, api-version, query, length, group.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use time::OffsetDateTime;

use crate::arm::answer::Refusal;
use crate::arm::routes::{self, Call, Route};
use crate::arm::{Arm, Asked, header};
use crate::tokens::{self, Claims, TokenProblem};
use crate::world::World;

/// The calls by POST that take a body.
const TAKE_A_BODY: [Call; 6] = [
    Call::QueryResources,
    Call::InitiateUpdate,
    Call::ControlUpdate,
    Call::ControlProvisioning,
    Call::SendMessage,
    Call::ValidateDeployment,
];

impl Arm {
    pub(crate) fn caller(
        &self,
        headers: &HeaderMap,
        now: OffsetDateTime,
    ) -> Result<Claims, Refusal> {
        let own = &self.world.addresses.arm;
        let own_with_slash = format!("{own}/");
        let audiences = [
            own.as_str(),
            &own_with_slash,
            "https://management.core.windows.net/",
            "https://management.core.windows.net",
            "https://management.azure.com/",
            "https://management.azure.com",
        ];
        tokens::verify(headers, &audiences, &self.world.issuer(), now)
            .map_err(|problem| self.unauthenticated(&problem))
    }

    /// The refusal of a token, as Azure Resource Manager words it.
    pub(crate) fn unauthenticated(&self, problem: &TokenProblem) -> Refusal {
        let code = match problem {
            TokenProblem::Missing => "AuthenticationFailed",
            TokenProblem::WrongAudience { .. } => "InvalidAuthenticationTokenAudience",
            TokenProblem::WrongIssuer { .. } => "InvalidAuthenticationTokenTenant",
            TokenProblem::Expired => "ExpiredAuthenticationToken",
            TokenProblem::Malformed(_) | TokenProblem::NotYetValid => "InvalidAuthenticationToken",
        };
        let mut refusal = Refusal::new(401, code, format!("Authentication failed: {problem}."));
        let (login, tenant) = (&self.world.addresses.login, &self.world.tenant);
        refusal.headers.push((
            "www-authenticate",
            format!("Bearer authorization_uri=\"{login}/{tenant}\", error=\"invalid_token\", error_description=\"{code}\""),
        ));
        refusal
    }

    /// Finds the route and checks everything that does not depend on it alone: method, api-version, query, length.
    pub(crate) fn route<'request>(
        &self,
        request: &'request Request<Bytes>,
        now: OffsetDateTime,
    ) -> Result<Asked<'request>, Refusal> {
        let (path, method) = (request.uri().path(), request.method());
        let candidates = routes::routes_of(path);
        if candidates.is_empty() {
            return Err(Refusal::new(
                404,
                "InvalidResourceType",
                format!("The emulator has no resource at '{path}'."),
            ));
        }
        let Some((route, parameters)) = candidates
            .into_iter()
            .find(|(route, _)| route.method == *method)
        else {
            let message = format!("The HTTP method '{method}' is not supported at '{path}'.");
            return Err(Refusal::new(405, "HttpMethodNotAllowed", message));
        };
        let query = query_of(request);
        let version = api_version(route, &self.offered(route), &query, &self.world)?;
        for (name, _) in &query {
            let known = |known: &&&str| known.eq_ignore_ascii_case(name);
            if !name.eq_ignore_ascii_case("api-version") && route.query.iter().find(known).is_none()
            {
                let message = format!(
                    "The query parameter '{name}' is unknown to operation '{}'.",
                    route.name
                );
                return Err(Refusal::new(400, "InvalidQueryParameter", message));
            }
        }
        let sends = [Method::PUT, Method::POST, Method::PATCH].contains(method);
        if sends
            && request.body().is_empty()
            && header(request.headers(), "content-length").is_none()
        {
            return Err(Refusal::new(
                411,
                "LengthRequired",
                format!("A {method} without a body needs the header 'Content-Length: 0'."),
            ));
        }
        if *method == Method::POST
            && !request.body().is_empty()
            && !TAKE_A_BODY.contains(&route.call)
        {
            return Err(Refusal::new(
                400,
                "InvalidRequestContent",
                format!("Operation '{}' takes no body.", route.name),
            ));
        }
        Ok(Asked {
            route,
            path: parameters,
            version,
            query,
            raw: request,
            caller: String::new(),
            now,
        })
    }

    /// The api-versions of a route in this cloud.
    pub(crate) fn offered(&self, route: &Route) -> Vec<&'static str> {
        let newest = self.switches.newest_builder_version.as_deref();
        let newest = newest.filter(|_| route.pattern.contains("Microsoft.VirtualMachineImages"));
        let oldest = self.switches.versions.soft_deleted_list_since.as_str();
        let oldest = (route.call == Call::ListSoftDeletedVersions).then_some(oldest);
        let versions = route.versions.iter().copied();
        versions
            .filter(|version| newest.is_none_or(|newest| *version <= newest))
            .filter(|version| oldest.is_none_or(|oldest| *version >= oldest))
            .collect()
    }

    /// The subscription of a request has to exist, and one beside that of the builds has no builds.
    pub(crate) fn check_subscription(
        &self,
        asked: &Asked<'_>,
        subscription: &str,
    ) -> Result<(), Refusal> {
        if subscription.is_empty() || subscription.eq_ignore_ascii_case(&self.world.subscription) {
            return Ok(());
        }
        if self.world.other_subscription(subscription).is_none() {
            let message = format!("The subscription '{subscription}' could not be found.");
            return Err(Refusal::new(404, "SubscriptionNotFound", message));
        }
        let pattern = asked.route.pattern;
        let (_, provider) = pattern.split_once("/providers/").unwrap_or_default();
        let shown = [
            "",
            "{namespace}",
            "Microsoft.Compute",
            "Microsoft.DesktopVirtualization",
            "Microsoft.Resources",
        ];
        if shown.contains(&provider.split('/').next().unwrap_or_default())
            && asked.route.call != Call::GetManagedImage
        {
            return Ok(());
        }
        let message = format!(
            "The client with object id '{}' does not have authorization to perform an action of '{provider}' over scope '{}' or the scope is \
             invalid. If access was recently granted, please refresh your credentials.",
            asked.caller,
            asked.raw.uri().path()
        );
        Err(Refusal::new(403, "AuthorizationFailed", message))
    }

    pub(crate) fn check_group(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let group = asked.path.get("group");
        let about_group =
            [Call::GetResourceGroup, Call::HeadResourceGroup].contains(&asked.route.call);
        let subscription = asked.path.get("subscription");
        if group.is_empty() || about_group || self.location_of_group(subscription, group).is_some()
        {
            return Ok(());
        }
        Err(Refusal::new(
            404,
            "ResourceGroupNotFound",
            format!("Resource group '{group}' could not be found."),
        ))
    }
}

/// The query, decoded.
pub(crate) fn query_of(request: &Request<Bytes>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

fn api_version(
    route: &Route,
    offered: &[&str],
    query: &[(String, String)],
    world: &World,
) -> Result<String, Refusal> {
    let mut given = query
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("api-version"));
    let (Some((_, version)), None) = (given.next(), given.next()) else {
        return Err(Refusal::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests, and once.",
        ));
    };
    if offered.contains(&version.as_str()) {
        return Ok(version.clone());
    }
    let supported = offered.join(", ");
    let (code, message) = match route.pattern.split_once("/providers/Microsoft.") {
        Some((_, rest)) => {
            let kind = rest.split('/').nth(1).unwrap_or_default();
            let location = world
                .resource_groups
                .first()
                .map_or("", |group| &group.location);
            let message = format!(
                "No registered resource provider found for location '{location}' and API version '{version}' for type '{kind}'. The \
                 supported api-versions are '{supported}'."
            );
            ("NoRegisteredProviderFound", message)
        }
        None => (
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{supported}'."
            ),
        ),
    };
    Err(Refusal::new(400, code, message))
}
