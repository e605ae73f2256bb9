//! The descriptions of the HTTP interfaces as they are checked in, so that a changed route shows as a diff.

use contract::Kind;
use service::Settings;
use submissions::SubmissionsConfig;

/// Where each of them is, with what it should be: the document of a producer that serves the built-in kinds, and that
/// of submissions with its default settings.
pub fn snapshots() -> [(&'static str, String); 2] {
    let submissions = SubmissionsConfig::read(&mut Settings::new(&|_| None));
    [
        ("docs/openapi.json", producer::openapi(&Kind::BUILT_IN)),
        ("docs/openapi-submissions.json", submissions::openapi(submissions.api.max_content_chars)),
    ]
}
