//! Values in the words of people.

use std::time::Duration;

/// A duration as people say it: `14 min 32 s`, `2 h 5 min`.
pub fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A number of things: `1 host`, `3 hosts`.
pub fn counted(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{end}")
}

/// Names in a sentence, `most` of them at most: `a, b, c and 4 more`.
pub fn some_of(names: &[&str], most: usize) -> String {
    let (shown, others) = names.split_at(names.len().min(most));
    let shown = shown.join(", ");
    match others.len() {
        0 => shown,
        others => format!("{shown} and {others} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let check =
            |seconds, expected| assert_eq!(duration(Duration::from_secs(seconds)), expected);
        check(0, "0 s");
        check(59, "59 s");
        check(872, "14 min 32 s");
        check(3600, "1 h 0 min");
        check(7500, "2 h 5 min");
    }

    #[test]
    fn one_thing_stands_in_the_singular() {
        assert_eq!(counted(0_u64, "host"), "0 hosts");
        assert_eq!(counted(1_usize, "host"), "1 host");
        assert_eq!(counted(2_u32, "scale set"), "2 scale sets");
    }

    #[test]
    fn many_names_are_cut() {
        assert_eq!(some_of(&["a", "b"], 2), "a, b");
        assert_eq!(some_of(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(some_of(&[], 2), "");
    }
}
