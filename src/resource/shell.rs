//! Words of the commands that are shown to people, who paste them into a shell.

use super::ResourceId;

/// `word` as one word of a POSIX shell, whatever is in it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@=".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        single_quoted(word)
    }
}

/// `text` between single quotes of a POSIX shell, in which nothing is special but the quote itself
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02>).
pub fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The options of the Azure CLI that name an image definition: that of `id`, which is a definition or one of its versions.
pub fn definition_options(id: &ResourceId) -> String {
    format!(
        "--subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {}",
        quoted(id.subscription()),
        quoted(id.resource_group()),
        quoted(id.name_at(0).unwrap_or_default()),
        quoted(id.name_at(1).unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_named_by_words_of_their_own() {
        let definition = "/subscriptions/s/resourceGroups/rg(1)/providers/Microsoft.Compute/galleries/gal/images/web";
        let expected = "--subscription s --resource-group 'rg(1)' --gallery-name gal --gallery-image-definition web";
        for id in [
            definition.to_owned(),
            format!("{definition}/versions/1.0.0"),
        ] {
            assert_eq!(definition_options(&id.parse().unwrap()), expected);
        }
    }

    #[test]
    fn only_plain_words_stand_as_they_are() {
        let check = |word: &str, expected: &str| assert_eq!(quoted(word), expected);
        check("rg-images", "rg-images");
        check("a/b_1.zip", "a/b_1.zip");
        check("rg(1)", "'rg(1)'");
        check("-x", "'-x'");
        check("", "''");
        check("a;b", "'a;b'");
        check("it's", r"'it'\''s'");
    }

    #[test]
    fn whatever_is_between_quotes_is_read_as_it_is() {
        let check = |text: &str, expected: &str| assert_eq!(single_quoted(text), expected);
        check("webapp", "'webapp'");
        check("", "''");
        check("my app", "'my app'");
        check("it's", r"'it'\''s'");
        check(
            "$HOME `id` \\ \"x\" ; & | *",
            "'$HOME `id` \\ \"x\" ; & | *'",
        );
        check("-rf", "'-rf'");
        check("größe", "'größe'");
    }
}
