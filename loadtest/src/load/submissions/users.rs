//! Virtual users who submit: each waits until its next request is due, sends it, and books the answer.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use tokio::time::sleep;

use super::client::{Client, Question, Silence};
use super::requests::{Said, read, written};
use super::shared::Shared;
use super::{changer, watcher};
use crate::ledger::submissions::books::Answer;
use crate::load::pacing::ended::Ended;

/// How long a request with a key is sent again until it is known what became of it, and how often.
const SEND_AGAIN_FOR: Duration = Duration::from_secs(60);
const SEND_AGAIN_PAUSE: Duration = Duration::from_millis(100);

/// The life of user `vu`, until the model, the last number or `stop` ends it.
pub(crate) async fn run(shared: Arc<Shared>, vu: u32) {
    let mut client = Client::new(&shared.target, shared.request_timeout);
    let (mut turn, mut last) = (0, None);
    while let Some(due) = shared.turns.next(vu, turn, last) {
        tokio::select! {
            () = shared.alarm.until(due) => {}
            () = shared.stop.cancelled() => return,
        }
        let numbers = shared.records.next();
        if numbers.is_empty() {
            return;
        }
        let ended = submit(&shared, &mut client, due, numbers).await;
        (turn, last) = (turn + 1, Some((Instant::now(), ended)));
    }
}

async fn submit(shared: &Arc<Shared>, client: &mut Client, due: Instant, numbers: Range<u64>) -> Ended {
    let plan = &shared.records.plan;
    let first = numbers.start;
    let contents: Vec<String> = numbers.clone().map(|n| plan.contents().planned(n).content).collect();
    let (path, body) = written(&contents);
    let key = plan.has_key(first).then(|| format!("{}-{first}", shared.run));
    let question = Question { method: Method::POST, path, key: key.as_deref(), body };

    let answers = ask(shared, client, &question, &contents, &numbers).await;
    if answers.iter().all(|answer| matches!(answer, Answer::Accepted(_))) {
        shared.records.submitted(due.elapsed());
    }
    if key.is_some() && !answers.contains(&Answer::NotSent) {
        send_again(shared, client, &question, &contents, &numbers).await;
    }
    let is_in_trouble = answers.iter().any(|answer| matches!(answer, Answer::NotSent | Answer::Unknown));
    if is_in_trouble { Ended::InTrouble } else { Ended::Answered }
}

/// Sends a request with a key again: once if that is planned, and until it is known what became of it.
async fn send_again(
    shared: &Arc<Shared>,
    client: &mut Client,
    question: &Question<'_>,
    contents: &[String],
    numbers: &Range<u64>,
) {
    let deadline = Instant::now() + SEND_AGAIN_FOR;
    let is_unknown = || {
        let book = shared.records.book();
        numbers.clone().any(|n| book.books.answer(n) == Some(Answer::Unknown))
    };
    let mut is_planned = shared.records.plan.is_sent_again(numbers.start);
    while is_planned || is_unknown() {
        if Instant::now() > deadline {
            return;
        }
        if !is_planned {
            sleep(SEND_AGAIN_PAUSE).await;
        }
        is_planned = false;
        shared.records.book().sent_again += 1;
        ask(shared, client, question, contents, numbers).await;
    }
}

/// Sends a request, books what came of each of its submissions, and returns that.
async fn ask(
    shared: &Arc<Shared>,
    client: &mut Client,
    question: &Question<'_>,
    contents: &[String],
    numbers: &Range<u64>,
) -> Vec<Answer> {
    let silent = |answer| vec![Said { answer, wrong: None }; contents.len()];
    let said = match client.ask(question).await {
        Ok(answer) => read(&answer, contents),
        Err(Silence::NotSent) => silent(Answer::NotSent),
        Err(Silence::Unknown) => silent(Answer::Unknown),
    };
    let answers = said.iter().map(|said| said.answer).collect();
    for (n, Said { answer, wrong }) in numbers.clone().zip(said) {
        if let Some(id) = shared.records.answered(n, answer, wrong) {
            let plan = &shared.records.plan;
            if plan.is_watched(n) {
                shared.followers.spawn(watcher::watch(Arc::clone(shared), n, id));
            }
            if plan.is_cancelled(n) || plan.is_retried(n) {
                shared.followers.spawn(changer::change(Arc::clone(shared), n, id));
            }
        }
    }
    answers
}
