//! Host pools: what they show, users, limits, tokens; and the estate that the tests of updates have in common.

use http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::scene::{Answer, Scene};
use super::versions::code;
use crate::{Addresses, ListScope, MissingToken, Switches, World};

pub(super) const PREVIEW: &str = "2026-04-01-preview";
pub(super) const STABLE: &str = "2025-10-10";
pub(super) const MINUTE: i64 = 60;

/// Contoso with its two host pools.
pub(super) struct Estate {
    pub(super) scene: Scene,
}

/// The id of a version of `win11-avd`.
pub(super) fn version(number: &str) -> String {
    let world = World::contoso(Addresses::in_process());
    format!(
        "{}/providers/Microsoft.Compute/galleries/galContoso/images/win11-avd/versions/{number}",
        world.group_id("rg-images")
    )
}

impl Estate {
    pub(super) fn new(change: impl FnOnce(&mut Switches, &mut World)) -> Self {
        let mut world = World::contoso(Addresses::in_process()).with_host_pools();
        let mut switches = Switches::default();
        change(&mut switches, &mut world);
        let scene = Scene::with_world(switches, world);
        Self { scene }
    }

    pub(super) fn group(&self) -> String {
        self.scene.group.replace("rg-images", "rg-avd")
    }

    pub(super) fn pool(&self, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.DesktopVirtualization/hostPools/{name}",
            self.group()
        )
    }

    pub(super) fn production(&self) -> String {
        self.pool("hp-production")
    }

    pub(super) fn ask(&self, method: Method, path: &str, api: &str, body: &Value) -> Answer {
        let sign = if path.contains('?') { '&' } else { '?' };
        let url = format!("https://management.azure.emulator{path}{sign}api-version={api}");
        let body = Some(body).filter(|body| !body.is_null());
        self.scene.send(method, &url, body)
    }

    pub(super) fn get(&self, rest: &str) -> Answer {
        let path = format!("{}{rest}", self.production());
        self.ask(Method::GET, &path, PREVIEW, &Value::Null)
    }

    pub(super) fn status(&self) -> Value {
        self.get("/sessionHostManagements/default/sessionHostUpdateStatuses/default")
            .body
    }

    pub(super) fn initiate(&self, body: &Value) -> Answer {
        let path = format!(
            "{}/sessionHostManagements/default/initiateSessionHostUpdate",
            self.production()
        );
        self.ask(Method::POST, &path, PREVIEW, body)
    }

    pub(super) fn control(&self, action: &str) -> Answer {
        let path = format!(
            "{}/sessionHostManagements/default/controlSessionHostUpdate",
            self.production()
        );
        self.ask(Method::POST, &path, PREVIEW, &json!({"action": action}))
    }

    pub(super) fn configure(&self, image: &Value) -> Answer {
        let path = format!("{}/sessionHostConfigurations/default", self.production());
        let body = json!({"properties": {"imageInfo": image}});
        self.ask(Method::PATCH, &path, PREVIEW, &body)
    }

    /// With the configuration of version 1.0.1.
    pub(super) fn configured(change: impl FnOnce(&mut Switches, &mut World)) -> Self {
        let estate = Self::new(change);
        let answer = estate.configure(&custom("1.0.1"));
        assert_eq!(answer.status, 202, "{}", answer.text);
        estate.scene.wait(60);
        estate
    }

    /// With an update that has begun to work.
    pub(super) fn updating(change: impl FnOnce(&mut Switches, &mut World)) -> Self {
        let estate = Self::configured(change);
        let answer = estate.initiate(&json!({"update": settings(2)}));
        assert_eq!(answer.status, 204, "{}", answer.text);
        estate.scene.wait(50);
        estate
    }

    pub(super) fn images(&self) -> Vec<String> {
        let hosts = self.scene.cloud.session_hosts(&self.production());
        let number = |image: &str| image.rsplit('/').next().unwrap().to_owned();
        hosts.iter().map(|host| number(&host.image)).collect()
    }
}

pub(super) fn custom(number: &str) -> Value {
    json!({"type": "Custom", "customInfo": {"resourceId": version(number)}})
}

pub(super) fn settings(most: u32) -> Value {
    json!({"deleteOriginalVm": true, "maxVmsRemoved": most, "logOffDelayMinutes": 5, "logOffMessage": "Save your work."})
}

pub(super) fn faults(status: &Value) -> Vec<String> {
    let text = status["error"]["message"].as_str().unwrap();
    let faults: Value = serde_json::from_str(text).unwrap();
    let faults = faults.as_array().unwrap().iter();
    let codes = faults.map(|fault| fault["faultCode"].as_str().unwrap().to_owned());
    codes.collect()
}

#[test]
fn the_kind_of_a_pool_shows_with_previews_alone() {
    let estate = Estate::new(|_, _| {});
    let kind = |name: &str, api: &str| {
        let pool = estate.ask(Method::GET, &estate.pool(name), api, &Value::Null);
        assert_eq!(pool.body["properties"]["hostPoolType"], "Pooled");
        pool.body["properties"]["managementType"].clone()
    };
    assert_eq!(kind("hp-production", PREVIEW), "Automated");
    assert_eq!(kind("hp-staging", PREVIEW), "Standard");
    assert_eq!(kind("hp-production", STABLE), Value::Null);
    let list = format!(
        "{}/providers/Microsoft.DesktopVirtualization/hostPools",
        estate.group()
    );
    let pools = estate.ask(Method::GET, &list, STABLE, &Value::Null).body;
    assert_eq!(pools["value"].as_array().unwrap().len(), 2);
    let missing = estate.ask(Method::GET, &estate.pool("hp-none"), STABLE, &Value::Null);
    assert_eq!(missing.status, 404);
}

#[test]
fn ten_lists_in_five_minutes_are_answered() {
    let list = |estate: &Estate, pool: &str| {
        let path = format!("{}/sessionHosts", estate.pool(pool));
        estate.ask(Method::GET, &path, STABLE, &Value::Null)
    };
    let check = |scope: ListScope, other: u16| {
        let estate = Estate::new(|on, _| on.desktops.host_list_scope = scope);
        for left in (0..10).rev() {
            let answer = list(&estate, "hp-production");
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("x-rate-limit-limit"), Some("5m"));
            let remaining = answer.header("x-rate-limit-remaining");
            assert_eq!(remaining, Some(left.to_string().as_str()));
            estate.scene.wait(10);
        }
        let refused = list(&estate, "hp-production");
        assert_eq!(code(&refused), (429, "429".to_owned()));
        assert_eq!(refused.header("retry-after"), Some("201"));
        assert_eq!(refused.header("x-rate-limit-remaining"), Some("0"));
        assert_eq!(list(&estate, "hp-staging").status, other);
        // One host can still be looked at.
        assert_eq!(estate.get("/sessionHosts/avd-0").status, 200);
        estate.scene.wait(201);
        assert_eq!(list(&estate, "hp-production").status, 200);
    };
    check(ListScope::Pool, 200);
    check(ListScope::Caller, 429);
    check(ListScope::Subscription, 429);
    let estate = Estate::new(|on, _| on.desktops.host_lists = 1);
    assert_eq!(list(&estate, "hp-staging").status, 200);
    assert_eq!(list(&estate, "hp-staging").status, 429);
}

#[test]
fn hosts_come_in_pages() {
    let estate = Estate::new(|on, _| on.desktops.host_page_size = 3);
    let path = format!("{}/sessionHosts", estate.production());
    let first = estate.ask(Method::GET, &path, STABLE, &Value::Null).body;
    assert_eq!(first["value"].as_array().unwrap().len(), 3);
    let second = estate.scene.get(first["nextLink"].as_str().unwrap()).body;
    assert_eq!(second["value"][0]["name"], "hp-production/avd-3");
    assert_eq!(second.get("nextLink"), None);
    let machine = second["value"][0]["properties"]["resourceId"]
        .as_str()
        .unwrap();
    let one = estate
        .ask(
            Method::GET,
            &format!("{path}?vmPath={machine}"),
            PREVIEW,
            &Value::Null,
        )
        .body;
    assert_eq!(one["value"].as_array().unwrap().len(), 1);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_host_says_what_the_scene_or_its_machine_makes_of_it() {
    let estate = Estate::new(|_, _| {});
    let host = || estate.get("/sessionHosts/avd-1").body["properties"].clone();
    let usual = host();
    assert_eq!(
        (&usual["status"], &usual["sessions"]),
        (&json!("Available"), &json!(1))
    );
    assert_eq!(usual["lastHeartBeat"], "2025-04-30T06:06:29.73Z");
    let pool = estate.production();
    assert!(
        estate
            .scene
            .cloud
            .change_session_host(&pool, "avd-1", |host| {
                host.status = Some("NeedsAssistance".to_owned());
                host.last_heartbeat = Some(time::macros::datetime!(2025-04-29 00:00 UTC));
                host.checks.push(crate::HealthCheck {
                    name: "DomainTrustCheck".to_owned(),
                    result: "HealthCheckFailed".to_owned(),
                    message: "no trust".to_owned(),
                });
            })
    );
    let ill = host();
    assert_eq!(
        (&ill["status"], &ill["lastHeartBeat"]),
        (&json!("NeedsAssistance"), &json!("2025-04-29T00:00:00Z"))
    );
    let checks = ill["sessionHostHealthCheckResults"].as_array().unwrap();
    let failing: Vec<&Value> = checks
        .iter()
        .filter(|check| check["healthCheckResult"] == "HealthCheckFailed")
        .collect();
    assert_eq!(failing.len(), 1);
    assert_eq!(
        failing[0]["additionalFailureDetails"]["message"],
        "no trust"
    );
    assert!(
        !estate
            .scene
            .cloud
            .change_session_host(&pool, "avd-9", |_| {})
    );
    // Nobody signs in where no host takes sessions.
    for name in ["avd-0", "avd-2", "avd-3"] {
        estate
            .scene
            .cloud
            .change_session_host(&pool, name, |host| host.allow_new_session = false);
    }
    assert_eq!(
        estate.scene.cloud.sign_in(&pool, "new@contoso.example"),
        None
    );
    estate
        .scene
        .cloud
        .change_session_host(&pool, "avd-1", |host| host.status = None);
    assert_eq!(
        estate
            .scene
            .cloud
            .sign_in(&pool, "new@contoso.example")
            .as_deref(),
        Some("avd-1")
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn users_are_told_disconnected_and_signed_out() {
    let estate = Estate::new(|_, _| {});
    let sessions = || {
        let path = format!("{}/userSessions", estate.production());
        estate.ask(Method::GET, &path, STABLE, &Value::Null).body["value"]
            .as_array()
            .unwrap()
            .clone()
    };
    assert_eq!(sessions().len(), 5);
    let id = sessions()[0]["id"].as_str().unwrap().to_owned();
    let post =
        |rest: &str, body: &Value| estate.ask(Method::POST, &format!("{id}{rest}"), STABLE, body);
    let sent = post(
        "/sendMessage",
        &json!({"messageTitle": "Update", "messageBody": "Save your work."}),
    );
    assert_eq!(
        (sent.status, sent.header("content-length")),
        (200, Some("0"))
    );
    let message = estate.scene.cloud.messages()[0].clone();
    assert_eq!(
        (
            message.user.as_str(),
            message.title.as_str(),
            message.text.as_str()
        ),
        ("user1@contoso.example", "Update", "Save your work.")
    );
    assert_eq!(post("/sendMessage", &json!({"message": "x"})).status, 400);
    assert_eq!(post("/disconnect", &Value::Null).status, 200);
    let filtered = format!(
        "{}/userSessions?$filter=sessionState%20eq%20'Disconnected'",
        estate.production()
    );
    let disconnected = estate
        .ask(Method::GET, &filtered, STABLE, &Value::Null)
        .body;
    assert_eq!(disconnected["value"].as_array().unwrap().len(), 1);
    assert_eq!(
        estate
            .ask(
                Method::DELETE,
                &format!("{id}?force=true"),
                STABLE,
                &Value::Null
            )
            .status,
        204
    );
    assert_eq!(sessions().len(), 4);
    let gone = post(
        "/sendMessage",
        &json!({"messageTitle": "a", "messageBody": "b"}),
    );
    assert_eq!(gone.status, 404);
    assert!(
        gone.body["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with(" Error: User session ID not found")
    );
}

#[test]
fn users_sign_out_by_themselves() {
    let estate = Estate::new(|_, _| {});
    let end = estate.scene.now() + Duration::minutes(10);
    estate
        .scene
        .cloud
        .change_session_host(&estate.production(), "avd-1", |host| {
            host.sessions[0].ends = Some(end);
        });
    let sessions = || estate.get("/sessionHosts/avd-1").body["properties"]["sessions"].clone();
    estate.scene.wait(599);
    assert_eq!(sessions(), 1);
    estate.scene.wait(1);
    assert_eq!(sessions(), 0);
}

#[test]
fn a_host_with_users_is_removed_by_force_alone_and_its_machine_stays() {
    for status in [409, 400] {
        let estate = Estate::new(|on, _| on.desktops.occupied_host_status = status);
        let host = format!("{}/sessionHosts/avd-0", estate.production());
        let delete = |path: &str| {
            estate
                .ask(Method::DELETE, path, STABLE, &Value::Null)
                .status
        };
        assert_eq!(delete(&host), status);
        assert_eq!(delete(&format!("{host}?force=True")), 204);
        let gone = estate.ask(Method::GET, &host, STABLE, &Value::Null);
        assert_eq!(code(&gone), (404, "404".to_owned()));
        assert!(
            gone.body["error"]["message"]
                .as_str()
                .unwrap()
                .ends_with(" Error: SessionHost does not exist")
        );
        assert_eq!(delete(&host), 204);
        let machine = format!(
            "{}/providers/Microsoft.Compute/virtualMachines/avd-0",
            estate.group()
        );
        assert!(estate.scene.cloud.machine_runs(&machine));
    }
}

#[test]
fn a_registration_token_shows_where_it_is_made_and_where_it_is_asked_for() {
    let estate = Estate::new(|_, _| {});
    let pool = estate.pool("hp-staging");
    let post = |action: &str| {
        estate.ask(
            Method::POST,
            &format!("{pool}/{action}"),
            STABLE,
            &Value::Null,
        )
    };
    assert_eq!(post("retrieveRegistrationToken").body["token"], Value::Null);
    let update = |expires: &str| {
        let body = json!({"properties": {"registrationInfo": {"expirationTime": expires, "registrationTokenOperation": "Update"}}});
        estate.ask(Method::PATCH, &pool, STABLE, &body)
    };
    assert_eq!(update("2025-04-30T07:00:00Z").status, 400);
    assert_eq!(update("2025-06-30T07:00:00Z").status, 400);
    let made = update("2025-04-30T10:06:40Z");
    let token = made.body["properties"]["registrationInfo"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        token.len() > 1000 && token.split('.').count() == 3,
        "{token}"
    );
    let shown = estate.ask(Method::GET, &pool, STABLE, &Value::Null);
    assert_eq!(shown.body["properties"]["registrationInfo"], Value::Null);
    assert_eq!(post("retrieveRegistrationToken").body["token"], token);
    assert_eq!(
        post("listRegistrationTokens").body["value"][0]["token"],
        token
    );
    assert_eq!(estate.scene.cloud.registration_tokens(), [token]);
    estate.scene.wait(4 * 3600);
    assert_eq!(post("retrieveRegistrationToken").body["token"], Value::Null);
    let automated = estate.ask(Method::PATCH, &estate.production(), STABLE,
        &json!({"properties": {"registrationInfo": {"expirationTime": "2025-05-01T07:00:00Z", "registrationTokenOperation": "Update"}}}));
    assert_eq!(automated.status, 400);
    let estate = Estate::new(|on, _| on.desktops.missing_token = MissingToken::NotFound);
    let path = format!("{}/retrieveRegistrationToken", estate.pool("hp-staging"));
    assert_eq!(
        estate.ask(Method::POST, &path, STABLE, &Value::Null).status,
        404
    );
}

#[test]
fn pools_are_found_by_query_and_configurations_by_a_switch() {
    for shown in [false, true] {
        let estate = Estate::new(|on, _| on.desktops.configurations_in_graph = shown);
        let ask = |text: &str| {
            let url = "/providers/Microsoft.ResourceGraph/resources";
            let body = json!({"query": text, "options": {"resultFormat": "objectArray"}});
            estate.ask(Method::POST, url, "2021-03-01", &body).body["data"]
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(
            ask("resources | where type =~ 'Microsoft.DesktopVirtualization/hostpools'"),
            2
        );
        let configurations = ask("resources | where type contains 'sessionHostConfigurations'");
        assert_eq!(configurations, usize::from(shown));
    }
}
