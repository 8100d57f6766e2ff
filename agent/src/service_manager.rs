//! What the service manager is told (sd_notify(3)), where one has started us: a unit is started when it serves, not when
//! its program runs, as attaching takes seconds and may fail.

use sd_notify::NotifyState;

/// Everything is attached, and clients are answered on `listening`.
pub fn serving(listening: &str) {
    tell(&[
        NotifyState::Ready,
        NotifyState::Status(&format!("Serving on {listening}")),
    ]);
}

/// Clients get the rest, then we end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Without a service manager nothing is sent. One that does not hear us ends us after its own time: then the log says why.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        eprintln!(
            "cowpath-agent: the service manager cannot be told: {error}. See NotifyAccess= in the unit"
        );
    }
}
