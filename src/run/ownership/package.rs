//! Which package a template's tag names, and whether it is that template's own. A tag is a text that whoever may change the template may write, and
//! the package is deleted with the permissions of the service connection: so everything in it is proven first.

use serde_json::Value;

use super::NotProven;
use crate::arm::Arm;
use crate::inputs::origin::PackageName;
use crate::resource::ResourceGroupId;
use crate::resource::tag::PACKAGE;
use crate::run::find::FoundTemplate;
use crate::storage::{self, BlobRef, CONTAINER};
use crate::template::model::json;

/// A package that a template's tag names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named<'a> {
    group: &'a str,
    account: &'a str,
    blob: &'a str,
}

/// What the tag of `template` names, if it has one; `others` are all templates of its group, it may be among them.
///
/// Nothing is asked of Azure but where the account is.
pub async fn package(
    arm: &Arm,
    template: &FoundTemplate,
    others: &[FoundTemplate],
) -> Option<Result<BlobRef, NotProven>> {
    let text = template.tags.package.as_deref()?;
    Some(proven(arm, template, others, text).await)
}

async fn proven(
    arm: &Arm,
    template: &FoundTemplate,
    others: &[FoundTemplate],
    text: &str,
) -> Result<BlobRef, NotProven> {
    let named = by_form(template, text).map_err(NotProven::NotOurs)?;
    if let Some(other) = others
        .iter()
        .filter(|other| other.id != template.id)
        .find(|other| names_package(other, named.account, named.blob))
    {
        let reason = format!("image template '{}' names it, too", other.id.name());
        return Err(NotProven::NotOurs(reason));
    }
    let group = ResourceGroupId::new(template.id.subscription(), named.group);
    let account = storage::find_account(arm, &group, named.account)
        .await
        .map_err(|failure| NotProven::Unknown(failure.to_string()))?;
    account
        .blob(CONTAINER, named.blob)
        .map_err(|error| NotProven::NotOurs(error.to_string()))
}

/// The parts of the tag's text, if they are of the form that this task writes, and of the template's own run.
fn by_form<'a>(template: &FoundTemplate, text: &'a str) -> Result<Named<'a>, String> {
    let not_ours = || format!("what its tag '{PACKAGE}' says is not what this task writes");
    let mut parts = text.splitn(3, '/');
    let (Some(group), Some(account), Some(blob)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(not_ours());
    };
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let of_group = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    let is_account = (3..=24).contains(&account.len()) && account.chars().all(letters);
    let is_group = !matches!(group, "" | "." | "..") && group.chars().all(of_group);
    let name = PackageName::read(blob).filter(|_| is_account && is_group);
    let name = name.ok_or_else(not_ours)?;
    let run = template.tags.run.as_deref().unwrap_or_default();
    if !name.is_of_run(run) {
        return Err(format!(
            "it is not of the pipeline run of image template '{}'",
            template.id.name()
        ));
    }
    Ok(Named {
        group,
        account,
        blob,
    })
}

/// Whether `template` names the package `blob` in storage account `account`: by its tag, or by an address in what it runs. Where nobody knows
/// what it runs, it may.
pub fn names_package(template: &FoundTemplate, account: &str, blob: &str) -> bool {
    let by_tag = template.tags.package.as_deref().is_some_and(|text| {
        let mut parts = text.splitn(3, '/').skip(1);
        let of_account = parts
            .next()
            .is_some_and(|it| it.eq_ignore_ascii_case(account));
        of_account && parts.next() == Some(blob)
    });
    by_tag
        || match &template.template.definition {
            None => true,
            Some(definition) => {
                let customize = json(&definition.properties.customize);
                let validate = json(&definition.properties.validate);
                has_address(&customize, blob) || has_address(&validate, blob)
            }
        }
}

/// Whether a text of `part` has the address of `blob`. Scripts quote it, and clients write it with more or fewer characters encoded.
fn has_address(part: &Value, blob: &str) -> bool {
    match part {
        Value::String(text) => {
            let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
            let place = format!("{CONTAINER}/{blob}");
            plain.contains(&place) || plain.contains(&place.replace('\'', "''"))
        }
        Value::Array(all) => all.iter().any(|one| has_address(one, blob)),
        Value::Object(members) => members.values().any(|one| has_address(one, blob)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::template_state::Template;
    use crate::resource::ResourceGroupId;
    use crate::run::find::template_id;
    use serde_json::json;

    const RUN: &str = "c/p/4711";
    const OURS: &str = "rg-images/stcontosoimages/web app/4711-17/web app_17.zip";

    fn template(value: &Value) -> FoundTemplate {
        let group = ResourceGroupId::new("s", "g");
        FoundTemplate::of(template_id(&group, "t_1"), Template::read(value))
    }

    fn of_run(run: &str) -> FoundTemplate {
        template(&json!({"tags": {"imageBuilderTask": "1", "imageBuilderRun": run}}))
    }

    #[test]
    fn a_tag_has_to_have_our_form_and_the_templates_run() {
        let check = |run: &str, text: &str, expected: bool| {
            let found = by_form(&of_run(run), text);
            assert_eq!(found.is_ok(), expected, "{run} {text}: {found:?}");
        };
        check(RUN, OURS, true);
        check("c/p/r31/9", "g/sto/webapp/31-2/webapp_17.tar.gz", true);
        check("prompt/me@here/17", "g/sto/webapp/17/webapp_17.zip", true);
        check("c/p/4712", OURS, false);
        check("", OURS, false);
        check("prompt/me@here/17", OURS, false);
        for text in [
            "",
            "a",
            "a/b",
            "rg-images/stcontosoimages/prod.tfstate",
            "rg-images/stcontosoimages/../tfstate/prod.tfstate",
            "rg-images/stcontosoimages/../4711-17/.._17.zip",
            "rg-images/stcontosoimages/web app/4711-17/web app_17.vhd",
            "rg-images/stcontosoimages/web app/4711-17/web app_18.zip",
            "rg-images/stcontosoimages/web app/4711-17/x/web app_17.zip",
            r"rg-images/stcontosoimages/a\b/4711-17/a\b_17.zip",
            "rg-images/stcontosoimages/a%2f/4711-17/a%2f_17.zip",
            "rg-images/evil.example#/webapp/4711-17/webapp_17.zip",
            "rg-images//webapp/4711-17/webapp_17.zip",
            "../stcontosoimages/webapp/4711-17/webapp_17.zip",
            "rg?x/stcontosoimages/webapp/4711-17/webapp_17.zip",
        ] {
            check(RUN, text, false);
        }
    }

    #[test]
    fn a_package_is_named_by_a_tag_or_by_an_address() {
        let blob = "it's here/4711-17/it's here_17.zip";
        let check = |value: Value, expected: bool| {
            let found = names_package(&template(&value), "stcontosoimages", blob);
            assert_eq!(found, expected, "{value}");
        };
        check(json!({}), false);
        check(
            json!({"tags": {"imageBuilderPackage": format!("other/STCONTOSOIMAGES/{blob}")}}),
            true,
        );
        check(
            json!({"tags": {"imageBuilderPackage": format!("other/stother/{blob}")}}),
            false,
        );
        let customize = |line: &str| json!({"properties": {"customize": [{"type": "PowerShell", "inline": ["a", line]}]}});
        let address = "https://stcontosoimages.blob.core.windows.net/imagebuilder-vststask/it%27s%20here/4711-17/it%27s%20here_17.zip?sv=1&sig=x";
        check(customize(&format!("$link = '{address}'")), true);
        check(
            customize(&format!("$link = '{}'", address.replace("%27", "''"))),
            true,
        );
        check(customize(&address.replace("_17", "_18")), false);
        check(
            json!({"properties": {"customize": [{"type": "File", "sourceUri": address}]}}),
            true,
        );
        check(
            json!({"properties": {"customize": [{"type": "Magic", "link": address}]}}),
            true,
        );
        check(
            json!({"properties": {"validate": {"inVMValidations": [{"type": "Shell", "inline": [address]}]}}}),
            true,
        );
        check(json!({"properties": {"customize": 7}}), true);
    }
}
