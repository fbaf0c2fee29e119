//! The tree that is packed: about 500 MB in 20,000 files, made of the files of this machine that a package of build artifacts resembles
//! (libraries and scripts), and of bytes that nobody can compress, as archives and pictures are.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Sources: headers, scripts and texts.
const TEXT_FOLDERS: [&str; 5] = [
    "/usr/include",
    "/usr/share/perl",
    "/usr/lib/python3",
    "/usr/share/doc",
    "/usr/lib/node_modules",
];
const LIBRARY_FOLDERS: [&str; 2] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
const TEXT_FILES: usize = 20_000;
const TEXT_BYTES: u64 = 200 << 20;
const LIBRARY_BYTES: u64 = 240 << 20;
const NOISE_FILES: u64 = 15;
const NOISE_FILE_BYTES: u64 = 4 << 20;
/// Longer ones would make the tree one of few files.
const LONGEST_TEXT_BYTES: u64 = 200 << 10;

pub(crate) fn make(root: &Path) -> io::Result<()> {
    let texts: Vec<PathBuf> = TEXT_FOLDERS
        .iter()
        .flat_map(|folder| files(Path::new(folder)))
        .collect();
    let texts = texts
        .into_iter()
        .filter(|file| length(file) <= LONGEST_TEXT_BYTES);
    let (count, bytes) = copy(texts, &root.join("sources"), TEXT_FILES, TEXT_BYTES)?;
    // A machine with fewer texts gets more small files out of those that it has.
    let rest = TEXT_FILES.saturating_sub(count);
    let again = files(&root.join("sources")).into_iter().cycle().take(rest);
    let (more, more_bytes) = copy(
        again,
        &root.join("generated"),
        rest,
        TEXT_BYTES.saturating_sub(bytes),
    )?;
    let libraries = LIBRARY_FOLDERS
        .iter()
        .flat_map(|folder| files(Path::new(folder)));
    let libraries = libraries.filter(|file| file.to_string_lossy().contains(".so"));
    let (library_count, library_bytes) =
        copy(libraries, &root.join("lib"), usize::MAX, LIBRARY_BYTES)?;
    let folder = root.join("media");
    fs::create_dir_all(&folder)?;
    for number in 0..NOISE_FILES {
        let mut noise = File::open("/dev/urandom")?.take(NOISE_FILE_BYTES);
        io::copy(
            &mut noise,
            &mut File::create(folder.join(format!("{number}.bin")))?,
        )?;
    }
    writeln!(
        io::stdout(),
        "{} files, {} MB",
        count + more + library_count,
        (bytes + more_bytes + library_bytes + NOISE_FILES * NOISE_FILE_BYTES) / 1_000_000
    )
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// Regular files that can be read, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        for path in paths {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                Ok(metadata) if metadata.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found
}

/// Copies files, a hundred to a folder, until there are enough; how many, and how many bytes.
fn copy(
    files: impl Iterator<Item = PathBuf>,
    target: &Path,
    most_files: usize,
    most_bytes: u64,
) -> io::Result<(usize, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for file in files {
        if count >= most_files || bytes >= most_bytes {
            break;
        }
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let folder = target.join(format!("{:03}", count / 100));
        fs::create_dir_all(&folder)?;
        if let Ok(copied) = fs::copy(&file, folder.join(format!("{count}-{name}"))) {
            count += 1;
            bytes += copied;
        }
    }
    Ok((count, bytes))
}
