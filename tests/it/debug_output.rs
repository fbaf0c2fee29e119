//! `{:?}` of what holds a secret: someone will print it one day.

use std::fmt::Debug;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use image_builder::agent::{Agent, Console, Environment};
use image_builder::arm::client::Call;
use image_builder::arm::operation::Started;
use image_builder::secret::Secret;

use crate::job::{Masked, job};

const ID: &str = "c0ffee00-0000-4000-8000-000000000001";
const VALUE: &str = "hunter2-hunter2";

fn check(what: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(text.len() > 8, "{what} prints nothing: {text}");
        for secret in [VALUE, "a-client-secret", "job-token"] {
            assert!(!text.contains(secret), "{what} prints a secret: {text}");
        }
    }
}

#[test]
fn what_the_agent_gives() {
    let variables = [
        (
            format!("ENDPOINT_AUTH_PARAMETER_{ID}_SERVICEPRINCIPALKEY"),
            VALUE,
        ),
        (format!("ENDPOINT_DATA_{ID}_SPNOBJECTID"), VALUE),
        (
            "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN".to_owned(),
            VALUE,
        ),
        ("SECRET_MY_KEY".to_owned(), VALUE),
    ];
    let environment = || {
        Environment::new(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
    };
    check("Environment", &environment());
    check("Endpoint", &environment().endpoint(ID).unwrap());
    let agent = Agent::new(environment(), Console::new(&environment(), std::io::sink()));
    check("Agent", &agent);
    check("the job's token", &agent.job_token());
}

#[test]
fn what_is_made_of_it() {
    let job = job();
    check("RawConnection", &job.given.connection);
    check("RawInputs", &job.given);
    let plan = job.plan().unwrap();
    check("Connection", &plan.connection);
    check("Plan", &plan);
}

#[test]
fn what_goes_to_azure() {
    let secret = Secret::new(VALUE, &Masked::default());
    let url = format!("https://management.azure.com/x?t={VALUE}");
    let body = serde_json::json!({ "link": VALUE });
    let call = Call::new("Doing something", Method::PUT, url, "scope").json(&body);
    let bearer = HeaderValue::from_str(&format!("Bearer {VALUE}")).unwrap();
    check("Call", &call.header(AUTHORIZATION, bearer));
    let started = Started {
        operation: Some(secret),
        pause: None,
    };
    check("Started", &started);
}
