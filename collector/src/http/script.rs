//! The tracker, with the collector's settings inserted.

use std::path::Path;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use service::health::Health;

/// The part's name in [`Health`].
const PART: &str = "tracker";

/// The placeholder in the built tracker that the settings replace.
const SETTINGS: &str = "__SETTINGS__";

/// The tracker with its settings; `None` if it is not built.
#[derive(Clone)]
pub struct Script(Result<String, String>);

/// The settings of the tracker.
#[derive(Clone, Copy, Debug)]
pub struct TrackerSettings<'a> {
    /// The path of the script.
    pub script_path: &'a str,
    /// The path for beacons.
    pub beacon_path: &'a str,
    /// How often a visible page sends.
    pub heartbeat: Duration,
    /// How long after leaving a page the next one is a new visit.
    pub leave_grace: Duration,
    /// Whether browsers that send Global Privacy Control send nothing.
    pub respect_gpc: bool,
}

impl Script {
    /// Reads the built tracker. Reports in `health` if there is none: pages that have it already go on sending.
    pub fn load(file: &Path, settings: TrackerSettings<'_>, health: &Health) -> Self {
        match std::fs::read_to_string(file) {
            Ok(tracker) => Self(Ok(tracker.replace(SETTINGS, &settings.to_json()))),
            Err(error) => {
                let problem = format!("there is no tracker in --tracker {}: {error}", file.display());
                health.impaired(PART, format!("{problem}; build it with `make build`"));
                Self(Err(problem))
            }
        }
    }
}

impl TrackerSettings<'_> {
    fn to_json(self) -> String {
        json!({
            "to": self.beacon_url(),
            "heartbeat": millis(self.heartbeat),
            "grace": millis(self.leave_grace),
            "gpc": self.respect_gpc,
        })
        .to_string()
    }

    /// The path for beacons, relative to the script if both are in one folder, so that a proxy may serve that folder anywhere.
    fn beacon_url(self) -> String {
        let folder = |path: &str| path.rfind('/').map_or(0, |slash| slash + 1);
        let end = folder(self.beacon_path);
        if self.script_path.get(..folder(self.script_path)) == self.beacon_path.get(..end) {
            self.beacon_path[end..].to_owned()
        } else {
            self.beacon_path.to_owned()
        }
    }
}

fn millis(duration: Duration) -> i64 {
    protocol::time::millis(duration)
}

/// `GET /v.js`.
pub async fn serve(State(Script(script)): State<Script>) -> Response {
    match script {
        Ok(script) => {
            let headers = [
                (CONTENT_TYPE, "text/javascript; charset=utf-8"),
                // Browsers load a new version within an hour.
                (CACHE_CONTROL, "public, max-age=3600"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            let shared = [("cross-origin-resource-policy", "cross-origin")];
            (headers, shared, script).into_response()
        }
        Err(problem) => (StatusCode::NOT_FOUND, format!("{problem}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beacons_go_to_the_folder_of_the_script() {
        let settings = |script_path, beacon_path| TrackerSettings {
            script_path,
            beacon_path,
            heartbeat: Duration::from_secs(15),
            leave_grace: Duration::from_secs(10),
            respect_gpc: true,
        };
        assert_eq!(settings("/v.js", "/v").beacon_url(), "v");
        assert_eq!(settings("/a/v.js", "/a/b").beacon_url(), "b");
        assert_eq!(settings("/a/v.js", "/v").beacon_url(), "/v");
        assert_eq!(
            settings("/v.js", "/v").to_json(),
            r#"{"gpc":true,"grace":10000,"heartbeat":15000,"to":"v"}"#
        );
    }
}
