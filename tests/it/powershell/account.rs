//! The two servers that a build VM asks for its package.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A storage account, and the metadata service: each case has answers of its own.
pub(super) struct Server {
    pub(super) address: String,
    cases: Arc<Mutex<Vec<Answers>>>,
}

/// A status, and a body.
pub(super) type Answer = (u16, Vec<u8>);

/// The answers of a case, of which the last one is repeated, and the requests that it made.
struct Answers {
    to_come: VecDeque<Answer>,
    requests: Vec<String>,
}

const TOKEN: &str = r#"{"access_token":"the-token","token_type":"Bearer"}"#;

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let cases = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&cases);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away has nothing to be told.
                _ = answer(&stream.unwrap(), &shared);
            }
        });
        Self { address, cases }
    }

    /// The address of the package of a new case.
    pub(super) fn link(&self, answers: Vec<Answer>) -> String {
        let mut cases = self.cases.lock().unwrap();
        cases.push(Answers {
            to_come: answers.into(),
            requests: Vec::new(),
        });
        format!(
            "{}/{}/package.zip?sig=a%2Bb%3D",
            self.address,
            cases.len() - 1
        )
    }

    /// How many cases there are.
    pub(super) fn count(&self) -> usize {
        self.cases.lock().unwrap().len()
    }

    pub(super) fn requests(&self, case: usize) -> Vec<String> {
        self.cases.lock().unwrap()[case].requests.clone()
    }
}

fn answer(stream: &TcpStream, cases: &Mutex<Vec<Answers>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap()?;
    let headers: Result<Vec<String>, _> = lines
        .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
        .collect();
    let headers = headers?;
    let header = |name: &str| {
        let found = headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    };
    let path = request.split(' ').nth(1).unwrap();
    let (status, body) = if path.starts_with("/metadata/") {
        let fits = header("Metadata") == "true" && path.contains("msi_res_id=%2Fsubscriptions");
        (if fits { 200 } else { 400 }, TOKEN.as_bytes().to_vec())
    } else {
        let number: usize = path.split('/').nth(1).unwrap().parse().unwrap();
        let mut cases = cases.lock().unwrap();
        let Answers { to_come, requests } = &mut cases[number];
        requests.push(format!(
            "{} {}",
            header("Authorization"),
            header("x-ms-version")
        ));
        if to_come.len() == 1 {
            to_come[0].clone()
        } else {
            to_come.pop_front().unwrap()
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}
