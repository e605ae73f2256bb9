//! Shows a waiting person what takes time.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Gets one line whenever something has taken a while.
pub type OnProgress = fn(&str);

/// The default: a line on standard error.
pub fn to_stderr(line: &str) {
    eprintln!("{line}");
}

/// The first line comes after this long; shorter work is silent.
const FIRST: Duration = Duration::from_secs(1);
/// Further lines come this often.
const EVERY: Duration = Duration::from_secs(10);

/// Does `work` and reports to `progress`: `what` after a second, and later the seconds passed as well.
pub(crate) async fn during<T>(progress: OnProgress, what: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let started = Instant::now();
    if let Ok(done) = timeout_at(started + FIRST, &mut work).await {
        return done;
    }
    progress(&format!("{what}…"));
    let mut next = started + EVERY;
    loop {
        if let Ok(done) = timeout_at(next, &mut work).await {
            return done;
        }
        progress(&format!("{what}… {} s", (next - started).as_secs()));
        next += EVERY;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn long_work_is_reported_now_and_then_and_short_work_never() {
        static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let note: OnProgress = |line| LINES.lock().unwrap().push(line.to_owned());

        assert_eq!(during(note, "blinking", async { 7 }).await, 7);
        during(note, "building", tokio::time::sleep(Duration::from_secs(25))).await;

        assert_eq!(*LINES.lock().unwrap(), ["building…", "building… 10 s", "building… 20 s"]);
    }
}
