//! One file over HTTP: resumed, checked, and renamed into place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::known::sha256;
use super::place::with_suffix;
use crate::cli::progress::{Progress, Unit};

/// A host that does not accept a connection within this time is given up.
const CONNECT: Duration = Duration::from_secs(3);
/// A host that says nothing for this long is given up.
const SILENCE: Duration = Duration::from_secs(20);
/// Longest chain of redirects.
const REDIRECTS: usize = 5;

/// A file that a server does not have, which is often no error: many checkpoints have no tokenizer.json.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {status}")]
pub struct Absent {
    url: String,
    status: StatusCode,
}

/// What to get.
pub struct Request<'a> {
    /// Its address.
    pub url: String,
    /// Sent as `Authorization: Bearer …` to the first host, never to those it redirects to.
    pub token: Option<&'a str>,
}

/// An agent that gives up on silent hosts; proxies come from the environment.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("headlight/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Follows redirects by hand: the first host may say the file's SHA-256 and redirect to another that does not.
struct Opened {
    response: Response<Body>,
    sha256: Option<String>,
}

fn open(request: &Request<'_>, from: u64) -> Result<Opened> {
    let agent = agent();
    let mut url = request.url.clone();
    let mut token = request.token;
    let mut sha256 = None;
    for _ in 0..=REDIRECTS {
        let mut call = agent.get(&url);
        if let Some(token) = token {
            call = call.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            call = call.header(header::RANGE, format!("bytes={from}-"));
        }
        let response = call.call().map_err(|error| anyhow!("{url}: {error}"))?;
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(etag) = text("x-linked-etag").map(|etag| etag.trim_matches('"'))
            && etag.len() == 64
        {
            sha256 = Some(etag.to_owned());
        }
        if !response.status().is_redirection() {
            return Ok(Opened { response, sha256 });
        }
        let next = text("location").ok_or_else(|| anyhow!("{url}: {} without a location", response.status()))?;
        let next = join(&url, next)?;
        if host(&next) != host(&url) {
            token = None;
        }
        url = next;
    }
    bail!("{}: more than {REDIRECTS} redirects", request.url)
}

/// `scheme://host[:port]` of a URL.
fn host(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |end| &url[..start + end])
}

/// A redirect's location against the URL that sent it.
fn join(url: &str, location: &str) -> Result<String> {
    if location.starts_with("http://") || location.starts_with("https://") {
        // Nobody may downgrade an encrypted download.
        ensure!(
            !(url.starts_with("https://") && location.starts_with("http://")),
            "{url} redirects to {location}, which is not encrypted"
        );
        return Ok(location.to_owned());
    }
    ensure!(location.starts_with('/') && !location.starts_with("//"), "{url} redirects to {location:?}");
    Ok(format!("{}{location}", host(url)))
}

/// Downloads to `place`. Bytes go to `<place>.part`, where an interrupted download goes on; the file is renamed when it
/// is whole and has the checksum that its server or `pinned` names.
///
/// # Errors
/// [`Absent`] (found by `downcast_ref`) for 401, 403, 404 and 410; others name the URL or the path.
pub fn download(request: &Request<'_>, place: &Path, pinned: Option<&str>) -> Result<()> {
    let part = with_suffix(place, ".part");
    let mut have = fs::metadata(&part).map(|metadata| metadata.len()).unwrap_or(0);
    let mut opened = open(request, have)?;
    if have > 0 && opened.response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        // The part is as long as the file, or the file has changed: begin anew.
        fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
        have = 0;
        opened = open(request, 0)?;
    }
    let resumed = match opened.response.status() {
        StatusCode::OK => false,
        StatusCode::PARTIAL_CONTENT => true,
        status @ (StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(Absent { url: request.url.clone(), status }.into());
        }
        status => bail!("{}: {status}", request.url),
    };
    let have = if resumed { have } else { 0 };
    let length = opened.response.body().content_length();
    let file = OpenOptions::new().create(true).write(true).append(resumed).truncate(!resumed).open(&part);
    let mut file = file.with_context(|| format!("cannot write {}", part.display()))?;
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let progress = Progress::start(name, Unit::Bytes, length.map(|length| length + have));
    progress.add(have);
    let got = copy(opened.response.into_body().into_reader(), &mut file, &part, &request.url, &progress)?;
    file.sync_all().with_context(|| format!("cannot write {}", part.display()))?;
    progress.finish();
    if let Some(length) = length {
        ensure!(
            got == length,
            "{}: the connection ended after {got} of {length} bytes; run again to go on",
            request.url
        );
    }
    if let Some(expected) = pinned.or(opened.sha256.as_deref()) {
        let found = sha256(&part)?;
        if found != expected {
            fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
            bail!("{}: SHA-256 is {found}, but {expected} was expected", request.url);
        }
    }
    fs::rename(&part, place).with_context(|| format!("cannot rename {} to {}", part.display(), place.display()))
}

fn copy(mut from: impl Read, to: &mut File, part: &Path, url: &str, progress: &Progress) -> Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(anyhow!("{url}: {error}; run again to go on")),
        };
        to.write_all(&buffer[..read]).with_context(|| format!("cannot write {}", part.display()))?;
        progress.add(read as u64);
        total += read as u64;
    }
}

/// The body of a response as a stream, for archives of which little is wanted.
///
/// # Errors
/// As [`download`].
pub fn stream(request: &Request<'_>) -> Result<(impl Read + use<>, Option<u64>)> {
    let opened = open(request, 0)?;
    let status = opened.response.status();
    ensure!(status == StatusCode::OK, Absent { url: request.url.clone(), status });
    let length = opened.response.body().content_length();
    Ok((opened.response.into_body().into_reader(), length))
}
