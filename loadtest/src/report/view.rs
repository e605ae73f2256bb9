//! The live view of a run on a terminal: the [`news`] update a [`model`], which is drawn several times a second. `q`
//! and Ctrl-C end the load cleanly, like a signal. Without a terminal, everything is reported in lines.

use std::io::{self, IsTerminal};
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio_util::sync::CancellationToken;

use crate::base::exit;
use crate::pipeline::news::{self, Listener, News};
pub(crate) use headline::Headline;
use model::ViewModel;
use screen::Screen;
pub(crate) use screen::restore;

mod draw;
mod headline;
mod heat;
mod model;
mod screen;

/// Longest time from news or a key until the screen shows it.
const TICK: Duration = Duration::from_millis(100);

const STOPPING: &str = "stopping; accepted posts are still reconciled, Ctrl-C ends at once";

/// The view, for as long as it is kept. When it is dropped, the terminal is as before, with the messages of the
/// meantime in lines.
pub(crate) struct View {
    thread: Option<JoinHandle<()>>,
}

impl View {
    /// Takes the terminal, unless `is_plain` or there is none. A key may cancel `stop`.
    pub(crate) fn open(headline: Headline, is_plain: bool, stop: &CancellationToken) -> Self {
        if is_plain || !is_on_terminal() {
            return Self { thread: None };
        }
        let stop = stop.clone();
        let thread = screen::take().and_then(Terminal::new).and_then(|terminal| {
            let news = news::listen();
            let work = move || watch(terminal, ViewModel::new(headline), &news, &stop);
            std::thread::Builder::new().name("view".to_owned()).spawn(work)
        });
        match thread {
            Ok(thread) => Self { thread: Some(thread) },
            Err(error) => {
                restore();
                news::to_lines();
                news::say(&format!("there is no live view on this terminal: {error}"));
                Self { thread: None }
            }
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            news::to_lines();
            // The panic itself was already reported.
            thread.join().ok();
        }
    }
}

/// Whether a person watches and has keys: messages go to standard error, the result may go elsewhere.
fn is_on_terminal() -> bool {
    let can_draw = stack::environment("TERM").is_none_or(|terminal| terminal != "dumb");
    can_draw && io::stderr().is_terminal() && io::stdin().is_terminal()
}

/// Draws until there is no more news, or the terminal is gone.
fn watch(
    mut terminal: Terminal<CrosstermBackend<Screen>>,
    mut model: ViewModel,
    news: &Listener,
    stop: &CancellationToken,
) {
    while note_news(&mut model, news) && screen::is_taken() {
        let is_drawn = terminal.draw(|frame| draw::draw(frame.buffer_mut(), &model)).is_ok();
        if !is_drawn || key(&mut model, stop).is_err() {
            break;
        }
    }
    restore();
    model.messages().for_each(|message| eprintln!("{message}"));
}

/// Notes all news; `false` if there will be no more.
fn note_news(model: &mut ViewModel, listener: &Listener) -> bool {
    let (news, has_more) = listener.take();
    news.into_iter().for_each(|news| model.note(news));
    has_more
}

/// Waits a tick for a key, and does what it asks for.
fn key(model: &mut ViewModel, stop: &CancellationToken) -> io::Result<()> {
    if !event::poll(TICK)? {
        return Ok(());
    }
    if let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event::read()? {
        let is_interrupt = code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
        if is_interrupt && stop.is_cancelled() {
            restore();
            std::process::exit(exit::INTERRUPTED);
        }
        if (is_interrupt || code == KeyCode::Char('q')) && !stop.is_cancelled() {
            stop.cancel();
            model.note(News::Line(STOPPING.to_owned()));
        }
    }
    Ok(())
}
