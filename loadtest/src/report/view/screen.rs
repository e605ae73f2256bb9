//! The terminal while the view has it, and how it is restored, whatever happens: at the view's end, when any thread
//! panics, and before the process exits.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Held while anything is written to the terminal, so that nothing is drawn after it was restored.
static IS_TAKEN: Mutex<bool> = Mutex::new(false);

/// Writes the drawing to standard error, one frame at a time. The lock is not held while a frame is made, so a panic
/// there can still restore the terminal.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    frame: Vec<u8>,
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let is_taken = lock();
        if *is_taken {
            let mut terminal = io::stderr().lock();
            terminal.write_all(&self.frame)?;
            terminal.flush()?;
        }
        self.frame.clear();
        Ok(())
    }
}

/// Takes the terminal; [`restore`] gives it back.
pub(crate) fn take() -> io::Result<CrosstermBackend<Screen>> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
    let mut is_taken = lock();
    enable_raw_mode()?;
    *is_taken = true;
    execute!(io::stderr(), EnterAlternateScreen, Clear(ClearType::All), Hide)?;
    Ok(CrosstermBackend::new(Screen::default()))
}

/// Whether the view has the terminal.
pub(crate) fn is_taken() -> bool {
    *lock()
}

/// Restores the terminal, if the view has it. A terminal that is gone needs nothing.
pub(crate) fn restore() {
    let mut is_taken = lock();
    if std::mem::take(&mut *is_taken) {
        execute!(io::stderr(), LeaveAlternateScreen, Show).ok();
        disable_raw_mode().ok();
    }
}

fn lock() -> MutexGuard<'static, bool> {
    IS_TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
