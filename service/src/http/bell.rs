//! Wakes the task that drives a connection. hyper's two halves, one that drives the connection and one that reads or
//! writes a message, wake each other for each message. Where one task polls both, each wake-up would poll it once more
//! for nothing.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

thread_local! {
    static MUTED: Cell<Muted> = const { Cell::new(Muted::No) };
}

/// Whether the bells are muted on this thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Muted {
    No,
    Yes,
    /// And one of them has rung since.
    Rung,
}

/// The bell of one connection. It stands between hyper and the task, so that rings on the task's own thread can be
/// [`muted`]. A ring from another thread, such as for bytes that have arrived, always wakes the task.
pub struct Bell {
    task: Arc<Task>,
    waker: Waker,
}

#[derive(Default)]
struct Task(AtomicWaker);

impl Default for Bell {
    fn default() -> Self {
        let task = Arc::new(Task::default());
        Self { waker: Waker::from(Arc::clone(&task)), task }
    }
}

impl Bell {
    /// Polls the connection. From now on the bell wakes the task of `context`.
    pub fn poll<F: Future>(&self, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.task.0.register(context.waker());
        future.poll(&mut Context::from_waker(&self.waker))
    }

    /// The waker that rings it.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if MUTED.get() == Muted::No {
            self.0.wake();
        } else {
            MUTED.set(Muted::Rung);
        }
    }
}

/// Does `work` while bells that ring on this thread wake nobody. Also returns whether one rang: then its connection
/// must be polled sooner or later.
pub fn muted<T>(work: impl FnOnce() -> T) -> (T, bool) {
    /// Unmutes even when `work` panics; otherwise the thread's other tasks would never be woken again.
    struct Unmute;

    impl Drop for Unmute {
        fn drop(&mut self) {
            MUTED.set(Muted::No);
        }
    }

    MUTED.set(Muted::Yes);
    let _unmute = Unmute;
    let output = work();
    (output, MUTED.get() == Muted::Rung)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_bell_wakes_its_task_unless_it_is_muted_on_this_thread() {
        let (bell, woken) = (Bell::default(), Arc::new(Woken::default()));
        let task = Waker::from(Arc::clone(&woken));
        let ring = || bell.waker().wake_by_ref();
        let wakes = |ring: &dyn Fn() -> bool| {
            let before = woken.0.load(Ordering::Relaxed);
            // A task that was woken polls again, which registers it again.
            assert!(bell.poll(pin!(pending::<()>()), &mut Context::from_waker(&task)).is_pending());
            (ring(), woken.0.load(Ordering::Relaxed) - before)
        };
        assert_eq!(wakes(&|| muted(|| ()).1), (false, 0));
        assert_eq!(wakes(&|| muted(ring).1), (true, 0), "but it is woken");
        assert_eq!(wakes(&|| muted(|| std::thread::scope(|scope| drop(scope.spawn(ring)))).1), (false, 1));
        assert_eq!(wakes(&|| catch_unwind(AssertUnwindSafe(|| muted(|| panic!("as planned")))).is_err()), (true, 0));
        let unmuted = || {
            ring();
            muted(|| ()).1
        };
        assert_eq!(wakes(&unmuted), (false, 1));
    }
}
