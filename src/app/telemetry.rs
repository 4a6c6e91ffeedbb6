//! How the program tells of itself: log lines on stderr, metrics to be rendered on demand.
//!
//! Set up once, first thing after the configuration. It decides where things go and in which
//! form, never what is logged or counted.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

/// The borders of histogram buckets, in seconds: from a cached key to the delivery deadline.
const SECONDS: [f64; 12] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// How often samples are folded into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The level is no filter.
    #[error("the log level cannot be used")]
    Level(#[from] ParseError),
    /// A subscriber is installed already.
    #[error("logging was set up already")]
    Log(#[from] TryInitError),
    /// A recorder is installed already.
    #[error("metrics were set up already")]
    Metrics(#[from] BuildError),
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The `[log]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A level, or levels by module.
    pub level: String,
    /// Text or JSON.
    pub format: Format,
}

/// Sends log lines to stderr, for the whole process. Colours only on a terminal, and none
/// where `NO_COLOR` is set and not empty.
///
/// # Errors
/// When the level is no filter, or logging was set up before.
pub fn log_to_stderr(settings: &Settings) -> Result<(), Error> {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = std::io::stderr().is_terminal() && !no_colour;
    Ok(subscriber(settings, ansi, std::io::stderr)?.try_init()?)
}

/// The subscriber, writing wherever it is told.
fn subscriber<W, M>(settings: &Settings, ansi: bool, make: M) -> Result<Box<Subscriber>, Error>
where
    W: Write + 'static,
    M: Fn() -> W + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&settings.level)?;
    let writer = move || OneLine {
        inner: make(),
        ansi,
    };
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(ansi);
    Ok(match settings.format {
        Format::Text => Box::new(builder.finish()),
        Format::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

/// Keeps an event on one line, whatever is in it: each is written in one piece, and control
/// characters before its end are escaped as JSON has them. Colours are left; of values, the
/// formatter escapes what looks like them.
struct OneLine<W> {
    inner: W,
    ansi: bool,
}

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let plain = |byte: &u8| (b' '..=b'~').contains(byte);
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        if line.iter().all(plain) {
            self.inner.write_all(event)?;
            return Ok(event.len());
        }
        let mut escaped = String::with_capacity(event.len() + 16);
        for c in String::from_utf8_lossy(line).chars() {
            match c {
                '\n' => escaped.push_str("\\n"),
                '\u{1b}' if self.ansi => escaped.push(c),
                c if c.is_control() => escaped += &format!("\\u{:04x}", u32::from(c)),
                c => escaped.push(c),
            }
        }
        escaped.push('\n');
        self.inner.write_all(escaped.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

type Subscriber = dyn tracing::Subscriber + Send + Sync;

/// Renders the metrics, and keeps what they hold in memory small between two readings.
///
/// # Errors
/// As [`collect_metrics`].
pub fn metrics_on_demand() -> Result<impl Fn() -> String + Send + Sync + 'static, Error> {
    let handle = collect_metrics()?;
    let kept = handle.clone();
    tokio::spawn(async move {
        let mut every = tokio::time::interval(UPKEEP);
        loop {
            every.tick().await;
            kept.run_upkeep();
        }
    });
    Ok(move || handle.render())
}

/// Collects metrics for the whole process; the handle renders them in Prometheus' text form.
///
/// Whoever holds it calls `run_upkeep` every few seconds, so that histograms stay small
/// between two scrapes.
///
/// # Errors
/// When metrics were set up before.
pub fn collect_metrics() -> Result<PrometheusHandle, Error> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?;
    Ok(builder.install_recorder()?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while locked").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: Format) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let level = level.to_owned();
        let settings = Settings { level, format };
        let subscriber =
            subscriber(&settings, false, move || writer.clone()).expect("a subscriber");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(order.id = "o-1", "the order is cancelled");
            tracing::debug!("only for debugging");
        });
        let bytes = kept.0.lock().expect("no panic while locked").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn text_has_no_colours_when_told_so_and_the_level_filters() {
        let text = logged("info", Format::Text);
        assert!(text.contains("the order is cancelled") && text.contains("order.id=\"o-1\""));
        assert!(!text.contains('\u{1b}') && !text.contains("only for debugging"));
        assert!(logged("debug", Format::Text).contains("only for debugging"));
        assert_eq!(logged("off", Format::Text), "");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged("info", Format::Json);
        let line: serde_json::Value = serde_json::from_str(text.trim()).expect("one object");
        assert_eq!(line["message"], "the order is cancelled");
        assert_eq!(line["order.id"], "o-1");
    }

    /// What a stranger wrote may end no line, move no cursor and end no text, in either form.
    #[test]
    fn a_line_is_a_line_whatever_is_in_it() {
        let evil = "a\r\n2026 INFO forged\n\u{1b}[31m\u{0}\u{9b}b";
        for format in [Format::Text, Format::Json] {
            let kept = Kept::default();
            let writer = kept.clone();
            let level = "info".to_owned();
            let settings = Settings { level, format };
            let subscriber =
                subscriber(&settings, false, move || writer.clone()).expect("a subscriber");
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(detail = %evil, text = evil, "a request is refused");
                let error = std::io::Error::other(evil);
                tracing::warn!(%error, "something failed");
            });
            let bytes = kept.0.lock().expect("no panic while locked").clone();
            let text = String::from_utf8(bytes).expect("UTF-8");
            assert_eq!(text.lines().count(), 2, "{text:?}");
            let moves = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(moves), "{text:?}");
        }
    }

    #[test]
    fn metrics_are_rendered_with_buckets_and_set_up_once() {
        let handle = collect_metrics().expect("first");
        metrics::counter!("cancels_total").increment(2);
        metrics::histogram!("commit_duration_seconds").record(0.02);
        let text = handle.render();
        assert!(text.contains("cancels_total 2"), "{text}");
        assert!(
            text.contains("commit_duration_seconds_bucket{le=\"0.025\"} 1"),
            "{text}"
        );
        assert!(collect_metrics().is_err());
    }
}
