//! Facts that a manifest states, held against facts that were read.

use std::time::Duration;

use serde_json::Value;

/// Demands that both sides are the same.
pub(crate) fn equal(name: &str, wanted: &Value, found: &Value) -> Result<(), String> {
    if wanted == found { Ok(()) } else { Err(format!("{name}: {found} where the manifest says {wanted}")) }
}

/// Demands that every fact of `wanted` is known to `find`, and the same.
pub(crate) fn all(
    wanted: &Value,
    mut find: impl FnMut(&str, &Value) -> Result<Option<Value>, String>,
) -> Result<(), String> {
    for (name, value) in wanted.as_object().into_iter().flatten() {
        let found = find(name, value)?.ok_or_else(|| format!("a fact that is not known: {name}"))?;
        equal(name, value, &found)?;
    }
    Ok(())
}

/// RFC 3339, UTC, to Unix seconds. The offset may be written out.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let utc = text.strip_suffix("+00:00").map_or_else(|| text.to_owned(), |local| format!("{local}Z"));
    let time: der::DateTime = utc.parse().map_err(|_| format!("not a time: {text}"))?;
    Ok(time.unix_duration().as_secs())
}

/// Unix seconds to RFC 3339.
pub(crate) fn time(seconds: u64) -> Result<Value, String> {
    let time =
        der::DateTime::from_unix_duration(Duration::from_secs(seconds)).map_err(|_| "time out of range")?;
    Ok(time.to_string().into())
}
