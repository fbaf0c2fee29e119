//! The numbers of gallery image versions.

/// Above the highest version (with this major number): `x.y.z+1`; the first is `1.0.0`, or `major.0.0`.
pub(crate) fn next_version(existing: &[[u64; 3]], major: Option<u64>) -> String {
    let highest = existing
        .iter()
        .filter(|[first, ..]| major.is_none_or(|major| *first == major))
        .max();
    match highest {
        Some([major, minor, patch]) => format!("{major}.{minor}.{}", patch + 1),
        None => format!("{}.0.0", major.unwrap_or(1)),
    }
}

/// The three numbers of a version; what is missing is 0.
pub(crate) fn parts(version: &str) -> [u64; 3] {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_as_documented() {
        let existing = [[0, 1, 2], [1, 2, 0], [2, 1, 0]];
        let check = |major: Option<u64>, expected: &str| {
            assert_eq!(next_version(&existing, major), expected);
        };
        check(None, "2.1.1");
        check(Some(1), "1.2.1");
        check(Some(0), "0.1.3");
        check(Some(7), "7.0.0");
        assert_eq!(next_version(&[], None), "1.0.0");
        assert_eq!(parts("18.04.202401161"), [18, 4, 202_401_161]);
    }
}
