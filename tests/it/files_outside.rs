//! Files that a repository must not bring into a template or a package: what lies elsewhere on the agent, Git's own, pipes and devices; and
//! secrets that a script holds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use image_builder::secret::Secret;

use crate::job::{Job, job};
use crate::problems::problems;

const OUT: &str = "copy the file to the sources folder ('Build.SourcesDirectory') or the working folder of the job";

/// The usual job, whose working folder is `work` beside other folders; the template file is `work/image.yml`, the package `work/webapp`.
fn job_with(text: &str) -> Job {
    let mut job = job();
    let work = job.path("work");
    fs::create_dir_all(work.join("webapp")).unwrap();
    fs::write(work.join("webapp/install.sh"), "echo 1\n").unwrap();
    fs::create_dir_all(job.path("other")).unwrap();
    fs::write(job.path("other/secrets.sh"), "echo hunter2\n").unwrap();
    fs::write(work.join("image.yml"), text).unwrap();
    job.given.working_directory = work;
    job.input("packagePath", "webapp")
        .input("templateFile", "image.yml")
}

fn script(path: &str) -> String {
    format!("customize:\n- type: Shell\n  scriptPath: {path}\n")
}

fn outside(place: &str, named: &str, real: &str) -> String {
    let leads = if named == real {
        String::new()
    } else {
        format!("leads to '{real}', which ")
    };
    format!(
        "AIB109 Input 'templateFile': image.yml, line 3, {place}: '{named}' {leads}is outside the sources folder and the working folder of the job; the task does not read it\nhint: {OUT}, or into the folder of the package"
    )
}

#[test]
fn a_script_elsewhere_on_the_agent_is_refused() {
    let job = job_with(&script("../other/secrets.sh"));
    let named = "{dir}/other/secrets.sh";
    let expected = outside("customize[0].scriptPath", named, named);
    assert_eq!(problems(&job), [expected]);

    // Whether it exists is not told either.
    let job = job_with(&script("../other/none.sh"));
    let named = "{dir}/other/none.sh";
    let expected = outside("customize[0].scriptPath", named, named);
    assert_eq!(problems(&job), [expected]);

    let own = format!("/proc/{}/environ", std::process::id());
    let job = job_with(&script("../../../../../../../../proc/self/environ"));
    let expected = outside("customize[0].scriptPath", "/proc/self/environ", &own);
    assert_eq!(problems(&job), [expected]);
}

#[test]
fn links_are_followed_before_it_is_judged_where_a_file_lies() {
    for (link, target, path) in [
        ("link.sh", "../other/secrets.sh", "link.sh"),
        ("folder", "../other", "folder/secrets.sh"),
    ] {
        let job = job_with(&script(path));
        symlink(target, job.path("work").join(link)).unwrap();
        let named = format!("{{dir}}/work/{path}");
        let expected = outside("customize[0].scriptPath", &named, "{dir}/other/secrets.sh");
        assert_eq!(problems(&job), [expected]);
    }
    // The folders of the job can be links themselves, and links inside of them lead nowhere else.
    let mut job = job_with(&script("link.sh"));
    symlink("webapp/install.sh", job.path("work/link.sh")).unwrap();
    symlink("work", job.path("alias")).unwrap();
    assert!(job.plan().is_ok());
    job.given.working_directory = job.path("alias");
    assert!(job.plan().is_ok());
    let by_real_name = job.path("work/image.yml").display().to_string();
    assert!(job.input("templateFile", &by_real_name).plan().is_ok());
}

#[test]
fn the_sources_folder_and_the_package_count_as_well() {
    let mut job = job_with(&script("../other/secrets.sh"));
    assert!(job.plan().is_err());
    job.given.sources_directory = Some(job.path("other"));
    assert!(job.plan().is_ok());

    let text =
        "customize:\n- type: File\n  sourcePath: ../other/secrets.sh\n  destination: /tmp/x\n";
    let job = job_with(text);
    let named = "{dir}/other/secrets.sh";
    let expected = outside("customize[0].sourcePath", named, named);
    assert_eq!(problems(&job), [expected]);
    assert!(job.input("packagePath", "../other").plan().is_ok());
}

#[test]
fn validators_are_bound_alike() {
    let job = job_with(
        "validate:\n  inVMValidations: [{type: Shell,\n    scriptPath: ../other/secrets.sh}]\n",
    );
    let named = "{dir}/other/secrets.sh";
    let expected = outside("validate.inVMValidations[0].scriptPath", named, named);
    assert_eq!(problems(&job), [expected]);
}

#[test]
fn what_git_keeps_for_itself_is_not_read() {
    let job = job_with(&script("sub/.GIT/config"));
    fs::create_dir_all(job.path("work/sub/.GIT")).unwrap();
    fs::write(job.path("work/sub/.GIT/config"), "x").unwrap();
    let expected = format!(
        "AIB109 Input 'templateFile': image.yml, line 3, customize[0].scriptPath: '{{dir}}/work/sub/.GIT/config' is one of Git's own files, which can contain credentials of the checkout; the task does not read it\nhint: {OUT}, or into the folder of the package"
    );
    assert_eq!(problems(&job), [expected]);
}

#[test]
fn the_pipelines_author_names_a_file_or_folder_anywhere_and_the_repository_does_not() {
    // A downloaded artifact, beside which its scripts lie.
    let job = job_with("");
    fs::write(job.path("other/image.yml"), script("secrets.sh")).unwrap();
    let job = job.input("templateFile", "../other/image.yml");
    assert!(job.plan().is_ok(), "{:?}", job.plan());
    fs::write(job.path("other/image.yml"), script("../x.sh")).unwrap();
    fs::write(job.path("x.sh"), "echo 1\n").unwrap();
    let expected = outside("customize[0].scriptPath", "{dir}/x.sh", "{dir}/x.sh");
    assert_eq!(problems(&job), [expected]);

    let job = job_with("").input("templateFile", "link.yml");
    fs::write(job.path("other/image.yml"), script("secrets.sh")).unwrap();
    symlink("../other/image.yml", job.path("work/link.yml")).unwrap();
    let expected = format!(
        "AIB109 Input 'templateFile': '{{dir}}/work/link.yml' leads to '{{dir}}/other/image.yml', which is outside the sources folder and the working folder of the job; the task does not read it\nhint: name the file itself, not a link to it; or {OUT}"
    );
    assert_eq!(problems(&job), [expected]);

    let job = job_with("").input("packagePath", "drop");
    let job = job.input("templateFile", "");
    symlink("../other", job.path("work/drop")).unwrap();
    let expected = "AIB104 Input 'packagePath': '{dir}/work/drop' leads to '{dir}/other', which is outside the sources folder and the working folder of the job; the task does not read it\nhint: to upload that folder on purpose, set 'packagePath' to its path instead of a link";
    assert_eq!(problems(&job), [expected]);
    assert!(job.input("packagePath", "../other").plan().is_ok());
}

#[test]
fn nobody_waits_for_a_pipe() {
    let pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let job = job_with("").input("templateFile", "pipe");
    pipe(&job.path("work/pipe"));
    let expected =
        "AIB109 Input 'templateFile': '{dir}/work/pipe' cannot be read: it is not a regular file";
    assert_eq!(problems(&job), [expected]);
    let job = job_with(&script("pipe"));
    pipe(&job.path("work/pipe"));
    let expected = "AIB109 Input 'templateFile': image.yml, line 3, customize[0].scriptPath: '{dir}/work/pipe' is not a regular file; expected a script or another file";
    assert_eq!(problems(&job), [expected]);
}

#[test]
fn a_template_file_without_an_end_is_not_read() {
    let job = job_with("");
    let file = fs::File::create(job.path("work/image.yml")).unwrap();
    file.set_len(1 << 40).unwrap();
    let expected = "AIB109 Input 'templateFile': '{dir}/work/image.yml' cannot be read: it has more than 4194304 bytes";
    assert_eq!(problems(&job), [expected]);
}

const KEY_VAULT: &str = "hint: let the build VM read the secret from a key vault with its own managed identity (input 'buildVmIdentities'); if the value is not confidential, do not make the variable secret";

fn exposed(input: &str, secret: &str) -> String {
    format!(
        "AIB110 Input '{input}the script contains {secret}; everybody with read permission on the image template could read it\n{KEY_VAULT}"
    )
}

#[test]
fn a_script_that_holds_a_secret_is_refused() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----\n";
    let key = |job: Job| {
        job.connection(|connection| {
            let parameters = &mut connection.parameters;
            parameters.insert("serviceprincipalcertificate".to_owned(), pem.to_owned());
        })
    };
    for (word, secret) in [
        ("hunter2-hunter2", "the value of a secret variable"),
        ("a-client-secret", "a secret of the service connection"),
        ("MIIEvQIBADAN", "a secret of the service connection"),
        ("job-token", "the token of this job"),
    ] {
        let check = |job: Job, expected: String| {
            let mut job = key(job);
            job.given.secrets = vec![Secret::new("hunter2-hunter2", &job.masked)];
            assert_eq!(problems(&job), [expected], "{word}");
        };
        check(
            job().input("inlineScript", &format!("curl -H 'key: {word}'")),
            exposed("inlineScript': ", secret),
        );
        let validated = job().input("enableValidation", "true");
        check(
            validated.input("validationInlineScript", &format!("test x = {word}")),
            exposed("validationInlineScript': ", secret),
        );
        let in_file = job_with(&script("webapp/a.sh"));
        fs::write(in_file.path("work/webapp/a.sh"), format!("x {word}\n")).unwrap();
        check(in_file, exposed("templateFile': customize[0]: ", secret));
        let validator = format!(
            "validate:\n  inVMValidations:\n  - type: Shell\n    inline: ['echo {word}']\n"
        );
        check(
            job_with(&validator),
            exposed("templateFile': validate.inVMValidations[0]: ", secret),
        );
    }
}

/// As the agent hands things over: nothing of the process's own environment gets into a template.
#[test]
fn the_environment_of_the_job_is_no_script() {
    let job = job_with(&script("environ"));
    let environment = "ENDPOINT_AUTH_PARAMETER_X_SERVICEPRINCIPALKEY=a-client-secret\0PATH=/bin\0";
    fs::write(job.path("work/environ"), environment).unwrap();
    let expected = exposed(
        "templateFile': customize[0]: ",
        "a secret of the service connection",
    );
    assert_eq!(problems(&job), [expected]);
}
