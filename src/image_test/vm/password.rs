//! The password of an administrator that nobody needs: made for one VM, masked, and forgotten with it.

use rand::seq::{IndexedRandom as _, SliceRandom as _};

/// Azure wants three of four classes, and takes up to 72 characters for Linux
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/faq#what-are-the-password-requirements-when-creating-a-vm->).
const LENGTH: usize = 32;
/// Without the backslash and the hyphen, which Azure does not take for Linux, and without what a shell or a log could misread.
const CLASSES: [&[u8]; 4] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    b"abcdefghijklmnopqrstuvwxyz",
    b"0123456789",
    b"!+.:=?@_",
];

/// A new password: characters of all four classes, by the random numbers of the operating system.
pub(super) fn generate() -> String {
    let mut random = rand::rng();
    let all = CLASSES.concat();
    let mut password: Vec<u8> = CLASSES
        .iter()
        .filter_map(|class| class.choose(&mut random).copied())
        .collect();
    while password.len() < LENGTH {
        password.extend(all.choose(&mut random));
    }
    password.shuffle(&mut random);
    password.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_all_four_classes_and_is_never_the_same() {
        let mut known = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let password = generate();
            assert_eq!(password.len(), LENGTH);
            for class in CLASSES {
                assert!(
                    password.bytes().any(|byte| class.contains(&byte)),
                    "{password}"
                );
            }
            assert!(
                password
                    .bytes()
                    .all(|byte| CLASSES.concat().contains(&byte))
            );
            assert!(known.insert(password));
        }
    }
}
