use super::*;

use futures::stream;

use crate::storage::testing::{Answer, Scripted, account};

fn created() -> Answer {
    Answer::Status(201, String::new())
}

fn blob() -> BlobRef {
    account()
        .blob("imagebuilder-vststask", "drop/7-1/drop_1.zip")
        .unwrap()
}

const BLOB: &str =
    "https://examplestore.blob.core.windows.net/imagebuilder-vststask/drop/7-1/drop_1.zip";
const CONTAINER: &str =
    "PUT https://examplestore.blob.core.windows.net/imagebuilder-vststask?restype=container";

#[test]
fn a_blob_knows_its_address_and_the_command_that_removes_it() {
    let check = |endpoint: &str, name: &str, url: &str, quoted: &str| {
        let mut account = account();
        account.blob_endpoint = endpoint.parse().unwrap();
        let blob = account.blob("box", name).unwrap();
        assert_eq!(blob.url.as_str(), url);
        let command = format!(
            "az storage blob delete --auth-mode login --account-name examplestore --container-name box --name {quoted}"
        );
        assert_eq!(blob.removal_command("login"), command);
    };
    check("https://h/", "a/b.zip", "https://h/box/a/b.zip", "a/b.zip");
    check(
        "https://h:1/acct/",
        "b.zip",
        "https://h:1/acct/box/b.zip",
        "b.zip",
    );
    check(
        "https://h:1/acct",
        "b.zip",
        "https://h:1/acct/box/b.zip",
        "b.zip",
    );
    check(
        "https://h/",
        "it's 100%/ö&?#+.zip",
        "https://h/box/it%27s%20100%25/%C3%B6%26%3F%23%2B.zip",
        r"'it'\''s 100%/ö&?#+.zip'",
    );
    check("https://h/", "-x", "https://h/box/-x", "'-x'");
}

/// No part of a name leads an HTTP client out of the container.
#[test]
fn what_leads_elsewhere_is_no_blob() {
    let refused = |container: &str, name: &str| {
        let blob = account().blob(container, name);
        assert!(blob.is_err(), "{container} {name}: {blob:?}");
    };
    for name in [
        "",
        "/",
        ".",
        "..",
        "a/..",
        "a/../b",
        "a/./b",
        "../tfstate/prod.tfstate",
        "1234567890123/../../tfstate/prod.tfstate",
        "a//b",
        "/a",
        "a/",
        r"a\..\b",
        r"..\b",
        "a\nb",
        "a/\t../b",
    ] {
        refused("box", name);
    }
    for container in ["", ".", "..", "a/b", "a%2fb", "box?x", "$", "bö", r"a\b"] {
        refused(container, "a");
    }
    for name in ["...", "a/..b", "%2e%2e/a", "a%2f..%2fb", "a/b. ./c"] {
        let blob = account().blob("box", name).unwrap();
        let address = blob.url().as_str();
        assert!(
            address.starts_with("https://examplestore.blob.core.windows.net/box/"),
            "{address}"
        );
        // What is sent is what was meant.
        let encoded = address.rsplit_once("/box/").unwrap().1;
        assert_eq!(encoded, encode(name, PATH));
    }
    assert!(account().blob("$logs", "a").is_ok());
}

#[test]
fn a_blob_that_is_read_from_a_note_is_made_anew() {
    let blob = blob();
    let text = serde_json::to_string(&blob).unwrap();
    let read: BlobRef = serde_json::from_str(&text).unwrap();
    assert_eq!(read, blob);
    for (from, to) in [
        ("drop/7-1/drop_1.zip", "drop/../../other/x"),
        ("\"url\":\"https://", "\"url\":\"https://evil.example/?"),
        (
            "/imagebuilder-vststask/drop",
            "/imagebuilder-vststask/./drop",
        ),
    ] {
        let forged = text.replacen(from, to, 1);
        assert_ne!(forged, text);
        assert!(
            serde_json::from_str::<BlobRef>(&forged).is_err(),
            "{forged}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_are_sent_several_at_a_time_and_each_is_retried_by_itself() {
    let mut troubles = vec![Answer::Refusal(503, "ServerBusy"), Answer::Lost];
    let network = Scripted::new(move |asked| {
        let trouble = if asked.body == "3" {
            troubles.pop()
        } else {
            None
        };
        trouble.unwrap_or_else(created)
    });
    let blocks = stream::iter(0..20).map(|number: usize| Bytes::from(number.to_string()));
    let count = put_blocks(
        &network.client(),
        &blob(),
        blocks,
        &BlockIds::of(None),
        &Progress::default(),
    )
    .await
    .unwrap();
    assert_eq!(count, 20);
    assert_eq!(network.most_in_flight(), BLOCKS_IN_FLIGHT);
    let asked = network.asked();
    assert_eq!(asked.len(), 22);
    for number in 0..20 {
        let body = number.to_string();
        let tries: Vec<_> = asked.iter().filter(|asked| asked.body == body).collect();
        assert_eq!(tries.len(), if number == 3 { 3 } else { 1 });
        let expected = format!(
            "PUT {BLOB}?comp=block&blockid={}",
            BlockIds::of(None).id(number)
        );
        assert!(tries.iter().all(|asked| asked.line() == expected));
        assert_eq!(tries[0].header("x-ms-version"), "2025-05-05");
        assert_eq!(
            tries[0].header("authorization"),
            format!("Bearer token-for-{SCOPE}")
        );
    }
}

#[tokio::test]
async fn a_refused_block_ends_the_upload_and_names_blob_and_container() {
    let network = Scripted::new(|_| Answer::Refusal(403, "AuthorizationFailure"));
    let endless = stream::repeat(Bytes::from_static(b"x"));
    let failure = put_blocks(
        &network.client(),
        &blob(),
        endless,
        &BlockIds::of(None),
        &Progress::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "Uploading blob 'drop/7-1/drop_1.zip' in container 'imagebuilder-vststask' of storage account 'examplestore' failed: Azure refused with AuthorizationFailure (403): No."
    );
    assert!(network.asked().len() <= BLOCKS_IN_FLIGHT);
}

#[test]
fn block_ids_have_one_length_and_need_no_encoding() {
    let ids = [0, 9, 12_345, 49_999].map(|index| BlockIds::of(None).id(index));
    assert!(
        ids.iter()
            .all(|id| id.len() == 12 && encode(id, PART) == *id),
        "{ids:?}"
    );
}

async fn create(answers: Vec<Answer>) -> (Result<(), String>, Vec<String>) {
    let network = Scripted::in_turn(answers);
    let result = create_container(&network.client(), &blob()).await;
    (
        result.map_err(|failure| failure.to_string()),
        network.lines(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_container_that_exists_or_may_exist_is_fine() {
    let check = |answers: Vec<Answer>| async move {
        let count = answers.len();
        let (result, lines) = create(answers).await;
        assert_eq!(result, Ok(()));
        assert_eq!(lines, vec![CONTAINER; count]);
    };
    check(vec![created()]).await;
    check(vec![Answer::Refusal(409, "ContainerAlreadyExists")]).await;
    check(vec![Answer::Refusal(
        403,
        "AuthorizationPermissionMismatch",
    )])
    .await;
    check(vec![
        Answer::Refusal(409, "ContainerBeingDeleted"),
        created(),
    ])
    .await;
    check(vec![
        Answer::Lost,
        Answer::Refusal(409, "ContainerAlreadyExists"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_made_is_reported_in_the_end() {
    let start = tokio::time::Instant::now();
    let deleting = || Answer::Refusal(409, "ContainerBeingDeleted");
    let (result, lines) = create((0..CONTAINER_TRIES).map(|_| deleting()).collect()).await;
    assert_eq!(
        result.unwrap_err(),
        "Creating container 'imagebuilder-vststask' in storage account 'examplestore' failed: Azure refused with ContainerBeingDeleted (409): No."
    );
    assert_eq!(lines.len(), 12);
    assert_eq!(start.elapsed(), Duration::from_secs(110));

    let (result, _) = create(vec![Answer::Refusal(403, "AuthorizationFailure")]).await;
    assert!(result.unwrap_err().contains("AuthorizationFailure"));
}

#[tokio::test(start_paused = true)]
async fn completing_keeps_a_foreign_blob_and_survives_a_lost_answer() {
    let check = |answers: Vec<Answer>, conditions: &'static [&'static str], ok: bool| async move {
        let network = Scripted::in_turn(answers);
        let result = commit(
            &network.client(),
            &blob(),
            (2, &BlockIds::of(None)),
            |call| call,
        )
        .await;
        assert_eq!(result.is_ok(), ok, "{result:?}");
        let asked = network.asked();
        let sent: Vec<_> = asked
            .iter()
            .map(|asked| asked.header("if-none-match"))
            .collect();
        assert_eq!(sent, conditions);
        for asked in &asked {
            assert_eq!(asked.line(), format!("PUT {BLOB}?comp=blocklist"));
            assert_eq!(
                asked.body,
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Latest>MDAwMDAwMDAw</Latest><Latest>MDAwMDAwMDAx</Latest></BlockList>"
            );
        }
    };
    check(vec![created()], &["*"], true).await;
    check(
        vec![Answer::Refusal(409, "BlobAlreadyExists")],
        &["*"],
        false,
    )
    .await;
    check(
        vec![Answer::Refusal(429, "ServerBusy"), created()],
        &["*", "*"],
        true,
    )
    .await;
    check(vec![Answer::Lost, created()], &["*", ""], true).await;
    let busy = || Answer::Refusal(503, "ServerBusy");
    check(vec![busy(), busy(), created()], &["*", "", ""], true).await;
}

#[tokio::test(start_paused = true)]
async fn deleting_takes_snapshots_along_and_accepts_that_the_blob_is_gone() {
    let check = |answers: Vec<Answer>, ok: bool| async move {
        let network = Scripted::in_turn(answers);
        let result = delete(&network.client(), &blob()).await;
        assert_eq!(result.is_ok(), ok, "{result:?}");
        for asked in network.asked() {
            assert_eq!(asked.line(), format!("DELETE {BLOB}"));
            assert_eq!(asked.header("x-ms-delete-snapshots"), "include");
        }
    };
    check(vec![Answer::Status(202, String::new())], true).await;
    check(vec![Answer::Refusal(404, "BlobNotFound")], true).await;
    check(
        vec![Answer::Lost, Answer::Refusal(404, "BlobNotFound")],
        true,
    )
    .await;
    check(
        vec![Answer::Refusal(409, "BlobImmutableDueToPolicy")],
        false,
    )
    .await;
}

#[test]
fn everything_special_is_encoded() {
    assert_eq!(encode("aZ09-._~", PART), "aZ09-._~");
    assert_eq!(
        encode("a b/c?#&+'(é)", PATH),
        "a%20b/c%3F%23%26%2B%27%28%C3%A9%29"
    );
    assert_eq!(encode("sig/+=", PART), "sig%2F%2B%3D");
}
