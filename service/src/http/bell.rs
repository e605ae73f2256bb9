//! What wakes the task that drives a connection. hyper's halves, the one that drives and the one that takes or gives a
//! message, wake each other for each message; where one task polls both, that would have it polled again in vain.

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
    /// And one of them was rung since.
    Rung,
}

/// The bell of one connection. It stands between hyper and the task, so that what is rung on the task's own thread can
/// be [`muted`]; what other threads ring, such as that bytes have arrived, always wakes.
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
    /// Polls what it is the bell of: from now on it wakes the task of `context`.
    pub fn poll<F: Future>(&self, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.task.0.register(context.waker());
        future.poll(&mut Context::from_waker(&self.waker))
    }

    /// What rings it.
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

/// Does `work` while no bell that is rung on this thread wakes anybody, and gives whether one was; then what it belongs
/// to is to be polled, sooner or later.
pub fn muted<T>(work: impl FnOnce() -> T) -> (T, bool) {
    /// Also when `work` panics, or the thread's other tasks would not be woken ever after.
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
    fn it_wakes_its_task_unless_it_is_muted_on_this_thread() {
        let (bell, woken) = (Bell::default(), Arc::new(Woken::default()));
        let task = Waker::from(Arc::clone(&woken));
        let ring = || bell.waker().wake_by_ref();
        let wakes = |ring: &dyn Fn() -> bool| {
            let before = woken.0.load(Ordering::Relaxed);
            // A task that was woken polls again, and is known again from then on.
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
