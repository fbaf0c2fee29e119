//! Paths against the patterns of the table.

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

/// The parameters of a path that fits the pattern, without letter case.
pub(super) fn parameters(pattern: &'static str, path: &str) -> Option<Parameters> {
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
