//! The calls that the emulator answers: method, path, api-versions, query parameters. Everything else is refused.

mod path;
mod table;
mod versions;

use http::Method;

use path::parameters;

pub(crate) use path::Parameters;
pub(crate) use table::{Call, ROUTES};

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

/// The routes with this path, whatever their method.
pub(crate) fn routes_of(path: &str) -> Vec<(&'static Route, Parameters)> {
    ROUTES
        .iter()
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
        check(
            Method::GET,
            "/subscriptions/s/resourceGroups//resources",
            None,
        );
        let doubled = |place: &str| template.replace(place, &format!("{place}/"));
        check(Method::GET, &doubled("images/"), Some("GetTemplate"));
        check(Method::GET, &doubled("resourcegroups/"), None);
        check(Method::GET, &doubled("imagetemplates/"), None);
    }
}
