//! Problems of tags.

use super::check;
use crate::job::job;

#[test]
fn tags() {
    let tags = |value: &str, expected: &str| {
        let expected = format!("AIB101 Input 'artifactTags': {expected}");
        check(job(), "artifactTags", value, &expected);
    };
    let expected = "expected one 'name=value' per line, or a JSON object of strings, for example {\"costCenter\": \"4711\"}";
    tags(
        "costCenter",
        &format!("'costCenter' is not a list of tags; {expected}"),
    );
    tags(
        "{\"a\": }",
        &format!(
            "'{{\"a\": }}' is not a list of tags; {expected}\nhint: it begins with '{{', but it is not valid JSON (line 1)"
        ),
    );
    tags(
        "{\"a\": [1]}",
        &format!(
            "'{{\"a\": [1]}}' is not a list of tags; {expected}\nhint: the value of 'a' is not a string"
        ),
    );
    tags(
        "a/b=c",
        "'a/b' is not a valid tag name; expected a name without '<>%&\\?/', for example costCenter",
    );
    tags(
        &format!("a={}", "x".repeat(257)),
        "the value of tag 'a' is too long; expected at most 256 characters",
    );
    tags(
        &format!("{}=x", "a".repeat(513)),
        &format!(
            "'{}…' is too long for a tag name; expected at most 512 characters",
            "a".repeat(200)
        ),
    );
    tags(
        "a=1\nA=2",
        "tag 'A' is listed twice; tag names are not case-sensitive",
    );
    let many: Vec<_> = (0..51).map(|number| format!("tag{number}=x")).collect();
    tags(&many.join("\n"), "it has 51 tags; expected at most 50");
}

#[test]
fn tags_that_are_the_tasks_own() {
    let own = |name: &str| {
        format!(
            "AIB103 Input 'templateTags': tag '{name}' is reserved for the task, which identifies its own resources by it\nhint: use another tag name; names that start with 'imageBuilder' are reserved for the task"
        )
    };
    check(
        job(),
        "templateTags",
        "owner=web\nimageBuilderRun=1",
        &own("imageBuilderRun"),
    );
    check(
        job(),
        "templateTags",
        "{\"IMAGEBUILDERKEEP\": \"true\"}",
        &own("IMAGEBUILDERKEEP"),
    );
    let of_image = own("imageBuilderStep").replace("templateTags", "artifactTags");
    check(job(), "artifactTags", "imageBuilderStep=1", &of_image);
    let tags = |count: usize| {
        let tags: Vec<_> = (0..count).map(|n| format!("t{n}=x")).collect();
        tags.join("\n")
    };
    assert!(job().input("templateTags", &tags(43)).plan().is_ok());
    check(
        job(),
        "templateTags",
        &tags(44),
        "AIB101 Input 'templateTags': it has 44 tags; expected at most 43, because Azure allows 50 and the task adds 7 of its own",
    );
    assert!(
        job()
            .input("managedResourceTags", "imageBuilderRun=1")
            .plan()
            .is_ok()
    );
}
