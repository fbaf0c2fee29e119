//! What uses an image, and how it is found: machines, lists in pages, Resource Graph, lists by tag.

use http::Method;
use serde_json::{Value, json};

use super::scene::Answer;
use super::versions::{Shelf, code, id, version};
use crate::{SceneResource, SceneVersion, Switches};

const POOL: &str = "/providers/Microsoft.DesktopVirtualization/hostPools/hp";

fn group() -> String {
    id("x").split("/providers/").next().unwrap().to_owned()
}

fn machine(name: &str) -> String {
    format!(
        "{}/providers/Microsoft.Compute/virtualMachines/{name}",
        group()
    )
}

/// Three VMs, a scale set and a configuration of session hosts.
fn company(change: impl FnOnce(&mut Switches)) -> Shelf {
    Shelf::new(|switches, world| {
        change(switches);
        let definition = id("x").replace("/versions/x", "");
        world.resources = vec![
            SceneResource::virtual_machine(machine("a"), "westeurope", &id("1.0.0"), Some("1.0.0")),
            SceneResource::virtual_machine(
                machine("b"),
                "westeurope",
                &definition.to_uppercase(),
                Some("1.0.0"),
            ),
            SceneResource::virtual_machine(
                machine("c"),
                "westeurope",
                &format!("{definition}-old/versions/1.0.0"),
                None,
            ),
            SceneResource::scale_set(
                format!(
                    "{}/providers/Microsoft.Compute/virtualMachineScaleSets/set",
                    group()
                ),
                "westeurope",
                &definition,
            ),
            SceneResource::session_hosts(
                format!("{}{POOL}/sessionHostConfigurations/default", group()),
                &id("1.0.0"),
            ),
        ];
    })
}

fn query(shelf: &Shelf, text: &str, options: &Value) -> Answer {
    let url = "https://management.azure.emulator/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let body = json!({"query": text, "options": options});
    shelf.scene.send(Method::POST, url, Some(&body))
}

/// The query that asks who uses the versions of a definition.
fn users(shelf: &Shelf) -> Vec<Value> {
    let definition = id("x").replace("/versions/x", "");
    let text = format!(
        "resources | where type in~ (\"microsoft.compute/virtualmachines\", \"microsoft.compute/virtualmachinescalesets\")
        | extend i = coalesce(properties.storageProfile.imageReference, properties.virtualMachineProfile.storageProfile.imageReference)
        | where tolower(tostring(i.id)) startswith tolower(\"{definition}\")
        | project id, type, image = tostring(i.id), exact = tostring(i.exactVersion)"
    );
    let answer = query(
        shelf,
        &text,
        &json!({"resultFormat": "objectArray", "$top": 1000}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["data"].as_array().unwrap().clone()
}

#[test]
fn who_uses_a_version_is_found_by_query() {
    let shelf = company(|_| {});
    let rows = users(&shelf);
    // `startswith` takes the definition whose name goes on as well.
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["id"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["a", "b", "c", "set"]);
    let first = json!({"id": machine("a"), "type": "microsoft.compute/virtualmachines", "image": id("1.0.0"), "exact": "1.0.0"});
    assert_eq!(rows[0], first);
    assert_eq!(rows[3]["exact"], "");
}

#[test]
fn the_graph_is_behind() {
    let shelf = company(|_| {});
    let new =
        SceneResource::virtual_machine(machine("new"), "westeurope", &id("1.0.0"), Some("1.0.0"));
    shelf.scene.cloud.put_resource(new);
    shelf.scene.cloud.remove_resource(&machine("a"));
    let names = || -> Vec<String> {
        let rows = users(&shelf).into_iter();
        rows.map(|row| {
            row["id"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
    };
    assert_eq!(names(), ["a", "b", "c", "set"]);
    let list = shelf.scene.get(&list_url("virtualMachines")).body;
    let live: Vec<&str> = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vm| vm["name"].as_str().unwrap())
        .collect();
    assert_eq!(live, ["b", "c", "new"]);
    shelf.scene.wait(30);
    assert_eq!(names(), ["b", "c", "new", "set"]);
}

fn list_url(kind: &str) -> String {
    let subscription = group().split("/resourceGroups/").next().unwrap().to_owned();
    format!(
        "https://management.azure.emulator{subscription}/providers/Microsoft.Compute/{kind}?api-version=2024-07-01"
    )
}

#[test]
fn pages_of_the_graph_follow_their_token() {
    for truncates in [false, true] {
        let shelf = company(|on| on.graph_pages_are_truncated = truncates);
        let text = "Resources | where type =~ 'Microsoft.Compute/virtualMachines' | order by name desc | project id, name";
        let first = query(&shelf, text, &json!({"$top": 2})).body;
        assert_eq!(
            (&first["totalRecords"], &first["count"]),
            (&json!(3), &json!(2))
        );
        assert_eq!(first["resultTruncated"], truncates.to_string());
        assert_eq!(first["data"][0]["name"], "c");
        let second = query(&shelf, text, &json!({"$skipToken": first["$skipToken"]})).body;
        assert_eq!(
            (&second["data"][0]["name"], second.get("$skipToken")),
            (&json!("a"), None)
        );
        assert_eq!(second["resultTruncated"], "false");
        // Without an id there is no way from page to page.
        let names = query(&shelf, "resources | project name", &json!({"$top": 2})).body;
        assert_eq!(
            (&names["resultTruncated"], names.get("$skipToken")),
            (&json!("true"), None)
        );
    }
}

#[test]
fn too_many_queries_are_throttled() {
    let shelf = company(|on| on.graph_quota = 2);
    let ask = || query(&shelf, "resources | count", &json!({}));
    assert_eq!(ask().header("x-ms-user-quota-remaining"), Some("1"));
    assert_eq!(ask().status, 200);
    let refused = ask();
    assert_eq!(code(&refused), (429, "RateLimiting".to_owned()));
    assert_eq!(
        refused.header("x-ms-user-quota-resets-after"),
        Some("00:00:05")
    );
    shelf.scene.wait(5);
    assert_eq!(ask().status, 200);
}

#[test]
fn queries_are_read_like_kusto() {
    let shelf = company(|on| on.graph_quota = 100);
    let check = |text: &str, expected: Value| {
        let answer = query(
            &shelf,
            &format!("resources | where id contains '/virtualMachines/' | {text}"),
            &json!({}),
        );
        assert_eq!(answer.body["data"], expected, "{text}: {}", answer.text);
    };
    check("where name == 'a' | project name", json!([{"name": "a"}]));
    check("where name == 'A' | project name", json!([]));
    check(
        "where name =~ 'A' or not(name != \"b\") | project name",
        json!([{"name": "a"}, {"name": "b"}]),
    );
    check(
        "where name !in ('a', 'b') | project n = toupper(name)",
        json!([{"n": "C"}]),
    );
    check(
        "where tostring(properties['storageProfile'].imageReference['id']) !endswith '/1.0.0' | project name",
        json!([{"name": "b"}]),
    );
    check(
        "summarize n = count() by location",
        json!([{"location": "westeurope", "n": 3}]),
    );
    check("count", json!([{"Count": 3}]));
    check("distinct type | project-away type", json!([{}]));
    check(
        "take 1 // one\n | project split(id, '/')[1], x = iff(isempty(tags.a), 1, 2)",
        json!([{"Column1": "subscriptions", "x": 1.0}]),
    );
    check(
        "where id has 'virtualMachines' and id !has 'virtual' | count",
        json!([{"Count": 3}]),
    );
    for wrong in [
        "resources | where nosuch == 1",
        "resources | mv-expand x",
        "resources | where",
        "machines",
        "resources | project f(id)",
    ] {
        let answer = query(&shelf, wrong, &json!({}));
        assert_eq!(code(&answer), (400, "BadRequest".to_owned()), "{wrong}");
    }
    let table = query(
        &shelf,
        "resources | where name == 'a' | project name",
        &json!({"resultFormat": "table"}),
    );
    assert_eq!(
        table.body["data"],
        json!({"columns": [{"name": "name", "type": "string"}], "rows": [["a"]]})
    );
    assert_eq!(
        code(&query(&shelf, "resources", &json!({"$top": 1001}))),
        (400, "BadRequest".to_owned())
    );
}

#[test]
fn templates_and_copies_are_found_by_query() {
    let shelf = company(|_| {});
    assert_eq!(shelf.scene.put(&shelf.scene.body()).status, 201);
    let copy = SceneVersion {
        body: json!({"location": "westeurope", "tags": {"copiedFrom": id("1.0.0")}}),
        ..version("3.0.0", json!({}))
    };
    shelf.scene.cloud.put_image_version(&copy);
    shelf.scene.wait(30);
    let templates = "resources | where type =~ 'microsoft.virtualmachineimages/imagetemplates' | project name, s = properties.source.sku";
    assert_eq!(
        query(&shelf, templates, &json!({})).body["data"],
        json!([{"name": "web", "s": "18.04-LTS"}])
    );
    let copies = format!(
        "resources | where tostring(tags.copiedFrom) =~ '{}' | project id",
        id("1.0.0")
    );
    assert_eq!(
        query(&shelf, &copies, &json!({})).body["data"],
        json!([{"id": id("3.0.0")}])
    );
}

#[test]
fn lists_come_in_pages() {
    let shelf = company(|on| on.compute_page_size = 2);
    let first = shelf.scene.get(&list_url("virtualMachines")).body;
    assert_eq!(first["value"].as_array().unwrap().len(), 2);
    let second = shelf.scene.get(first["nextLink"].as_str().unwrap()).body;
    assert_eq!(
        (&second["value"][0]["name"], second.get("nextLink")),
        (&json!("c"), None)
    );
    let sets = shelf.scene.get(&list_url("virtualMachineScaleSets")).body;
    assert_eq!(
        sets["value"][0]["properties"]["provisioningState"],
        "Succeeded"
    );
    for number in ["1.0.1", "1.0.2"] {
        shelf
            .scene
            .cloud
            .put_image_version(&version(number, json!({})));
    }
    let first = shelf.scene.get(&shelf.url("/versions")).body;
    let second = shelf.scene.get(first["nextLink"].as_str().unwrap()).body;
    assert_eq!(second["value"][0]["name"], "1.0.2");
}

#[test]
fn configurations_of_session_hosts_are_read_with_previews_alone() {
    let shelf = company(|_| {});
    let get = |rest: &str, api: &str| {
        let url = shelf.scene.url(&format!("{POOL}{rest}"));
        shelf.scene.get(&url.replace(super::scene::VERSION, api))
    };
    let known = get("/sessionHostConfigurations/default", "2025-04-01-preview");
    assert_eq!(
        known.body["properties"]["imageInfo"]["customInfo"]["resourceId"],
        id("1.0.0")
    );
    let missing = get(
        "/activeSessionHostConfigurations/default",
        "2025-04-01-preview",
    );
    assert_eq!(code(&missing), (404, "404".to_owned()));
    let stable = get("/sessionHostConfigurations/default", "2025-10-10");
    assert_eq!(code(&stable), (400, "NoRegisteredProviderFound".to_owned()));
}

#[test]
fn resources_are_listed_by_tag() {
    for with_tags in [false, true] {
        let shelf = company(|on| on.tags_in_lists_by_tag = with_tags);
        let tagged = SceneVersion {
            body: json!({"location": "westeurope", "tags": {"imageBuilderRun": "c/p/1"}}),
            ..version("3.0.0", json!({}))
        };
        shelf.scene.cloud.put_image_version(&tagged);
        let list = |filter: &str| {
            let subscription = group().split("/resourceGroups/").next().unwrap().to_owned();
            let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
            shelf.scene.get(&format!("https://management.azure.emulator{subscription}/resources?$filter={filter}&api-version=2021-04-01"))
        };
        let found = list("tagName eq 'imagebuilderrun' and tagValue eq 'c/p/1'").body;
        let mut expected = json!([{
            "id": id("3.0.0"), "name": "galContoso/ubuntu-2404/3.0.0",
            "type": "Microsoft.Compute/galleries/images/versions", "location": "westeurope",
        }]);
        if with_tags {
            expected[0]["tags"] = json!({"imageBuilderRun": "c/p/1"});
        }
        assert_eq!(found["value"], expected);
        assert_eq!(
            list("tagName eq 'imageBuilderRun' and tagValue eq 'C/P/1'").body["value"],
            json!([])
        );
        let typed = list("resourceType eq 'Microsoft.Compute/galleries/images/versions'").body;
        assert_eq!(
            typed["value"][1]["tags"],
            json!({"imageBuilderRun": "c/p/1"})
        );
        assert_eq!(
            code(&list("tagValue eq 'x'")),
            (400, "InvalidFilterInQueryString".to_owned())
        );
    }
}
