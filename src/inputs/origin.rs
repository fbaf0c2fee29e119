//! Which step of which pipeline run makes something. It is in the tags of the template and in the name of the package, and shows later what is the
//! step's own.

use std::fmt::Write as _;

use ring::digest;
use time::OffsetDateTime;

use super::raw_inputs::{RawInputs, RawStep};
use crate::resource::tag::LONGEST_VALUE;

/// A step of a pipeline run. All attempts at the step are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The pipeline run: `{collection id}/{project id}/{build id}`, of a release `{collection id}/{project id}/r{release id}/{environment id}`,
    /// and of a person at a prompt `prompt/{user}@{host}/{start}`.
    pub run: String,
    /// The step in it: `{job}/{name of the step}`.
    pub step: String,
    in_names: InNames,
}

/// How the name of a package names the run.
#[derive(Debug, Clone, PartialEq, Eq)]
enum InNames {
    /// `{release id}-{attempt}`.
    Release { release: String, attempt: String },
    /// `{build id}-{number}`.
    Build(String),
    /// `{number}`.
    Prompt,
}

impl Origin {
    /// The step that `given` is about.
    pub fn of(given: &RawInputs) -> Self {
        let RawStep {
            collection,
            project,
            environment,
            job,
            name,
            person,
        } = &given.step;
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let project = format!("{}/{}", text(collection), text(project));
        let (run, in_names) = match (&given.release, &given.build_id) {
            (Some((release, attempt)), _) => (
                format!("{project}/r{release}/{}", text(environment)),
                InNames::Release {
                    release: release.clone(),
                    attempt: attempt.clone(),
                },
            ),
            (None, Some(build)) if !given.at_prompt => {
                (format!("{project}/{build}"), InNames::Build(build.clone()))
            }
            (None, _) => (prompt(person, given.unique), InNames::Prompt),
        };
        Self {
            run: fitting(&run),
            step: fitting(&format!("{}/{}", text(job), text(name))),
            in_names,
        }
    }

    /// The name of a package's blob; the layout is that of the original task. `unique` keeps two packages of a run apart, `extension` comes with
    /// its dot.
    pub fn blob_name(&self, folder: &str, unique: u128, extension: &str) -> String {
        let folder = blob_folder(folder);
        let middle = match &self.in_names {
            InNames::Release { release, attempt } => format!("{release}-{attempt}"),
            InNames::Build(build) => format!("{build}-{unique}"),
            InNames::Prompt => unique.to_string(),
        };
        format!("{folder}/{middle}/{folder}_{unique}{extension}")
    }

    /// Whether `name` is, to the letter, a name that [`Origin::blob_name`] gives to a package of this run. What is made at a prompt is
    /// known to its own process alone.
    pub fn names(&self, name: &str) -> bool {
        let is_known = self.in_names != InNames::Prompt;
        let read = PackageName::read(name).filter(|_| is_known);
        read.is_some_and(|read| {
            let extension = name.strip_prefix(&read.before_extension());
            extension.is_some_and(|it| self.blob_name(read.folder, read.number, it) == name)
        })
    }
}

/// The name of a package's blob, or of one with the output of a check, of exactly the form that [`Origin::blob_name`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageName<'a> {
    folder: &'a str,
    /// What stands between the slashes: `{number}`, `{build id}-{number}` or `{release id}-{attempt}`.
    middle: &'a str,
    /// Microseconds since 1970 when the package was named; in names of version 1.0 of the task milliseconds.
    number: u128,
}

/// How the names of blobs end that a check in a VM writes its output to.
pub const OUTPUT: &str = ".txt";

/// A number of microseconds below this one is of the year 1973, and so one of milliseconds.
const FEWEST_MICROSECONDS: u128 = 100_000_000_000_000;

impl<'a> PackageName<'a> {
    /// Reads `name`; nothing where it is of another form, to the letter.
    pub fn read(name: &'a str) -> Option<Self> {
        let mut parts = name.split('/');
        let (folder, middle, file) = (parts.next()?, parts.next()?, parts.next()?);
        let mut extensions = [".zip", ".tar.gz", OUTPUT].into_iter();
        let number = extensions.find_map(|extension| file.strip_suffix(extension))?;
        let number = number.strip_prefix(folder)?.strip_prefix('_')?;
        let is_safe = !matches!(folder, "" | "." | "..") && !folder.chars().any(char::is_control);
        let is_form = match middle.split_once('-') {
            None => middle == number,
            Some((id, rest)) => is_number(id) && is_number(rest),
        };
        let fits = parts.next().is_none() && is_safe && is_form && blob_folder(folder) == folder;
        Some(Self {
            folder,
            middle,
            number: number.parse().ok()?,
        })
        .filter(|_| fits && is_number(number))
    }

    fn before_extension(&self) -> String {
        let Self {
            folder,
            middle,
            number,
        } = self;
        format!("{folder}/{middle}/{folder}_{number}")
    }

    /// When the package was named, by the clock of its agent.
    pub fn named_at(&self) -> Option<OffsetDateTime> {
        let microseconds = match self.number {
            many @ FEWEST_MICROSECONDS.. => many,
            few => few.checked_mul(1000)?,
        };
        let nanoseconds = i128::try_from(microseconds.checked_mul(1000)?).ok()?;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()
    }

    /// Whether pipeline run `run`, as [`Origin::run`] writes it, names its packages so.
    pub fn is_of_run(&self, run: &str) -> bool {
        let parts: Vec<_> = run.split('/').collect();
        match (parts.as_slice(), self.middle.split_once('-')) {
            (["prompt", ..], middle) => middle.is_none(),
            ([_, _, release, _], Some((id, _))) => release.strip_prefix('r') == Some(id),
            ([_, _, build], Some((id, number))) => {
                *build == id && number == self.number.to_string()
            }
            _ => false,
        }
    }
}

/// Digits as [`Origin::blob_name`] writes them.
fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// The folder's name as a part of a blob's name. Storage takes a backslash for a slash, and `%` would be read as the begin of an encoded
/// character by one reader of the address and not by another.
pub fn blob_folder(name: &str) -> String {
    name.replace(['\\', '/', '%'], "_")
}

/// No later attempt takes it over: the number is that of this process.
fn prompt(person: &str, start: u128) -> String {
    let person: String = person.chars().take(128).collect();
    format!("prompt/{person}/{start}")
}

/// `value`, or a shorter text for it if Azure does not accept a value of this length.
fn fitting(value: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    if value.chars().count() <= LONGEST_VALUE {
        return value;
    }
    let sum = digest::digest(&digest::SHA256, value.as_bytes());
    let mut stands_for = String::from("sha256:");
    for byte in sum.as_ref().iter().take(20) {
        write!(stands_for, "{byte:02x}").unwrap_or_default();
    }
    stands_for
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> RawInputs {
        let text = |text: &str| Some(text.to_owned());
        RawInputs {
            build_id: text("4711"),
            unique: 1_763_800_000_000_000,
            step: RawStep {
                collection: text("c"),
                project: text("p"),
                environment: text("9"),
                job: text("Build.Build.__default"),
                name: text("bake"),
                person: "me@here".to_owned(),
            },
            ..RawInputs::default()
        }
    }

    fn release() -> RawInputs {
        RawInputs {
            release: Some(("31".to_owned(), "2".to_owned())),
            ..given()
        }
    }

    fn at_prompt() -> RawInputs {
        RawInputs {
            build_id: None,
            at_prompt: true,
            ..given()
        }
    }

    #[test]
    fn a_run_and_a_step_have_one_name_each() {
        let check = |given: &RawInputs, run: &str| {
            let origin = Origin::of(given);
            assert_eq!(
                (origin.run.as_str(), origin.step.as_str()),
                (run, "Build.Build.__default/bake")
            );
        };
        check(&given(), "c/p/4711");
        check(&release(), "c/p/r31/9");
        check(&at_prompt(), "prompt/me@here/1763800000000000");
    }

    #[test]
    fn a_value_that_is_too_long_for_a_tag_has_a_sum_in_its_place() {
        let mut given = given();
        given.step.job = Some("j".repeat(251));
        assert_eq!(Origin::of(&given).step, format!("{}/bake", "j".repeat(251)));
        given.step.job = Some("j".repeat(252));
        let step = Origin::of(&given).step;
        let digits = step.strip_prefix("sha256:").unwrap();
        assert_eq!(digits.len(), 40);
        assert!(
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{digits}"
        );
    }

    #[test]
    fn a_packages_name_tells_its_run_and_its_time() {
        let runs = ["c/p/4711", "c/p/r31/9", "prompt/me@here/1"];
        let check = |name: &str, of: Option<&str>| {
            let read = PackageName::read(name).unwrap();
            for run in runs {
                assert_eq!(read.is_of_run(run), Some(run) == of, "{name} {run}");
            }
            for run in [
                "",
                "4711",
                "sha256:00",
                "a/b/c/d/e",
                "c/p/47110",
                "c/p/r31",
                "c/p/31/9",
            ] {
                assert!(!read.is_of_run(run), "{name} {run}");
            }
        };
        check(
            "web app/4711-1763800000000000/web app_1763800000000000.zip",
            Some(runs[0]),
        );
        check("webapp/31-2/webapp_1763800000000000.tar.gz", Some(runs[1]));
        check(
            "image-test-output/4711-1763800000000000/image-test-output_1763800000000000.txt",
            Some(runs[0]),
        );
        check(
            "webapp/1763800000000000/webapp_1763800000000000.zip",
            Some(runs[2]),
        );
        check("webapp/4711-1/webapp_2.zip", None);
        check("webapp/4712-1/webapp_1.zip", None);
        let at = |number: &str| {
            let name = format!("a/{number}/a_{number}.zip");
            PackageName::read(&name).unwrap().named_at()
        };
        let expected = Some(time::macros::datetime!(2025-11-22 08:26:40 UTC));
        assert_eq!(at("1763800000000000"), expected);
        assert_eq!(at("1763800000000"), expected);
        assert_eq!(at("340282366920938463463374607431768211455"), None);
        for other in [
            "a/1/b_1.zip",
            "a/1/a_1.vhd",
            "a/2/a_1.zip",
            "a/x-1/a_1.zip",
            "a/01/a_01.zip",
            "../1/.._1.zip",
            r"a\b/1/a\b_1.zip",
            "a%2f/1/a%2f_1.zip",
            "a/1/a_1.zip/b",
            "",
        ] {
            assert_eq!(PackageName::read(other), None, "{other}");
        }
    }

    #[test]
    fn only_the_exact_name_of_a_package_of_the_run_is_its_own() {
        let check = |given: &RawInputs, name: &str, expected: bool| {
            assert_eq!(Origin::of(given).names(name), expected, "{name}");
        };
        for given in [given(), release()] {
            for extension in [".zip", ".tar.gz"] {
                for folder in ["webapp", "web app", "a_1", "größe", r"100%\x"] {
                    let name = Origin::of(&given).blob_name(folder, given.unique, extension);
                    check(&given, &name, true);
                }
            }
        }
        let build = given();
        check(
            &build,
            "webapp/4711-1763800000000000/webapp_1763800000000000.zip",
            true,
        );
        for name in [
            // Another run, or another number.
            "webapp/4712-1763800000000000/webapp_1763800000000000.zip",
            "webapp/4711-1763800000000000/webapp_1763800000000001.zip",
            "webapp/47111763800000000000/webapp_1763800000000000.zip",
            "webapp/1763800000000000/webapp_1763800000000000.zip",
            "webapp/31-2/webapp_1763800000000000.zip",
            // Another form.
            "webapp/4711-1763800000000000/other_1763800000000000.zip",
            "webapp/4711-1763800000000000/webapp_1763800000000000.vhd",
            "webapp/4711-1763800000000000/webapp_1763800000000000",
            "webapp/4711-1763800000000000/webapp_01763800000000000.zip",
            "webapp/4711-+1/webapp_+1.zip",
            "webapp/4711-/webapp_.zip",
            "webapp/4711-1/webapp_1.zip/x",
            "/4711-1/_1.zip",
            "4711-1763800000000000",
            "",
            // A way out.
            "../4711-1/.._1.zip",
            "./4711-1/._1.zip",
            "1234567890123/../../tfstate/prod.tfstate",
            r"a\b/4711-1/a\b_1.zip",
            "a%2fb/4711-1/a%2fb_1.zip",
        ] {
            check(&build, name, false);
        }
        check(&release(), "webapp/31-2/webapp_1763800000000000.zip", true);
        check(&release(), "webapp/31-1/webapp_1763800000000000.zip", false);
        check(&release(), "webapp/4711-1/webapp_1.zip", false);
        check(
            &at_prompt(),
            "webapp/1763800000000000/webapp_1763800000000000.zip",
            false,
        );
    }
}
