//! Where an image comes from: which pipeline run makes it, of which sources. It is in tags that many people can read, so it holds no secret.

use super::manifest::PROVENANCE_TAGS;
use super::raw_inputs::RawInputs;
use super::reader::{AlreadyReported, Reader};
use crate::resource::tag::LONGEST_VALUE;

/// Whose run makes the image, and of which sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// What is known, by the names of the tags, the most telling first. Names and values are fit for tags.
    pub facts: Vec<(&'static str, String)>,
    /// Whether the image gets it as tags.
    pub as_tags: bool,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Provenance, AlreadyReported> {
    Ok(Provenance {
        as_tags: reader.flag(&PROVENANCE_TAGS)?,
        facts: facts(reader.raw_inputs()),
    })
}

fn facts(given: &RawInputs) -> Vec<(&'static str, String)> {
    let run = &given.run;
    let repository = run.repository.as_deref().map(without_user);
    let all = [
        ("repository", repository),
        ("branch", run.branch.clone()),
        ("commit", run.commit.clone()),
        ("pipeline", run.pipeline.clone()),
        ("buildId", given.build_id.clone()),
        ("buildNumber", given.build_number.clone()),
        ("release", run.release.clone()),
    ];
    let known = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    known
        .filter(|(_, value)| given.secret_in(value).is_none())
        .filter_map(|(name, value)| Some((name, fit_for_tag(&value)?)))
        .collect()
}

/// A repository's address may hold a user and a password, and a query a token.
fn without_user(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        // Git's short form `user@host:path`; what stands before the `@` is a user at most.
        return address.to_owned();
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// `value` as Azure takes it for a tag; `None` if there is nothing in it.
pub fn fit_for_tag(value: &str) -> Option<String> {
    let printable = value.trim().chars().filter(|c| !c.is_control());
    let value: String = printable.take(LONGEST_VALUE).collect();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::RawRun;
    use crate::secret::{Masker, Secret};

    struct Nobody;

    impl Masker for Nobody {
        fn mask(&self, _value: &str) {}
    }

    fn facts_of(repository: &str, branch: &str) -> Vec<(&'static str, String)> {
        facts(&RawInputs {
            run: RawRun {
                repository: Some(repository.to_owned()),
                branch: Some(branch.to_owned()),
                ..RawRun::default()
            },
            secrets: vec![Secret::new("hunter2-hunter2", &Nobody)],
            ..RawInputs::default()
        })
    }

    #[test]
    fn no_user_and_no_query_stay_in_an_address() {
        let check = |address: &str, expected: &str| {
            let facts = facts_of(address, "");
            let expected = [("repository", expected.to_owned())];
            assert_eq!(facts, expected);
        };
        check("https://github.com/a/b", "https://github.com/a/b");
        check(
            "https://org@dev.azure.com/org/p/_git/r",
            "https://dev.azure.com/org/p/_git/r",
        );
        check("https://x:y@z@host:8080/r?t=1#f", "https://host:8080/r");
        check("https://u:p@host", "https://host");
        check("https://host/a@b", "https://host/a@b");
        check("git@github.com:a/b.git", "git@github.com:a/b.git");
        check("$/Project", "$/Project");
    }

    #[test]
    fn a_value_with_a_secret_in_it_is_left_out() {
        assert_eq!(
            facts_of("https://host/hunter2-hunter2", "refs/heads/main"),
            [("branch", "refs/heads/main".to_owned())]
        );
    }

    #[test]
    fn values_are_fit_for_tags() {
        assert_eq!(fit_for_tag(" a\nb\u{7} "), Some("ab".to_owned()));
        assert_eq!(fit_for_tag(" \n"), None);
        assert_eq!(fit_for_tag(&"ä".repeat(300)), Some("ä".repeat(256)));
    }
}
