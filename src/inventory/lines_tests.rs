use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// The lines of a block, as the script writes them.
fn block(text: &str) -> Vec<String> {
    let base64 = STANDARD.encode(gzip(text.as_bytes()));
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let begin = ["image-inventory begin 1 linux".to_owned()];
    let data = lines.iter().enumerate();
    let data = data.map(|(index, line)| format!("image-inventory {:04} {line}", index + 1));
    let sum = Sha256::of(text.as_bytes());
    let end = format!("image-inventory end {:04} sha256={sum}", lines.len());
    begin.into_iter().chain(data).chain([end]).collect()
}

/// A list of `count` packages that do not compress well.
fn list(name: &str, count: usize) -> String {
    let mut rows = vec!["system\tubuntu\t24.04\tUbuntu 24.04.3 LTS".to_owned()];
    rows.extend((0..count).map(|index| {
        let noise = Sha256::of(format!("{name}{index}").as_bytes()).to_string();
        format!("deb\t{name}{index:03}\t{noise}\tamd64\t")
    }));
    rows.join("\n") + "\n"
}

fn read<'a>(lines: impl IntoIterator<Item = &'a String>) -> Result<Inventory, NoList> {
    let mut reader = Reader::default();
    for line in lines {
        reader.take(&Line::read(line.as_bytes()));
    }
    reader.finish(str::to_owned)
}

fn expected(text: &str) -> Inventory {
    rows::read(text).unwrap()
}

#[test]
fn a_whole_block_is_the_list() {
    let text = list("a", 20);
    assert_eq!(read(&block(&text)), Ok(expected(&text)));
}

#[test]
fn doubled_and_reordered_lines_are_put_right() {
    let text = list("a", 20);
    let lines = block(&text);
    let doubled: Vec<String> = lines
        .iter()
        .flat_map(|line| [line.clone(), line.clone()])
        .collect();
    assert_eq!(read(&doubled), Ok(expected(&text)));
    let mut reordered = lines.clone();
    let end = reordered.len() - 1;
    reordered[1..end].reverse();
    assert_eq!(read(&reordered), Ok(expected(&text)));
    // The beginning comes later than the first lines, and the end sooner than the last.
    let mut shifted = lines.clone();
    shifted.swap(0, 3);
    shifted.swap(end, end - 2);
    assert_eq!(read(&shifted), Ok(expected(&text)));
    let mut begun_twice = lines.clone();
    begun_twice.insert(5, lines[0].clone());
    assert_eq!(read(&begun_twice), Ok(expected(&text)));
}

#[test]
fn the_last_block_counts() {
    let (old, new) = (list("old", 5), list("new", 7));
    let both: Vec<String> = [block(&old), block(&new)].concat();
    assert_eq!(read(&both), Ok(expected(&new)));
    // The one before it was cut.
    let mut cut = block(&old);
    cut.truncate(3);
    assert_eq!(read(&[cut, block(&new)].concat()), Ok(expected(&new)));
    // Another one has begun after it.
    let mut cut = block(&new);
    cut.truncate(3);
    let end = read(&[block(&old), cut].concat());
    assert_eq!(end, Err(NoList::NoEnd));
    let begun = ["image-inventory begin 1 linux".to_owned()].to_vec();
    assert_eq!(read(&[block(&old), begun].concat()), Err(NoList::NoEnd));
    let failed = ["image-inventory failed gzip is missing".to_owned()].to_vec();
    let said = NoList::Failed("gzip is missing".to_owned());
    assert_eq!(read(&[block(&old), failed].concat()), Err(said));
    // The beginning of the second one is lost.
    let rest = block(&new)[1..].to_vec();
    let end = read(&[block(&old), rest].concat());
    assert_eq!(end, Err(NoList::Contradiction));
}

#[test]
fn what_is_not_whole_is_no_list() {
    let text = list("a", 20);
    let lines = block(&text);
    let count = u32::try_from(lines.len() - 2).unwrap();
    let without = |index: usize| {
        let mut lines = lines.clone();
        lines.remove(index);
        read(&lines)
    };
    let gap = |missing| {
        Err(NoList::Gap {
            missing,
            all: count,
        })
    };
    assert_eq!(read(&Vec::new()), Err(NoList::None));
    assert_eq!(read(&["said".to_owned()]), Err(NoList::None));
    assert_eq!(without(0), gap(0));
    assert_eq!(without(1), gap(1));
    assert_eq!(without(lines.len() - 1), Err(NoList::NoEnd));
    let mut changed = lines.clone();
    changed[2] = changed[2].replace(&lines[2][21..25], "AAAA");
    assert_ne!(changed[2], lines[2]);
    assert!(matches!(read(&changed), Err(NoList::Sum | NoList::Packing)));
    let both = [changed[..3].to_vec(), lines[2..].to_vec()].concat();
    assert_eq!(read(&both), Err(NoList::Contradiction));
    let mut more = lines.clone();
    more.insert(3, format!("image-inventory {:04} AAAA", count + 1));
    assert_eq!(read(&more), Err(NoList::Contradiction));
    let mut other_form = lines.clone();
    other_form[0] = "image-inventory begin 2 linux".to_owned();
    assert_eq!(read(&other_form), Err(NoList::Form("2".to_owned())));
    let no_system = list("a", 3).lines().skip(1).collect::<Vec<_>>().join("\n");
    assert_eq!(read(&block(&no_system)), Err(NoList::NoSystem));
}

#[test]
fn a_list_that_unpacks_to_more_than_anybody_has_is_none() {
    let mut text = "system\tubuntu\t24.04\tUbuntu\n".to_owned();
    text.push_str(&" ".repeat(usize::try_from(LARGEST).unwrap() - text.len()));
    assert!(read(&block(&text)).is_ok());
    text.push(' ');
    assert_eq!(read(&block(&text)), Err(NoList::TooLarge));
}

#[test]
fn what_nobody_may_read_is_masked() {
    let text = list("a", 2) + "program\thunter2\t1\t\n";
    let mut reader = Reader::default();
    for line in block(&text) {
        reader.take(&Line::read(line.as_bytes()));
    }
    let list = reader
        .finish(|line| line.replace("hunter2", "***"))
        .unwrap();
    assert_eq!(list.components.last().unwrap().name, "***");
}

#[test]
fn lines_of_an_inventory_are_known() {
    let check = |line: &str, expected: bool, end: Option<u32>| {
        assert_eq!(ListLine::read(line).is_some(), expected, "{line}");
        assert_eq!(lines_at_end(line), end, "{line}");
    };
    let sum = "0".repeat(64);
    check("image-inventory begin 1 linux", true, None);
    check("image-inventory 0001 H4sI", true, None);
    check(
        &format!("image-inventory end 0159 sha256={sum}"),
        true,
        Some(159),
    );
    check("image-inventory end 0159 sha256=1", false, None);
    check("image-inventory failed gzip is missing", true, None);
    check("image-inventory 1 H4sI", false, None);
    check("image-inventory 0000 H4sI", false, None);
    check("image-inventory 0001 H4 sI", false, None);
    check(
        &format!("image-inventory 0001 {}", "A".repeat(65)),
        false,
        None,
    );
    check("image-inventory", false, None);
    check("my image-inventory begin 1 linux", false, None);
}

/// What may happen to a line on its way.
#[derive(Debug, Clone)]
enum Harm {
    Lose(prop::sample::Index),
    Double(prop::sample::Index, prop::sample::Index),
    Move(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index, prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        place().prop_map(Harm::Lose),
        (place(), place()).prop_map(|(from, to)| Harm::Double(from, to)),
        (place(), place()).prop_map(|(from, to)| Harm::Move(from, to)),
        (place(), place()).prop_map(|(line, at)| Harm::Cut(line, at)),
    ]
}

fn done(mut lines: Vec<String>, harms: &[Harm]) -> Vec<String> {
    for harm in harms {
        if lines.is_empty() {
            break;
        }
        match harm {
            Harm::Lose(line) => _ = lines.remove(line.index(lines.len())),
            Harm::Double(from, to) => {
                let line = lines[from.index(lines.len())].clone();
                lines.insert(to.index(lines.len()), line);
            }
            Harm::Move(from, to) => {
                let line = lines.remove(from.index(lines.len()));
                lines.insert(to.index(lines.len() + 1), line);
            }
            Harm::Cut(line, at) => {
                let line = line.index(lines.len());
                let at = at.index(lines[line].len().max(1));
                lines[line].truncate(at);
            }
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn harmed_lines_are_the_right_list_or_none(count in 1_usize..25, harms in prop::collection::vec(harm(), 0..8)) {
        let text = list("a", count);
        if let Ok(found) = read(&done(block(&text), &harms)) {
            prop_assert_eq!(found, expected(&text));
        }
    }

    #[test]
    fn of_two_blocks_the_second_is_the_list_if_any(counts in (1_usize..9, 1_usize..9), harms in prop::collection::vec(harm(), 0..4)) {
        let (old, new) = (list("old", counts.0), list("new", counts.1));
        let second = done(block(&new), &harms);
        // With no line of the second one there is nothing to know it by.
        prop_assume!(second.iter().any(|line| ListLine::read(line).is_some()));
        if let Ok(found) = read(&[block(&old), second].concat()) {
            prop_assert_eq!(found, expected(&new));
        }
    }

    #[test]
    fn moved_and_doubled_lines_between_begin_and_end_cost_nothing(count in 1_usize..25, order in any::<u64>(), doubled in any::<prop::sample::Index>()) {
        let text = list("a", count);
        let mut lines = block(&text);
        let end = lines.len() - 1;
        let again = lines[1 + doubled.index(end - 1)].clone();
        let inner = &mut lines[1..end];
        let mut state = order;
        for index in (1..inner.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let other = usize::try_from(state >> 33).unwrap() % (index + 1);
            inner.swap(index, other);
        }
        lines.insert(1, again);
        prop_assert_eq!(read(&lines), Ok(expected(&text)));
    }
}
