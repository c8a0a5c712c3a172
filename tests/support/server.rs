//! A server of files on this machine, with what real ones do: redirects, ranges, checksums in headers, connections that
//! end too early.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server says to a request.
#[derive(Clone, Default)]
pub struct Answer {
    /// The file, unless redirected.
    pub body: Vec<u8>,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// Where to look instead.
    pub redirect: Option<String>,
    /// The connection ends after so many bytes of the body.
    pub cut: Option<usize>,
    /// What is said of the body's length, whatever it is.
    pub announced: Option<u64>,
    /// So many bytes of the body at a time, and a pause before each.
    pub slow: Option<(usize, Duration)>,
    /// The answer comes after so long.
    pub late: Duration,
    /// Ranges are not what was asked for, but begin here.
    pub ranges_from: Option<usize>,
}

impl Answer {
    /// A file.
    pub fn file(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }
}

/// A request as it came: path, and headers in lower case.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HashMap<String, String>,
}

type Answers = Arc<Mutex<HashMap<String, Answer>>>;

/// A running server.
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    answers: Answers,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a server that knows no file.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (answers, asked) = (Answers::default(), Arc::<Mutex<Vec<Asked>>>::default());
        let server = Self { url, answers: Arc::clone(&answers), asked: Arc::clone(&asked) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                // A client that goes away early is no failure of the server.
                thread::spawn(move || drop(serve(&stream, &answers, &asked)));
            }
        });
        server
    }

    /// Puts an answer at a path.
    pub fn put(&self, path: &str, answer: Answer) -> &Self {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
        self
    }

    /// What was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(stream: &TcpStream, answers: &Answers, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let answer = answers.lock().unwrap().get(&path).cloned();
    let range = headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    asked.lock().unwrap().push(Asked { path, headers });
    let mut out = stream;
    thread::sleep(answer.as_ref().map_or(Duration::ZERO, |answer| answer.late));
    let Some(answer) = answer else {
        return out.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let from: usize = range.unwrap_or(0);
    let from = answer.ranges_from.unwrap_or(from);
    let whole = answer.body.len();
    let (status, body) = match (&answer.redirect, from) {
        (Some(_), _) => ("302 Found", &[][..]),
        (None, 0) => ("200 OK", &answer.body[..]),
        (None, from) if from < whole => ("206 Partial Content", &answer.body[from..]),
        (None, _) => ("416 Range Not Satisfiable", &[][..]),
    };
    let announced = answer.announced.unwrap_or(body.len() as u64);
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {announced}\r\nconnection: close\r\n");
    if status.starts_with("206") {
        head.push_str(&format!("content-range: bytes {from}-{}/{whole}\r\n", whole - 1));
    }
    let location = answer.redirect.map(|location| ("location", location));
    for (name, value) in answer.headers.into_iter().chain(location) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(out, "{head}\r\n")?;
    let body = &body[..answer.cut.unwrap_or(body.len()).min(body.len())];
    let (bytes, pause) = answer.slow.unwrap_or((body.len().max(1), Duration::ZERO));
    body.chunks(bytes).try_for_each(|part| {
        thread::sleep(pause);
        out.write_all(part)
    })
}
