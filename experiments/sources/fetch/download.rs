//! One file over HTTP: resumed where it is still the same file, checked, and renamed into place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::content;
use super::known::{git_blob, sha256};
use super::pace::{LEAST, Pace};
use super::place::with_suffix;
use crate::cli::interrupt;
use crate::cli::progress::{Amount, Progress};

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

/// An address as people may see it: without a user's name and password, and without what stands behind `?`, which can be
/// a key.
pub fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Which file a server sends, so that half of one is never completed by half of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    /// Its strong ETag.
    etag: Option<String>,
    /// Bytes of the whole file.
    bytes: Option<u64>,
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

/// An answer, and what the hosts on the way to it said of the file.
struct Opened {
    response: Response<Body>,
    /// SHA-256, from the host that redirected.
    sha256: Option<String>,
    /// SHA-1 as Git counts it: the Hub's ETag of small files.
    git_blob: Option<String>,
}

impl Opened {
    fn header(&self, name: &str) -> Option<&str> {
        text(&self.response, name)
    }

    /// Which file this is. Of a range, the length is that of the whole file.
    fn version(&self) -> Version {
        let etag = self.header("etag").filter(|etag| !etag.starts_with("W/")).map(ToOwned::to_owned);
        let of_range = self.header("content-range").and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        Version { etag, bytes: of_range.or(self.response.body().content_length()) }
    }

    /// Where the bytes of a range begin in the file.
    fn begins_at(&self) -> Option<u64> {
        self.header("content-range")?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
    }
}

fn text<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Asks for a file from a byte on, and follows redirects by hand: the first host may say the file's checksum and redirect to
/// another that does not.
fn open(request: &Request<'_>, from: u64) -> Result<Opened> {
    let agent = agent();
    let mut url = request.url.clone();
    let mut token = request.token;
    let (mut sha256, mut git_blob) = (None, None);
    for _ in 0..=REDIRECTS {
        let mut call = agent.get(&url);
        if let Some(token) = token {
            call = call.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            call = call.header(header::RANGE, format!("bytes={from}-"));
        }
        let failed = |error: ureq::Error| anyhow!("{}: {}", shown(&url), error.to_string().replace(&url, &shown(&url)));
        let response = call.call().map_err(failed)?;
        let digits = |name: &str, count: usize| {
            let value = text(&response, name)?.trim_matches('"');
            (value.len() == count && value.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| value.to_lowercase())
        };
        sha256 = digits("x-linked-etag", 64).or(sha256);
        // Other servers' ETags may have as many digits and mean something else.
        git_blob = digits("etag", 40).filter(|_| text(&response, "x-repo-commit").is_some()).or(git_blob);
        if !response.status().is_redirection() {
            return Ok(Opened { response, sha256, git_blob });
        }
        let next = text(&response, "location");
        let next = next.ok_or_else(|| anyhow!("{}: {} without a location", shown(&url), response.status()))?;
        let next = join(&url, next)?;
        if host(&next) != host(&url) {
            token = None;
        }
        url = next;
    }
    bail!("{}: more than {REDIRECTS} redirects", shown(&request.url))
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
            "{} redirects to {}, which is not encrypted",
            shown(url),
            shown(location)
        );
        return Ok(location.to_owned());
    }
    ensure!(
        location.starts_with('/') && !location.starts_with("//"),
        "{} redirects to {:?}",
        shown(url),
        shown(location)
    );
    Ok(format!("{}{location}", host(url)))
}

/// The beginning of a file that an interrupted download left, and which file it is of.
struct Part {
    path: PathBuf,
    version_path: PathBuf,
}

impl Part {
    fn of(place: &Path) -> Self {
        Self { path: with_suffix(place, ".part"), version_path: with_suffix(place, ".version.part") }
    }

    /// Bytes that are there, and the version that they are of; nothing where the server did not say which.
    fn begun(&self) -> Option<(u64, Version)> {
        let bytes = fs::metadata(&self.path).ok()?.len();
        let version: Version = serde_json::from_slice(&fs::read(&self.version_path).ok()?).ok()?;
        (bytes > 0 && (version.etag.is_some() || version.bytes.is_some())).then_some((bytes, version))
    }

    fn begin(&self, version: &Version) -> Result<()> {
        let written = serde_json::to_vec(version).map_err(io::Error::from);
        let written = written.and_then(|version| fs::write(&self.version_path, version));
        written.with_context(|| format!("cannot write {}", self.version_path.display()))
    }

    fn discard(&self) -> Result<()> {
        for path in [&self.path, &self.version_path].into_iter().filter(|path| path.exists()) {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// Gives the file its name.
    fn complete(&self, place: &Path) -> Result<()> {
        let renamed = fs::rename(&self.path, place);
        renamed.with_context(|| format!("cannot rename {} to {}", self.path.display(), place.display()))?;
        self.discard()
    }
}

/// Downloads to `place`. Bytes go to `<place>.part`, where an interrupted download goes on if the server still has the same
/// file, by its ETag and its length. The file gets its name when it is whole, is what its name promises, and has the
/// checksum that its server or `pinned` names.
///
/// # Errors
/// [`Absent`] (found by `downcast_ref`) for 401, 403, 404 and 410; others name the URL or the path.
pub fn download(request: &Request<'_>, place: &Path, pinned: Option<&str>) -> Result<()> {
    let url = shown(&request.url);
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let part = Part::of(place);
    let begun = part.begun();
    let mut opened = open(request, begun.as_ref().map_or(0, |(bytes, _)| *bytes))?;
    let goes_on = |opened: &Opened| match (&begun, opened.response.status()) {
        (Some((bytes, version)), StatusCode::PARTIAL_CONTENT) => {
            opened.begins_at() == Some(*bytes) && opened.version() == *version
        }
        _ => false,
    };
    let resumed = goes_on(&opened);
    let is_answer_to_range =
        [StatusCode::PARTIAL_CONTENT, StatusCode::RANGE_NOT_SATISFIABLE].contains(&opened.response.status());
    if is_answer_to_range && !resumed {
        // The file has changed, or the part is all of it, or the server sends another range than was asked for.
        part.discard()?;
        opened = open(request, 0)?;
    }
    match opened.response.status() {
        StatusCode::OK => {}
        StatusCode::PARTIAL_CONTENT if resumed => {}
        status @ (StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(Absent { url, status }.into());
        }
        status => bail!("{url}: {status}"),
    }
    let have = if resumed { begun.map_or(0, |(bytes, _)| bytes) } else { 0 };
    let version = opened.version();
    let most = content::most(&name);
    let too_large = |bytes: u64| format!("{url}: {name} has {bytes} bytes or more, and at most {most} are taken");
    ensure!(version.bytes.is_none_or(|bytes| bytes <= most), too_large(version.bytes.unwrap_or_default()));
    part.begin(&version)?;
    let file = OpenOptions::new().create(true).write(true).append(resumed).truncate(!resumed).open(&part.path);
    let mut file = file.with_context(|| format!("cannot write {}", part.path.display()))?;
    let progress = Progress::start(name.clone(), Amount::Bytes, version.bytes);
    progress.add(have);
    let checksums = (opened.sha256.take(), opened.git_blob.take());
    // A byte more than is allowed tells that there are more.
    let body = opened.response.into_body().into_reader().take(most - have + 1);
    let got = have + copy(body, &mut file, &part.path, &url, &progress)?;
    file.sync_all().with_context(|| format!("cannot write {}", part.path.display()))?;
    progress.finish();
    if got > most {
        part.discard()?;
        bail!(too_large(got));
    }
    if let Some(bytes) = version.bytes {
        ensure!(got == bytes, "{url}: the connection ended after {got} of {bytes} bytes; run again to go on");
    }
    let sound = match checksums {
        (sha, _) if pinned.is_some() || sha.is_some() => {
            same("SHA-256", &sha256(&part.path)?, pinned.or(sha.as_deref()).unwrap_or_default())
        }
        (_, Some(blob)) => same("Git SHA-1", &git_blob(&part.path)?, &blob),
        _ => Ok(()),
    };
    if let Err(error) = sound.and_then(|()| content::check(&name, &part.path)) {
        part.discard()?;
        return Err(error.context(url));
    }
    part.complete(place)
}

fn same(what: &str, found: &str, expected: &str) -> Result<()> {
    ensure!(found == expected, "{what} is {found}, but {expected} was expected");
    Ok(())
}

fn copy(mut from: impl Read, to: &mut File, part: &Path, url: &str, progress: &Progress) -> Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    let mut pace = Pace::new(LEAST);
    loop {
        interrupt::check()?;
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(anyhow!("{url}: {error}; run again to go on")),
        };
        to.write_all(&buffer[..read]).with_context(|| format!("cannot write {}", part.display()))?;
        progress.add(read as u64);
        total += read as u64;
        let slow = |came| {
            let seconds = LEAST.window.as_secs();
            anyhow!("{url}: {came} bytes came in {seconds} s; the server is too slow; run again to go on")
        };
        pace.add(read as u64).map_err(slow)?;
    }
}

/// The body of a response as a stream, for archives of which little is wanted.
///
/// # Errors
/// As [`download`].
pub fn stream(request: &Request<'_>) -> Result<(impl Read + use<>, Option<u64>)> {
    let opened = open(request, 0)?;
    let status = opened.response.status();
    ensure!(status == StatusCode::OK, Absent { url: shown(&request.url), status });
    let length = opened.response.body().content_length();
    Ok((opened.response.into_body().into_reader(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_with_the_web_and_never_give_up_encryption() {
        for (location, expected) in [
            ("/c?d", Some("https://a/c?d")),
            ("https://b/c", Some("https://b/c")),
            ("http://b/c", None),
            ("//b/c", None),
            ("file:///etc/passwd", None),
            ("ftp://b/c", None),
            ("c", None),
            ("", None),
        ] {
            let joined = join("https://a/b", location);
            assert_eq!(joined.as_deref().ok(), expected, "{location}");
        }
        assert_eq!(join("http://a/b", "https://b/c").unwrap(), "https://b/c");
    }

    #[test]
    fn addresses_are_shown_without_secrets() {
        for (url, expected) in [
            ("https://user:pass@host:80/a/b?key=1#x", "https://host:80/a/b"),
            ("https://p@ss@host/a@b", "https://host/a@b"),
            ("http://host", "http://host"),
            ("nonsense?token=1", "nonsense"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
